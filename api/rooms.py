"""So many at a time in this process, and of one caller: whoever comes beyond waits, as long as not too many do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Crowded(Exception):
    """So many of a caller wait that one more may not."""


class Rooms:
    """Room for one kind of work; that of a caller is forgotten when nobody is in it or waits.

    `waiting_max`: of one caller; None: any number.
    """

    def __init__(self, of_all: int, of_one_caller: int, waiting_max: int | None = None) -> None:
        self._all = asyncio.Semaphore(of_all)
        self._of_one_caller = of_one_caller
        self._most = None if waiting_max is None else of_one_caller + waiting_max
        self._callers: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._present: Counter[str] = Counter()

    @asynccontextmanager
    async def enter(self, caller: str) -> AsyncIterator[None]:
        """Wait for room; it is kept for the length of a block.

        Raises:
            Crowded: too many of this caller wait.
        """
        if self._most is not None and self._present[caller] >= self._most:
            raise Crowded
        room = self._callers.setdefault(caller, asyncio.Semaphore(self._of_one_caller))
        self._present[caller] += 1
        try:
            async with room, self._all:
                yield
        finally:
            self._present[caller] -= 1
            self._present += Counter()  # forgets who is not there any more
