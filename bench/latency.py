"""How soon the API answers: a start with many rows, and /api/health beside a batch."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.batch import Caller, calling, run_batch
from bench.report import Line, at_most, quantile
from bench.rig import Rig
from stack import HERE

START_SIZES = (10, 1_000, 10_000)
START_TARGETS_S = {1_000: 0.15, 10_000: 0.8}
START_RUNS = 5
HEALTH_TARGET_MS, HEALTH_BATCHES = 50.0, 3
PROBES_A_SECOND = 50
PROBES_STOP_S = 10.0


def measure_start(rig: Rig, sizes: Sequence[int] = START_SIZES) -> Iterator[Line]:
    """POST /start with so many rows; the jobs are cancelled at once.

    Raises:
        Broken: a start was refused, or a cancelled job went on.
    """
    for size in sizes:
        took_s = asyncio.run(_starts(rig, size))
        median, name = statistics.median(took_s), f"POST /start with {size:,} documents"
        figure = f"{median:.3f} s median, {max(took_s):.3f} s worst of {len(took_s)}"
        if size in START_TARGETS_S:
            yield at_most(name, median, START_TARGETS_S[size], " s", figure=figure)
        else:
            yield Line(name, figure)


async def _starts(rig: Rig, size: int) -> list[float]:
    body = rig.request(size)
    async with calling(rig) as caller:
        await _start(caller, body)
        took_s = []
        for _ in range(START_RUNS):
            await asyncio.to_thread(rig.wait_until_calm)  # what the last job left behind would take the next one's CPU
            took_s.append(await _start(caller, body))
    return took_s


async def _start(caller: Caller, body: bytes) -> float:
    started = time.perf_counter()
    job_id = await caller.start(body)
    took_s = time.perf_counter() - started
    await caller.cancel(job_id)
    return took_s


def measure_health(rig: Rig, documents: int) -> Iterator[Line]:
    """/api/health while batches run, one after the other.

    Raises:
        Broken: a row of a batch was lost, doubled, or failed.
    """
    with probing(rig.stack.url) as took_s:
        asyncio.run(_batches(rig, documents))
    yield health_line("/api/health while a batch runs", took_s)


def health_line(name: str, took_s: Sequence[float]) -> Line:
    """What probes found."""
    worst_ms, p99_ms = max(took_s) * 1000, quantile(took_s, 0.99) * 1000
    figure = f"p99 {p99_ms:.1f} ms, p50 {quantile(took_s, 0.5) * 1000:.1f} ms, worst {worst_ms:.0f} ms of {len(took_s)}"
    return at_most(name, p99_ms, HEALTH_TARGET_MS, " ms", figure=figure)


async def _batches(rig: Rig, documents: int) -> None:
    async with calling(rig) as caller:
        for _ in range(HEALTH_BATCHES):
            await run_batch(caller, rig, documents)


@contextmanager
def probing(url: str, rate: float = PROBES_A_SECOND) -> Iterator[list[float]]:
    """Probe for the length of a block; the list is filled when it ends."""
    host, _, port = url.removeprefix("http://").partition(":")
    command = [sys.executable, "-m", "bench.probe", host, port, "--rate", str(rate)]
    took_s: list[float] = []
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as prober:
        try:
            assert prober.stdout is not None
            prober.stdout.readline()
            yield took_s
            took_s.extend(json.loads(prober.communicate(timeout=PROBES_STOP_S)[0]))
        finally:
            prober.kill()
