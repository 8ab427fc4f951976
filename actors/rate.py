"""The least that whoever sends something must send: who sends a byte now and then holds nobody up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WINDOW_S = 10.0
WINDOW_MIN_BYTES = 10_000
"""A kilobyte a second, looked at over ten."""


class Rate:
    """Counts what arrives, and puts off the end of the window with each `WINDOW_MIN_BYTES`."""

    def __init__(self, window: asyncio.Timeout) -> None:
        self._window, self._bytes = window, 0

    def count(self, size_bytes: int) -> None:
        """So much has arrived."""
        self._bytes += size_bytes
        if self._bytes >= WINDOW_MIN_BYTES:
            self._bytes = 0
            self._window.reschedule(asyncio.get_running_loop().time() + WINDOW_S)


@asynccontextmanager
async def least_rate() -> AsyncIterator[Rate]:
    """What runs inside must count `WINDOW_MIN_BYTES` in every `WINDOW_S`.

    Raises:
        TimeoutError: it did not.
    """
    async with asyncio.timeout(WINDOW_S) as window:
        yield Rate(window)
