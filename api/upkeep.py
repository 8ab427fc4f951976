"""The memory of a process whose observers come and go by the thousand."""

import asyncio
import ctypes
import gc

OBSERVERS = 500
"""So many that came, or that left, are worth the trouble."""
SETTLE_S = 1.0
"""They have all gone when nobody else goes for so long."""
STRAGGLE_S = 5.0
"""Or so it seems to a busy process: whoever goes after all counts with them."""


class Upkeep:
    """Counts who came and who left, and does what is due then.

    The collector of cycles stops everything while it looks at all that lives: a third of a second with five thousand
    observers, who hold no cycles for it to find. So those who have come are moved out of its sight. And when many have
    left, the system gets back what they took; by itself the allocator keeps it.
    """

    def __init__(self) -> None:
        self._came = self._left = 0

    def one_came(self) -> None:
        """One observer more."""
        self._came += 1
        if self._came == OBSERVERS:
            self._came = 0
            gc.freeze()

    def one_left(self) -> None:
        """One observer fewer."""
        self._left += 1
        if self._left == OBSERVERS:
            self._await_quiet(0)

    def _await_quiet(self, left_before: int) -> None:
        if self._left > left_before:
            asyncio.get_running_loop().call_later(SETTLE_S, self._await_quiet, self._left)
        else:
            self._left = 0
            self._give_back()
            asyncio.get_running_loop().call_later(STRAGGLE_S, self._look_again)

    def _look_again(self) -> None:
        if self._left:
            self._await_quiet(0)

    def _give_back(self) -> None:
        gc.freeze()
        gc.collect()  # has nothing to look at then, and empties the interpreter's free lists
        gc.unfreeze()
        asyncio.get_running_loop().run_in_executor(None, _trim)


def _trim() -> None:
    """Give free pages back, where the C library can; with `PYTHONMALLOC=malloc` it holds Python's objects too."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
