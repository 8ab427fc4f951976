"""Whoever comes beyond what fits waits; a caller's own crowd waits behind nobody else's."""

import asyncio

import pytest

from api.rooms import Crowded, Rooms


class Crowd:
    """Tasks that stay in until they are let out."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self.out = asyncio.Event()
        self.inside: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, *callers: str) -> None:
        """Each comes, and is in if there is room."""
        self._tasks += [asyncio.create_task(self._stay(caller)) for caller in callers]
        for _ in range(10):
            await asyncio.sleep(0)

    async def _stay(self, caller: str) -> None:
        async with self._rooms.enter(caller):
            self.inside.append(caller)
            await self.out.wait()

    async def leave(self) -> None:
        self.out.set()
        await asyncio.gather(*self._tasks)


async def test_one_caller_has_so_much_room_and_all_together_have_more() -> None:
    crowd = Crowd(Rooms(of_all=5, of_one_caller=2))
    await crowd.come("alice", "alice", "alice", "alice", "bob", "bob", "bob", "carol", "carol")
    assert sorted(crowd.inside) == ["alice", "alice", "bob", "bob", "carol"]
    await crowd.leave()
    assert sorted(crowd.inside) == ["alice"] * 4 + ["bob"] * 3 + ["carol"] * 2


async def test_of_one_caller_only_so_many_wait() -> None:
    rooms = Rooms(of_all=5, of_one_caller=2, waiting_max=1)
    crowd = Crowd(rooms)
    await crowd.come("alice", "alice", "alice", "bob")
    with pytest.raises(Crowded):
        async with rooms.enter("alice"):
            pass
    await crowd.leave()
    async with rooms.enter("alice"):
        assert dict(rooms._present) == {"alice": 1}
    assert not rooms._present


async def test_who_has_left_leaves_no_trace() -> None:
    rooms = Rooms(of_all=5, of_one_caller=2)
    crowd = Crowd(rooms)
    await crowd.come(*(f"caller {number}" for number in range(5)))
    await crowd.leave()
    del crowd
    assert len(rooms._callers) == 0
