"""The bookkeeping of observers: no gap, no repeat, bounded. No Redis here."""

import asyncio
from typing import Any

import pytest

from actors.records import JobMissing
from api import watch as watch_module
from api.facts import Facts
from api.frames import Frame
from api.snapshot import Position, Snapshot
from api.watch import NOTHING, Event, Followed, Gap, Stopping, Watch
from protocol.messages import Catchup, JobState
from protocol.words import JobStatus


def event(seq: int, body: bytes = b"{}", *, over: bool = False) -> Event:
    """The event of this number."""
    return Event(seq=seq, frame=Frame(body, f"run.{seq}-0"), cursor=f"run.{seq}-0", over=over)


def snapshot(seq: int, run: str = "run") -> Snapshot:
    """The job as it stood behind the event of this number."""
    known: dict[str, Any] = dict.fromkeys(Facts.__dataclass_fields__, "") | {
        "job_id": "job", "run": run, "status": JobStatus.PROCESSING, "total": 4, "seq": seq
    }  # fmt: skip
    state = JobState(status=JobStatus.PROCESSING, progress=0.0, processed_count=0, failed_count=0, total=4)
    return Snapshot(Facts(**known), Position(run, f"{seq}-0"), Catchup(job_id="job", state=state, results=[]))


async def delivered(watch: Watch) -> list[int]:
    """The numbers of all events that wait."""
    found: list[int] = []
    while (each := await watch.next(0)) is not None:
        found.append(each.seq)
    return found


async def test_events_that_the_snapshot_holds_are_not_told_again() -> None:
    followed = Followed("job")
    followed.start(snapshot(3))
    watch = followed.join()
    for seq in (4, 5, 6):
        await followed.take(event(seq))
    watch.prepare()
    assert watch.accept(snapshot(5))
    assert await delivered(watch) == [6]


async def test_a_snapshot_older_than_what_was_missed_is_not_good_enough() -> None:
    followed = Followed("job")
    followed.start(snapshot(5))
    watch = followed.join()
    assert not watch.accept(snapshot(4))
    assert watch.accept(snapshot(5))


async def test_who_joined_before_the_first_snapshot_needs_one_that_reaches_its_start() -> None:
    followed = Followed("job")
    quick, slow = followed.join(), followed.join()
    assert quick.accept(snapshot(7))
    followed.start(snapshot(7))
    assert not slow.accept(snapshot(6))
    assert slow.accept(snapshot(7))
    await followed.take(event(8))
    assert [await delivered(watch) for watch in (quick, slow)] == [[8], [8]]


@pytest.mark.parametrize("seq", [6, 4, 3, 100])
async def test_an_event_that_is_not_the_next_is_a_gap_for_all(seq: int) -> None:
    followed = Followed("job")
    followed.start(snapshot(4))
    watches = [followed.join(), followed.join()]
    assert all(watch.accept(snapshot(4)) for watch in watches)
    await followed.take(event(seq))
    for watch in watches:
        with pytest.raises(Gap):
            await watch.next(0)
        watch.prepare()
        assert not watch.accept(snapshot(seq - 1))
        assert watch.accept(snapshot(seq))
    await followed.take(event(seq + 1))
    assert [await delivered(watch) for watch in watches] == [[seq + 1]] * 2


