"""A batch while the provider is unwell: rate limits, faults of the server, broken connections."""

import asyncio
from collections.abc import Iterator
from typing import Any

from bench.batch import Batch, calling, run_batch
from bench.report import Broken, Line
from bench.rig import Rig

DOCUMENTS = 100
SHARES = {"429": 0.20, "503": 0.05, "drop": 0.02}
RETRY_AFTER_S = 1.0


def measure(rig: Rig, documents: int = DOCUMENTS) -> Iterator[Line]:
    """Every row must succeed all the same, fetched once and answered once.

    Raises:
        Broken: a row was lost, doubled, or failed; or paid for more than once.
    """
    served = rig.documents_served()
    rig.behave(shares=SHARES, retry_after_s=RETRY_AFTER_S)
    try:
        batch = asyncio.run(_batch(rig, documents))
        stats, fetched = rig.provider_stats(), rig.documents_served() - served
    finally:
        rig.behave(shares={}, retry_after_s=None)
    yield from _lines(batch, stats, fetched)
    if (stats["outcomes"].get("ok", 0), fetched) != (documents, documents):
        raise Broken(f"{documents} documents were fetched {fetched} times and answered as told in {stats['outcomes']}")


async def _batch(rig: Rig, documents: int) -> Batch:
    async with calling(rig) as caller:
        return await run_batch(caller, rig, documents)


def _lines(batch: Batch, stats: dict[str, Any], fetched: int) -> Iterator[Line]:
    told = ", ".join(f"{share:.0%} {outcome}" for outcome, share in SHARES.items())
    seen = batch.observed
    yield Line(
        f"rough weather: {told}",
        f"{batch.documents} of {batch.documents} succeeded in {batch.seconds:.1f} s ({batch.rate:.1f}/s)",
        "all, each once",
        met=True,
    )
    yield Line(
        "  calls of the provider, fetches",
        f"{stats['calls'] / batch.documents:.2f} and {fetched / batch.documents:.2f} a document",
    )
    yield Line("  messages to the observer", f"{seen.messages}, {seen.waits} of them waits; 0 rows lost, 0 doubled")
