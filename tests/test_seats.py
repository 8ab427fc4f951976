"""Where many wait for few places, owners take turns."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from actors.seats import Closed, Seats
from tests.waiting import LIMIT_S, until


class Hall:
    """Threads that wait for the one place there is, and note who got it."""

    def __init__(self) -> None:
        self.seats = Seats(["the only one"])
        self.served: list[str] = []
        self._pool = ThreadPoolExecutor(20)

    def come(self, *owners: str) -> list["Future[None]"]:
        """One after the other, each once the one before waits."""
        visits = []
        for owner in owners:
            before = self.waiting
            visits.append(self._pool.submit(self._visit, owner))
            until(lambda before=before: self.waiting > before)  # type: ignore[misc]
        return visits

    @property
    def waiting(self) -> int:
        return sum(map(len, self.seats._line.values()))

    def _visit(self, owner: str) -> None:
        seat = self.seats.take(owner)
        self.served.append(owner)
        self.seats.give(seat)


def test_owners_take_turns_and_those_of_one_come_in_their_order() -> None:
    hall = Hall()
    seat = hall.seats.take("alice")
    visits = hall.come("alice", "alice", "alice", "bob", "carol", "bob")
    hall.seats.give(seat)
    for visit in visits:
        visit.result(LIMIT_S)
    assert hall.served == ["alice", "bob", "carol", "alice", "bob", "alice"]
    assert not hall.seats._line


def test_who_waits_is_sent_away_at_the_end() -> None:
    hall = Hall()
    hall.seats.take("alice")
    (visit,) = hall.come("bob")
    assert hall.seats.close() == []
    with pytest.raises(Closed):
        visit.result(LIMIT_S)
    with pytest.raises(Closed):
        hall.seats.take("carol")


def test_many_threads_never_share_a_place() -> None:
    seats = Seats(range(3))
    taken, lock = set[int](), threading.Lock()

    def use(owner: str) -> None:
        for _ in range(50):
            seat = seats.take(owner)
            with lock:
                assert seat not in taken
                taken.add(seat)
            with lock:
                taken.remove(seat)
            seats.give(seat)

    with ThreadPoolExecutor(12) as pool:
        for done in [pool.submit(use, f"owner {number % 4}") for number in range(12)]:
            done.result(LIMIT_S)
