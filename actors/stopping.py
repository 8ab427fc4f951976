"""The end of a process. A queue and no event: a signal's handler that sets the event which its own thread is just
about to wait for would wait for ever, since both want the same lock.
"""

import signal
from queue import Empty, SimpleQueue


class Stopping:
    """Whether SIGTERM or SIGINT has come, or `set` was called. Made in the main thread."""

    def __init__(self) -> None:
        self._reasons: SimpleQueue[None] = SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT):
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
