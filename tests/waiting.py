"""Waiting for what happens elsewhere, bounded."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LIMIT_S = 60.0


def until(condition: Callable[[], T]) -> T:
    """Look again and again until it holds, and return what it gave.

    Raises:
        TimeoutError: it does not hold within a minute.
    """
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.01)
    raise TimeoutError("it did not come to be")
