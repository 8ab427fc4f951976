"""Places that many want: they are given to one owner after the other, so that a crowd of one holds up nobody else."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """There are no places any more."""


class Seats(Generic[T]):
    """From any number of threads. The place that was given back last is taken next."""

    def __init__(self, seats: Iterable[T]) -> None:
        self._free = list(seats)
        self._line: OrderedDict[str, deque[object]] = OrderedDict()
        """Who waits, by owner; the next owner first."""
        self._changed = threading.Condition()
        self._closed = False

    def take(self, owner: str) -> T:
        """Wait for a place, behind others of this owner only as long as nobody else waits.

        Raises:
            Closed: there is none any more.
        """
        ticket = object()
        with self._changed:
            self._line.setdefault(owner, deque()).append(ticket)
            try:
                self._changed.wait_for(lambda: self._closed or (self._free and self._next() is ticket))
            finally:
                self._leave(owner, ticket)
            if self._closed:
                raise Closed
            return self._free.pop()

    def give(self, seat: T) -> None:
        """A place is free."""
        with self._changed:
            self._free.append(seat)
            self._changed.notify_all()

    def close(self) -> list[T]:
        """Send everybody away who waits; returns the free places."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            free, self._free = self._free, []
            return free

    def _next(self) -> object:
        return next(iter(self._line.values()))[0]

    def _leave(self, owner: str, ticket: object) -> None:
        others = self._line[owner]
        others.remove(ticket)
        self._line.move_to_end(owner)
        if not others:
            del self._line[owner]
        self._changed.notify_all()
