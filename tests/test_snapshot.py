"""Reading jobs: `catchup(t0)` and what came after its cursor equal `catchup(t1)` (invariant 2)."""

from collections.abc import AsyncIterator, Callable

import pytest
import redis.asyncio

from actors.records import Claim, JobMissing, RowAddress
from actors.settings import Settings
from api.snapshot import Position, Reader
from protocol.messages import Row, parse
from protocol.view import JobView
from protocol.words import JobStatus
from tests.jobs import Bench, failure, success, waiting


@pytest.fixture
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    """A reader with a connection of its own."""
    async with redis.asyncio.Redis.from_url(settings.redis_url) as client:
        yield Reader(client)


def steps(bench: Bench) -> list[Callable[[], object]]:
    """Everything that can happen to rows, one thing after the other."""
    run = bench.facts()["run"]
    held: list[Claim] = []

    def claim(row: int, name: str) -> Callable[[], object]:
        return lambda: held.append(bench.claim(RowAddress("job", run, row), name))

    def wait_is_over() -> None:
        bench.make_due()
        bench.tick()

    return [
        claim(0, "a"),
        lambda: bench.store.finish(held[-1], success(held[-1])),
        claim(1, "a"),
        lambda: bench.store.retrying(held[-1], waiting(held[-1]), delay_ms=60_000, counts=True),
        wait_is_over,
        claim(1, "b"),
        claim(2, "a"),
        lambda: bench.store.release(held[-1], Row.waiting(2, held[-1].document.title)),
        claim(2, "b"),
        lambda: bench.store.finish(held[-1], failure(held[-1])),
        lambda: bench.store.finish(held[-3], success(held[-3])),
        claim(3, "a"),
        lambda: bench.store.cancel("job", "alice"),
    ]


async def test_a_catchup_and_what_came_since_is_the_later_catchup(reader: Reader, bench: Bench) -> None:
    bench.start(rows=4)
    frames = [(await reader.snapshot("job")).frames]
    for step in steps(bench):
        step()
        frames.append((await reader.snapshot("job")).frames)
    for earlier in frames:
        view = JobView("job")
        for frame in earlier[:1]:
            view.apply(parse(frame.body))  # type: ignore[arg-type]
        since = await reader.snapshot("job", view.cursor)
        assert since.catchup.resumed is True
        for frame in since.frames:
            view.apply(parse(frame.body))  # type: ignore[arg-type]
        whole = JobView("job")
        for frame in frames[-1]:
            whole.apply(parse(frame.body))  # type: ignore[arg-type]
        assert view == whole


async def test_the_ending_is_part_of_a_snapshot_of_a_job_that_is_over(reader: Reader, bench: Bench) -> None:
    bench.start()
    assert len((await reader.snapshot("job")).frames) == 1
    bench.store.cancel("job", "alice")
    catchup, ending = [parse(frame.body) for frame in (await reader.snapshot("job")).frames]
    assert type(ending).__name__ == "Cancelled"
    assert catchup.cursor == ending.cursor  # type: ignore[union-attr]


async def test_a_pulse_tells_how_jobs_fare_and_which_are_gone(reader: Reader, bench: Bench) -> None:
    bench.start()
    pulse, gone = await reader.pulse(["job", "never"])
    assert pulse == (bench.facts()["run"], JobStatus.PENDING, 0)
    assert gone is None


async def test_a_job_that_is_not_there_is_missing(reader: Reader) -> None:
    with pytest.raises(JobMissing):
        await reader.snapshot("never")
    with pytest.raises(JobMissing):
        await reader.check_owner("never", "alice")


@pytest.mark.parametrize(
    "cursor", [None, "", ".", "a", "a.1", "A.1-0", "a.1-0 ", "a.1-0\n", "a.-1-0", f"a.{'1' * 20}-0", "٣.1-0"]
)
def test_odd_cursors_name_no_position(cursor: str | None) -> None:
    assert Position.parse(cursor) is None


def test_a_cursor_reads_back_as_it_was_written() -> None:
    position = Position("0123456789abcdef", "1795458055333-1")
    assert Position.parse(str(position)) == position
