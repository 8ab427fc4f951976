"""The end of a process: that it is asked for, and that it comes with the end of the one that started it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue

_PR_SET_PDEATHSIG = 1


class Stopping:
    """Whether SIGTERM, SIGINT or SIGHUP (but under `nohup`) has come, or `set` was called. Made in the main thread.

    A queue and no event: a handler that sets the event which its own thread is just about to wait for would wait for
    ever, since both want the same lock.
    """

    def __init__(self) -> None:
        self._reasons: SimpleQueue[None] = SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda _number, _frame: self.set())

    def set(self) -> None:
        """Stop whoever waits."""
        self._reasons.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True when it is time to stop."""
        try:
            self._reasons.get(timeout=seconds)
        except Empty:
            return False
        return True


def ending_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What a new process calls before it becomes its program, so that it gets this signal when the thread that has
    started it ends, however that happens; for `preexec_fn`, since the system's call is looked up before the fork.
    Where there is no such call (it is Linux's) it does nothing.
    """
    if sys.platform != "linux":
        return lambda: None
    parent, control = os.getpid(), ctypes.CDLL(None).prctl

    def ask() -> None:
        control(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(1)

    return ask
