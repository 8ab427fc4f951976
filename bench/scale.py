"""Whether size matters: documents a second of small and of large batches, a small one behind a large one, and what a
row costs when there is nothing to do in it.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import msgspec
import redis

from actors.environment import from_environment
from actors.store import JobStore, connect, key
from bench import empty, judge
from bench.batch import Caller, calling, run_batch
from bench.documents import text_pdf
from bench.player import new_job
from bench.readside import ReadSide, job_ids, read_side
from bench.report import Broken, Line, at_least, at_most
from bench.rig import BenchStack, Rig, scratch
from protocol.requests import LOCAL_MODEL
from stack import HERE, free_port, running

SMALL, MIDDLE = 100, 1_000
RUNS = 3
SMALL_SHARE, EVEN_SHARE = 0.7, 0.15
"""Of the rate of the middle size: what a small batch must reach, and how far a whole one may be from it."""
FAIR_DOCUMENTS, FAIR_RUNS, FAIR_BEHIND, FAIR_RATIO = 10, 5, 2_000, 2.0
UNDER_WAY = 100
EMPTY_ROWS, EMPTY_RUNS, EMPTY_RATIO = 2_000, 5, 3.0
EMPTY_LIMIT_S, LOOK_S = 120.0, 0.05


class LocalRig(Rig):
    """Batches of local documents of one page that are tagged by keywords: nothing but the service itself."""

    def request(self, count: int) -> bytes:
        rows = [{"file_path": "one.pdf", "file_source_type": "local"}] * count
        return msgspec.json.encode({"documents": rows, "config": {"model_name": LOCAL_MODEL}})


@contextmanager
def local_rig() -> Iterator[LocalRig]:
    """A stack of its own for the length of a block."""
    with scratch() as folder:
        (folder / "one.pdf").write_bytes(text_pdf(0, pages=1))
        environ = {"PORT": str(free_port()), "TAGSTREAM_LOCAL_ROOT": str(folder)}
        stack = BenchStack(folder, environ, sampled=False)
        with running(stack):
            yield LocalRig(stack, "", "", 1)


def measure_sizes(rig: LocalRig, sizes: Sequence[int]) -> Iterator[Line]:
    """Documents a second from the first commit to the last; the first two sizes are run several times.

    Raises:
        Broken: a row was lost, doubled, or failed.
    """
    small, middle, *larger = sizes
    asyncio.run(_rates(rig, small, 1))
    base, small_rate = (statistics.median(asyncio.run(_rates(rig, size, RUNS))) for size in (middle, small))
    yield Line(f"{middle:,} local documents of one page", f"{base:.1f}/s from first to last commit, median of {RUNS}")
    yield at_least(f"  {small:,} documents", small_rate / base, SMALL_SHARE, " x", figure=f"{small_rate:.1f}/s")
    for size in larger:
        (rate,) = asyncio.run(_rates(rig, size, 1))
        off, figure = abs(rate / base - 1), f"{rate:.1f}/s, {rate / base - 1:+.0%}"
        yield at_most(f"  {size:,} documents: away from that", off, EVEN_SHARE, figure=figure)


async def _rates(rig: LocalRig, documents: int, runs: int) -> list[float]:
    async with calling(rig) as caller:
        return [await _rate(rig, caller, documents) for _ in range(runs)]


async def _rate(rig: LocalRig, caller: Caller, documents: int) -> float:
    job_id = await caller.start(rig.request(documents))
    (await caller.observe(job_id)).check(documents)
    with redis.Redis.from_url(rig.stack.environ["REDIS_URL"], decode_responses=True) as client:
        return _rows_a_second(judge.read(client, job_id))


def _rows_a_second(job: judge.Job) -> float:
    counts = [entry for entry in job.entries if entry.type == "progress"]
    ends = [after.at_ms for before, after in pairwise(counts) if after.ended > before.ended]
    return (len(ends) - 1) * 1000 / (ends[-1] - ends[0])


def measure_fairness(rig: Rig, behind: int = FAIR_BEHIND) -> Iterator[Line]:
    """A small batch alone, and started when a large one is under way.

    Raises:
        Broken: a row was lost, doubled, or failed.
    """
    rig.behave(shares={})
    alone_s, behind_s = asyncio.run(_fairness(rig, behind))
    ratio = behind_s / alone_s
    figure = f"{ratio:.2f} x: {behind_s:.2f} s, alone {alone_s:.2f} s, medians of {FAIR_RUNS}"
    yield at_most(f"{FAIR_DOCUMENTS} documents behind {behind:,}", ratio, FAIR_RATIO, " x", figure=figure)


async def _fairness(rig: Rig, behind: int) -> tuple[float, float]:
    async with calling(rig) as caller:
        await run_batch(caller, rig, UNDER_WAY)
        alone_s = [await _small(caller, rig) for _ in range(FAIR_RUNS)]
        large = await caller.start(rig.request(behind))
        calls = FAIR_RUNS * FAIR_DOCUMENTS + 2 * UNDER_WAY
        await asyncio.to_thread(_wait, lambda: rig.provider_stats()["calls"] >= calls)
        behind_s = [await _small(caller, rig) for _ in range(FAIR_RUNS)]
        await caller.cancel(large)
    return statistics.median(alone_s), statistics.median(behind_s)


async def _small(caller: Caller, rig: Rig) -> float:
    return (await run_batch(caller, rig, FAIR_DOCUMENTS)).seconds


def measure_overhead(stack: ReadSide, rows: int = EMPTY_ROWS) -> Iterator[Line]:
    """A row without a document to fetch, to read or to tag, against a bare message of Dramatiq's with one write.

    Raises:
        Broken: not all came to their end.
    """
    rates = [(_messages_a_second(stack, rows), _empty_rows_a_second(stack, rows)) for _ in range(EMPTY_RUNS)]
    bare_ms, ours_ms = (1000 / max(each) for each in zip(*rates, strict=True))
    figure = f"{ours_ms / bare_ms:.2f} x: {ours_ms:.2f} ms, the message {bare_ms:.2f} ms, best of {EMPTY_RUNS}"
    yield at_most("an empty row against a bare message", ours_ms / bare_ms, EMPTY_RATIO, " x", figure=figure)


def _messages_a_second(stack: ReadSide, messages: int) -> float:
    with redis.Redis.from_url(stack.environ["REDIS_URL"], decode_responses=True) as client:
        known: Any = client
        known.delete(empty.DONE)
        with _working(stack, "bare", str(messages)):
            _wait(lambda: known.xlen(empty.DONE) == messages)
        ends = [int(number.partition("-")[0]) for number, _ in known.xrange(empty.DONE)]
    return (messages - 1) * 1000 / (ends[-1] - ends[0])


def _empty_rows_a_second(stack: ReadSide, rows: int) -> float:
    (job_id,) = job_ids(1)
    client = connect(stack.environ["REDIS_URL"], max_connections=2)
    with _working(stack, "rows"), redis.Redis.from_url(stack.environ["REDIS_URL"], decode_responses=True) as reader:
        JobStore(client, from_environment(stack.environ)).create(new_job(job_id, rows))
        _wait(lambda: reader.hget(key(job_id), "status") == "completed")
        return _rows_a_second(judge.read(reader, job_id))


@contextmanager
def _working(stack: ReadSide, *arguments: str) -> Iterator[None]:
    """`bench.empty` for the length of a block."""
    command = [sys.executable, "-m", "bench.empty", *arguments]
    log = (stack.folder / "empty.log").open("ab")
    with (
        log,
        subprocess.Popen(
            command, cwd=HERE, env=stack.environ, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        ) as worker,
    ):
        try:
            yield
        finally:
            worker.kill()


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + EMPTY_LIMIT_S
    while not until():
        if time.monotonic() > deadline:
            raise Broken(f"the bench waited in vain for {EMPTY_LIMIT_S:g} s")
        time.sleep(LOOK_S)


def measure(rig: Rig, documents: int) -> Iterator[Line]:
    """All of it; the whole size only where that many documents are asked for."""
    rig.wait_until_calm()
    with local_rig() as local:
        yield from measure_sizes(local, [SMALL, MIDDLE, *([documents] if documents > MIDDLE else [])])
    yield from measure_fairness(rig, max(documents, FAIR_BEHIND))
    rig.wait_until_calm()
    with read_side() as stack:
        yield from measure_overhead(stack)