@pytest.mark.parametrize(
    ("count", "size"), [(watch_module.WAITING_MAX + 1, 1), (9, watch_module.WAITING_MAX_BYTES // 8)]
)
async def test_what_waits_for_a_slow_observer_is_bounded_in_number_and_bytes(count: int, size: int) -> None:
    followed = Followed("job")
    followed.start(snapshot(0))
    slow, quick = followed.join(), followed.join()
    assert slow.accept(snapshot(0))
    assert quick.accept(snapshot(0))
    for seq in range(1, count + 1):
        await followed.take(event(seq, b"x" * size))
        assert await delivered(quick) == [seq]
    with pytest.raises(Gap):
        await slow.next(0)
    slow.prepare()
    assert not slow.accept(snapshot(count - 1))
    assert slow.accept(snapshot(count))


async def test_a_stream_that_is_not_what_it_was_begins_anew() -> None:
    followed = Followed("job")
    followed.start(snapshot(9))
    watch = followed.join()
    assert watch.accept(snapshot(9))
    followed.forget()
    with pytest.raises(Gap):
        await watch.next(0)
    watch.prepare()
    assert watch.accept(snapshot(2, "another run"))
    followed.start(snapshot(2, "another run"))
    await followed.take(event(3))
    assert await delivered(watch) == [3]


@pytest.mark.parametrize("fault", [JobMissing("job"), Stopping()])
async def test_what_cannot_be_mended_stays(fault: Exception) -> None:
    followed = Followed("job")
    watch = followed.join()
    followed.fail(fault)
    followed.forget()
    for _ in range(2):
        with pytest.raises(type(fault)):
            await watch.next(0)
        with pytest.raises(type(fault)):
            watch.prepare()


async def test_an_event_wakes_who_waits_for_it() -> None:
    followed = Followed("job")
    followed.start(snapshot(0))
    watch = followed.join()
    assert watch.accept(snapshot(0))
    waiting = asyncio.create_task(watch.next(10))
    await asyncio.sleep(0)
    await followed.take(event(1))
    found = await waiting
    assert found is not None
    assert found.seq == 1


async def test_silence_is_none() -> None:
    assert await Watch(NOTHING).next(0) is None


class Reader:
    """An observer that takes frames at once, as long as it is ready to."""

    def __init__(self) -> None:
        self.ready = True
        self.taken: list[bytes] = []

    def offer(self, frame: Frame) -> bool:
        if self.ready:
            self.taken.append(frame.body)
        return self.ready


async def test_a_sink_takes_what_comes_while_its_observer_waits_and_the_line_keeps_the_rest_in_order() -> None:
    followed, reader = Followed("job"), Reader()
    followed.start(snapshot(0))
    watch = followed.join(reader.offer)
    assert watch.accept(snapshot(0))
    await followed.take(event(1, b"before it waits"))
    assert await delivered(watch) == [1]
    waiting = asyncio.create_task(watch.next(60))
    await asyncio.sleep(0)
    await followed.take(event(2, b"at once"))
    await followed.take(event(3, b"at once as well"))
    assert watch.cursor == "run.3-0"
    reader.ready = False
    await followed.take(event(4))
    reader.ready = True
    await followed.take(event(5))
    found = await waiting
    assert found is not None
    assert [found.seq, *await delivered(watch)] == [4, 5]
    assert reader.taken == [b"at once", b"at once as well"]


async def test_a_sink_is_offered_neither_what_the_snapshot_holds_nor_the_ending() -> None:
    followed, reader = Followed("job"), Reader()
    followed.start(snapshot(0))
    watch = followed.join(reader.offer)
    assert watch.accept(snapshot(2))
    waiting = asyncio.create_task(watch.next(60))
    await asyncio.sleep(0)
    await followed.take(event(1))
    await asyncio.sleep(0)
    await followed.take(event(2))
    await followed.take(event(3, over=True))
    found = await waiting
    assert found is not None
    assert (found.seq, found.over) == (3, True)
    assert reader.taken == []


async def test_what_a_sink_takes_counts_as_said() -> None:
    followed, reader = Followed("job"), Reader()
    followed.start(snapshot(0))
    watch = followed.join(reader.offer)
    assert watch.accept(snapshot(0))
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.create_task(watch.next(0.2))
    loop.call_later(0.1, lambda: asyncio.ensure_future(followed.take(event(1))))
    assert await waiting is None
    assert reader.taken
    assert loop.time() - began >= 0.3


async def test_a_job_followed_from_elsewhere_meanwhile_ends_the_handing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "TURN", 1)
    followed = Followed("job")
    followed.start(snapshot(0))
    watches = [followed.join() for _ in range(3)]
    assert all(watch.accept(snapshot(0)) for watch in watches)
    taking = asyncio.create_task(followed.take(event(1)))
    await asyncio.sleep(0)
    followed.forget()
    await taking
    for watch in watches:
        watch.prepare()
        assert watch.accept(snapshot(0, "another run"))


async def test_a_crowd_is_handed_events_beside_the_reader_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "TURN", 2)
    followed = Followed("job")
    followed.start(snapshot(0))
    watches = [followed.join() for _ in range(5)]
    assert all(watch.accept(snapshot(0)) for watch in watches)
    for seq in (1, 2, 3):
        await followed.put(event(seq))
    assert followed.handing
    late = followed.join()
    assert late.accept(snapshot(0))  # nothing has begun to be handed on, so all of it is for it as well
    await followed.handing
    assert [await delivered(watch) for watch in [*watches, late]] == [[1, 2, 3]] * 6
    assert followed.handing is None


async def test_a_crowd_that_is_far_behind_holds_the_reader_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "TURN", 1)
    monkeypatch.setattr(watch_module, "BEHIND_MAX", 2)
    followed = Followed("job")
    followed.start(snapshot(0))
    watches = [followed.join() for _ in range(3)]
    assert all(watch.accept(snapshot(0)) for watch in watches)
    for seq in range(1, 4):
        await followed.put(event(seq))
    assert followed.handing is None
    assert [await delivered(watch) for watch in watches] == [[1, 2, 3]] * 3


async def test_what_a_crowd_has_not_been_handed_is_dropped_when_the_job_is_followed_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "TURN", 1)
    followed = Followed("job")
    followed.start(snapshot(0))
    watches = [followed.join() for _ in range(3)]
    for seq in (1, 2):
        await followed.put(event(seq))
    followed.forget()
    for watch in watches:
        watch.prepare()
        assert watch.accept(snapshot(0, "another run"))
    followed.start(snapshot(0, "another run"))
    await followed.put(event(1))
    assert followed.handing
    await followed.handing
    assert [await delivered(watch) for watch in watches] == [[1]] * 3
