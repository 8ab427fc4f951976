"""How close the service comes to what a provider allows that refuses what is beyond, and what random refusals cost.

A stack of its own with two worker processes. Each measurement has a key of its own, so that the service knows nothing
of the limit when it begins.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

from bench.batch import Batch, calling, run_batch
from bench.latency import health_line, probing
from bench.report import Line, at_most
from bench.rig import Rig, rigged

RATES = (5.0, 20.0)
DOCUMENTS, JOBS = 200, 4
SLOWER_MAX, REFUSED_MAX = 1.10, 0.03
WEATHER = {0.3: 40, 0.7: 20}
"""Share of calls that are refused whatever their pace, and documents."""
RETRY_AFTER_S = 1.0
WEATHER_MAX_S = {0.3: 70.7 / 8}
"""70.7 s is what the service takes that this one re-founds."""


def measure(documents: int = DOCUMENTS, weather: Mapping[float, int] = WEATHER) -> Iterator[Line]:
    """A provider with a token bucket, then one that refuses at random.

    Raises:
        Broken: a row was lost, doubled, or failed.
    """
    with rigged(TAGSTREAM_WORKER_PROCESSES="2") as rig:
        asyncio.run(_together(rig, JOBS, 1))
        for rate in RATES:
            yield from _bucket(rig, rate, documents)
        for share, count in weather.items():
            yield from _weather(rig, share, count)


def _bucket(rig: Rig, rate: float, documents: int) -> Iterator[Line]:
    rig.api_key = f"a-key-of-{rate:g}-a-second"
    rig.behave(bucket={"rate_per_s": rate, "burst": rate})
    took_s, batches = asyncio.run(_together(rig, JOBS, documents // JOBS))
    stats, bound_s = rig.provider_stats(), documents / rate
    rig.behave(bucket=None)
    yield at_most(
        f"a provider that serves {rate:g} calls a second",
        took_s / bound_s,
        SLOWER_MAX,
        " x",
        figure=f"{documents} documents of {JOBS} jobs in {took_s:.1f} s, {took_s / bound_s:.2f} x the bound",
    )
    yield _refused(stats, REFUSED_MAX)
    yield _waits(batches)


def _weather(rig: Rig, share: float, documents: int) -> Iterator[Line]:
    rig.api_key = f"a-key-of-{share:g}-refused"
    rig.behave(shares={"429": share}, retry_after_s=RETRY_AFTER_S)
    with probing(rig.stack.url) as probes_s:
        took_s, batches = asyncio.run(_together(rig, 1, documents))
    rig.behave(shares={}, retry_after_s=None)
    name = f"{share:.0%} of all calls refused, Retry-After {RETRY_AFTER_S:g}"
    figure = f"{documents} of {documents} succeeded in {took_s:.1f} s"
    limit_s = WEATHER_MAX_S.get(share)
    yield at_most(name, took_s, limit_s, " s", figure=figure) if limit_s else Line(name, figure, "all", met=True)
    yield health_line("  /api/health meanwhile", probes_s)
    yield _waits(batches)


def _refused(stats: Mapping[str, Any], share_max: float) -> Line:
    calls, refused = stats["calls"], stats["outcomes"].get("429", 0)
    return at_most("  refused calls", refused / calls, share_max, figure=f"{refused} of {calls}, {refused / calls:.1%}")


def _waits(batches: list[Batch]) -> Line:
    waits = sum(batch.observed.waits for batch in batches)
    return Line("  waits told to observers", f"{waits / sum(batch.documents for batch in batches):.1f} a document")


async def _together(rig: Rig, jobs: int, documents: int) -> tuple[float, list[Batch]]:
    started = time.perf_counter()
    async with calling(rig) as caller:
        batches = await asyncio.gather(*(run_batch(caller, rig, documents) for _ in range(jobs)))
    return time.perf_counter() - started, batches
