"""So many at a time in this process, and of one caller: whoever comes beyond waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Rooms:
    """Room for one kind of work; that of a caller is forgotten when nobody is in it or waits."""

    def __init__(self, of_all: int, of_one_caller: int) -> None:
        self._all = asyncio.Semaphore(of_all)
        self._of_one_caller = of_one_caller
        self._callers: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def enter(self, caller: str) -> AsyncIterator[None]:
        """Wait for room; it is kept for the length of a block."""
        room = self._callers.setdefault(caller, asyncio.Semaphore(self._of_one_caller))
        async with room, self._all:
            yield
