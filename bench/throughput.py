"""Documents a second through the whole service, and where their CPU time goes."""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator

from actors.extract import read_pdf
from bench.batch import Batch, calling, run_batch
from bench.cpu import CpuClock, since
from bench.documents import text_pdf
from bench.report import Line, at_least, quantile
from bench.rig import PAGES, Rig

RUNS = 3
SMALL = 40
TARGET, TARGET_SMALL, TARGET_CONCURRENCY = 40.0, 25.0, 16
SHARE_OF_BOUND = 0.4
"""Where a machine is slow, the target is this share of what pypdf alone could do on it."""
SAMPLED_DOCUMENTS = 20


def bound(documents: int = SAMPLED_DOCUMENTS) -> float:
    """CPU milliseconds that a document costs in pypdf alone, in this process: the cheapest of three rounds."""
    pdfs = [text_pdf(seed, PAGES) for seed in range(documents)]
    read_pdf(pdfs[0], PAGES)  # imports
    rounds: list[float] = []
    for _ in range(RUNS):
        started = time.process_time()
        for pdf in pdfs:
            read_pdf(pdf, PAGES)
        rounds.append((time.process_time() - started) * 1000 / documents)
    return min(rounds)


def measure_bound(cpu_ms: float) -> Iterator[Line]:
    """What pypdf alone allows."""
    yield Line(
        "pypdf alone, in this process",
        f"{cpu_ms:.1f} ms CPU a document, {documents_a_second(cpu_ms):.0f} documents/s on {cores()} cores",
    )


def documents_a_second(cpu_ms: float) -> float:
    """What all cores could read if they did nothing else."""
    return cores() * 1000 / cpu_ms


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def measure(rig: Rig, documents: int, cpu_ms: float) -> Iterator[Line]:
    """Runs of `documents` and of `SMALL` documents, after one to warm up.

    Raises:
        Broken: a row was lost, doubled, or failed.
    """
    whole = SHARE_OF_BOUND * documents_a_second(cpu_ms)
    small = min(SMALL, documents)
    warm_up(rig, documents)
    clock, rig_before = CpuClock(rig.processes), rig.documents_served()
    rig.behave(shares={})
    before = clock.read()
    batches = asyncio.run(_batches(rig, documents, RUNS))
    used = since(before, clock.read())
    yield _rate(batches, min(TARGET, whole))
    yield at_least("  the provider's most calls at once", rig.provider_stats()["max_in_flight"], TARGET_CONCURRENCY)
    yield _delays(batches)
    yield from _cpu(used, rig.documents_served() - rig_before)
    yield _rate(asyncio.run(_batches(rig, small, RUNS)), min(TARGET_SMALL, TARGET_SMALL / TARGET * whole))


def warm_up(rig: Rig, documents: int) -> None:
    """One batch, so that everything is loaded and every child has started."""
    asyncio.run(_batches(rig, documents, 1))


async def _batches(rig: Rig, documents: int, runs: int) -> list[Batch]:
    async with calling(rig) as caller:
        return [await run_batch(caller, rig, documents) for _ in range(runs)]


def _rate(batches: list[Batch], target: float) -> Line:
    rates = [batch.rate for batch in batches]
    median = statistics.median(rates)
    return at_least(
        f"{batches[0].documents} documents of {PAGES} text pages",
        median,
        target,
        "/s",
        figure=f"{median:.1f}/s median, {max(rates):.1f}/s best of {len(rates)}",
    )


def _delays(batches: list[Batch]) -> Line:
    delays_ms = [delay for batch in batches for delay in batch.observed.delays_ms]
    figure = f"p50 {quantile(delays_ms, 0.5):.0f} ms, p99 {quantile(delays_ms, 0.99):.0f} ms, {len(delays_ms)} rows"
    return Line("  from a row's commit to the observer", figure)


def _cpu(used: dict[str, float], documents: int) -> Iterator[Line]:
    total = sum(used.values())
    yield Line("  CPU a document", f"{total * 1000 / documents:.1f} ms in all processes")
    for name, seconds in sorted(used.items(), key=lambda each: -each[1]):
        yield Line(f"    {name}", f"{seconds * 1000 / documents:.2f} ms")
