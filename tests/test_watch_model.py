"""Whatever comes between whatever: each observer is told every event once and in order, or caught up past it."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import watch as watch_module
from api.frames import Frame
from api.snapshot import Position, Snapshot
from api.watch import Followed, Gap, Watch
from tests.test_watch import event, snapshot


class Stream:
    """A job: what has happened to it, and the reader that hands it on once the job is followed."""

    def __init__(self) -> None:
        self.followed = Followed("job")
        self.seq = 0
        self._reading = asyncio.Lock()
        """There is one reader."""
        self._flights: dict[str | None, asyncio.Task[Snapshot]] = {}

    async def snapshot(self, cursor: str | None) -> Snapshot:
        """Those who ask for the same at the same time share one, as of when the first of them asked."""
        flight = self._flights.get(cursor)
        if flight is None or flight.done():
            flight = self._flights[cursor] = asyncio.create_task(self._snapshot())
        return await asyncio.shield(flight)

    async def _snapshot(self) -> Snapshot:
        taken = snapshot(self.seq)
        for _ in range(9):  # the answer is on its way
            await asyncio.sleep(0)
        return taken

    def happen(self) -> None:
        """One event more."""
        self.seq += 1

    async def read(self, *, trimmed: int = 0) -> None:
        """Hand on what has happened; of that, so much is no longer there."""
        async with self._reading:
            followed = self.followed
            while followed.position and (seq := int(followed.position.entry_id[:-2]) + 1) <= self.seq:
                seq, trimmed = min(seq + trimmed, self.seq), 0
                followed.position = Position("run", f"{seq}-0")
                await followed.put(event(seq, b"%d" % seq))


class Observer:
    """Follows by the same steps as `observe`, and checks what it is told."""

    def __init__(self, stream: Stream, *, quick: bool) -> None:
        self._stream, self._quick = stream, quick
        self.seen = 0
        self.wrong = ""
        self.watch = stream.followed.join(self._offer)
        self.task = asyncio.create_task(self._run())

    def _offer(self, frame: Frame) -> bool:
        if self._quick:
            self._hear(int(frame.body))
        return self._quick

    def _hear(self, seq: int) -> None:
        if seq != self.seen + 1:
            self.wrong = f"{seq} behind {self.seen}"
        self.seen = seq

    async def _run(self) -> None:
        while True:
            await self._catch_up(self.watch)
            try:
                while (found := await self.watch.next(60)) is not None:
                    self._hear(found.seq)
                    await asyncio.sleep(0)  # it is sent
            except Gap:
                assert self.watch.cursor == f"run.{self.seen}-0"

    async def _catch_up(self, watch: Watch) -> None:
        followed, cursor = self._stream.followed, watch.cursor
        while True:
            watch.prepare()
            taken = await self._stream.snapshot(cursor)
            if watch.accept(taken):
                break
        if not followed.follows("run"):
            followed.start(taken)
        assert taken.facts.seq >= self.seen
        self.seen = taken.facts.seq

    def check(self) -> None:
        """Nothing went wrong so far."""
        assert not self.wrong
        if self.task.done():
            self.task.result()

    def leave(self) -> None:
        self.check()
        self.task.cancel()
        self._stream.followed.watches.discard(self.watch)


STEPS = ["happens", "happens", "read", "read", "trimmed", "forget", "join", "join", "join slow", "leave"]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), min_size=30, max_size=100))
def test_every_observer_is_told_everything_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch_module, "TURN", 1)
        patch.setattr(watch_module, "WAITING_MAX", 3)
        patch.setattr(watch_module, "BEHIND_MAX", 2)
        asyncio.run(history(steps))


async def history(plan: list[tuple[str, int]]) -> None:
    stream = Stream()
    observers = [Observer(stream, quick=True), Observer(stream, quick=False)]
    reads: list[asyncio.Task[None]] = []

    def leave(number: int) -> None:
        if observers:
            observers.pop(number % len(observers)).leave()

    steps: dict[str, Callable[[int], object]] = {
        "happens": lambda _: stream.happen(),
        "read": lambda _: reads.append(asyncio.create_task(stream.read())),
        "trimmed": lambda number: reads.append(asyncio.create_task(stream.read(trimmed=number))),
        "forget": lambda _: stream.followed.forget(),
        "join": lambda _: observers.append(Observer(stream, quick=True)),
        "join slow": lambda _: observers.append(Observer(stream, quick=False)),
        "leave": leave,
    }
    for step, number in plan:
        steps[step](number)
        for _ in range(number % 2):
            await asyncio.sleep(0)
    await asyncio.gather(*reads)
    await settled(stream, observers)
    for observer in observers:
        observer.leave()


async def settled(stream: Stream, observers: list[Observer]) -> None:
    """Wait until all have been told everything."""
    for _ in range(2_000):
        for observer in observers:
            observer.check()
        if all(observer.seen == stream.seq for observer in observers):
            return
        await stream.read()
        await asyncio.sleep(0)
    raise AssertionError(f"{[observer.seen for observer in observers]} of {stream.seq}")
