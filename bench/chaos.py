"""`make chaos`: batches run, and at random moments everything is killed, stopped, cut off and controlled.

The stack of `make up` with two API processes and a worker of two, Redis with its append-only file and the provider each
behind a proxy that breaks connections off, a provider that answers 429, 503 or nothing now and then. At the end each
job's stream, results and observers are judged. Exit status 1: a row was lost, doubled, or something did not work.

    python -m bench.chaos --seconds 180 --seed 7
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.brittle import BrittleStack
from bench.judge import Verdict, judge, read
from bench.owners import KEY, Batch, Habits, Owner
from bench.provider import Behaviour, Provider
from bench.proxy import Proxy
from bench.recovery import recoveries
from bench.report import Broken, Line, at_most, quantile
from bench.rig import scratch, served
from bench.storm import TERMINATED_LIMIT_S, Force, Log, Storm
from protocol.client import Client
from stack import CannotStart, free_port

SECONDS = 180.0
OWNERS = 6
DOCUMENTS = 60
CALM_LIMIT_S = 120.0
"""When all is calm, every batch must be over within this."""
RECOVERY_LIMIT_S = 15.0
"""A killed worker's rows run again within this (promise 3)."""
WEATHER = Behaviour(latency_ms=700, shares={"429": 0.05, "503": 0.04, "drop": 0.03}, retry_after_s=1.0, keys=[KEY])


@dataclass(frozen=True, slots=True)
class Plan:
    """One chaos."""

    seconds: float = SECONDS
    seed: int = 0
    owners: int = OWNERS
    force: Force = field(default_factory=Force)
    habits: Habits = field(default_factory=Habits)
    weather: Behaviour = field(default_factory=lambda: WEATHER)


@dataclass
class Findings:
    """What became of it."""

    verdict: Verdict = field(default_factory=Verdict)
    log: Log = field(default_factory=Log)
    recovered_s: list[tuple[float, bool]] = field(default_factory=list)
    batches: int = 0
    runs: int = 0
    calls: int = 0
    cuts: int = 0


def measure(plan: Plan) -> Iterator[Line]:
    """The chaos, and what it found.

    Raises:
        Broken: a row was lost or doubled, an observer was told something else, or a part did not come back.
    """
    with scratch() as folder:
        findings = asyncio.run(_run(plan, folder))
        yield from _told(plan, findings)
        if not findings.verdict.good:
            raise Broken("\n".join([f"chaos with seed {plan.seed}:", *findings.verdict.faults]))


async def _run(plan: Plan, folder: Path) -> Findings:
    async with _started(plan, folder) as (stack, provider, provider_line, host):
        owners = list(_owners(plan, stack, host))
        storm = Storm(stack, provider_line, partial(_open_jobs, owners), plan.force, plan.seed)
        mending = asyncio.create_task(storm.mend())
        try:
            await _until_over(plan, owners, storm)
            findings = Findings(log=storm.log, calls=provider.stats.calls, cuts=stack.line.cuts + provider_line.cuts)
            for owner in owners:
                for batch in owner.batches:
                    await _judge(findings, stack, owner, batch, plan.force.lease_s)
        finally:
            mending.cancel()
            for owner in owners:
                await owner.close()
    return findings


@asynccontextmanager
async def _started(plan: Plan, folder: Path) -> "AsyncIterator[tuple[BrittleStack, Provider, Proxy, str]]":
    async with AsyncExitStack() as exits:
        host, _ = exits.enter_context(served("bench.host", "--documents", str(DOCUMENTS), "--pages", "1"))
        provider = await exits.enter_async_context(Provider(plan.weather))
        provider_line = await exits.enter_async_context(Proxy(int(provider.origin.rpartition(":")[2])))
        line = await exits.enter_async_context(Proxy())
        stack = BrittleStack(folder, _environ(plan, provider_line.port), line)
        exits.push_async_callback(asyncio.to_thread, stack.stop)
        await asyncio.to_thread(stack.start)
        yield stack, provider, provider_line, host


def _environ(plan: Plan, provider_port: int) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return given | {
        "PORT": str(free_port()),
        "TAGSTREAM_PROVIDER_BASE_URL": f"http://127.0.0.1:{provider_port}/v1",
        "TAGSTREAM_PRIVATE_SOURCES": "127.0.0.1/32",
        "TAGSTREAM_WORKER_PROCESSES": "2",
        "TAGSTREAM_WORKER_THREADS": "8",
        "TAGSTREAM_EXTRACT_PROCESSES": "1",
        "TAGSTREAM_LEASE_S": f"{plan.force.lease_s:g}",
    }


def _owners(plan: Plan, stack: BrittleStack, host: str) -> Iterator[Owner]:
    def document(number: int) -> dict[str, Any]:
        return {"file_path": f"{host}/{number % DOCUMENTS}.pdf", "file_source_type": "url"}

    for nth in range(plan.owners):
        token = stack.token(f"owner-{nth}")
        clients = [Client(url, token, backoff_s=(0.05, 1.0), transport="socket") for url in stack.urls]
        yield Owner(clients, document, random.Random(f"owner {nth} {plan.seed}"), plan.habits)


def _open_jobs(owners: list[Owner]) -> list[str]:
    return [batch.job_id for owner in owners for batch in owner.batches if not batch.over]


async def _until_over(plan: Plan, owners: list[Owner], storm: Storm) -> None:
    """Returns also where batches are not over although it has long been calm: the judge will say so."""
    calm = asyncio.Event()
    asyncio.get_running_loop().call_later(plan.seconds, calm.set)
    try:
        async with asyncio.timeout(plan.seconds + CALM_LIMIT_S), asyncio.TaskGroup() as group:
            group.create_task(storm.rage(calm))
            for owner in owners:
                group.create_task(owner.live(calm))
    except TimeoutError:
        return
    except ExceptionGroup as faults:
        broken, others = faults.split(Broken)
        if others or not broken:
            raise
        raise Broken("; ".join(map(str, broken.exceptions))) from faults


async def _judge(findings: Findings, stack: BrittleStack, owner: Owner, batch: Batch, lease_s: float) -> None:
    with stack.redis() as client:
        job = read(client, batch.job_id)
        timeless = [name for name in client.keys(f"job:{{{batch.job_id}}}*") if client.pttl(name) <= 0]
    found = judge(job, batch.asked) if job.entries else Verdict(faults=["it is not there"])
    found.faults += [f"{name} lives for ever" for name in timeless]
    found.lost += sum(ledger.missing for ledger in batch.ledgers)
    found.doubled += sum(ledger.duplicated for ledger in batch.ledgers)
    if any(ledger.disordered for ledger in batch.ledgers):
        found.faults.append("an observer was told things out of order")
    if not batch.over:
        found.lost += int(job.facts.get("left", 0))
        found.faults.append(f"its observer was not told an ending; it is {job.facts.get('status')}")
    elif await owner.picture(batch.job_id) != batch.view:
        found.faults.append("its observer ended with another picture than who came later")
    found.faults = [f"{batch.job_id}: {fault}" for fault in found.faults]
    findings.verdict += found
    findings.batches, findings.runs = findings.batches + 1, findings.runs + len(batch.asked)
    orphans = [orphan for orphan in findings.log.orphans if orphan.job_id == batch.job_id]
    findings.recovered_s += recoveries(job, orphans, findings.log.away_ms, lease_s * 1000)


def _told(plan: Plan, findings: Findings) -> Iterator[Line]:
    verdict, log = findings.verdict, findings.log
    yield Line(
        f"chaos of {plan.seconds:g} s, seed {plan.seed}",
        f"{verdict.lost} rows lost, {verdict.doubled} doubled, {len(verdict.faults)} other faults",
        "0, 0, 0",
        verdict.good,
    )
    yield Line("  batches, runs, rows that ended", f"{findings.batches}, {findings.runs}, {verdict.rows:,}")
    yield Line("  attempts, with workers that died", f"{verdict.attempts:,}, {verdict.deaths}")
    failed = ", ".join(f"{count} {word}" for word, count in verdict.failed.items()) or "none"
    yield Line("  rows that failed", failed)
    yield Line("  calls of the provider", f"{findings.calls / max(1, verdict.rows):.2f} a row that ended")
    for name, count in sorted(log.counts.items()):
        yield Line(f"    {name}", str(count))
    yield Line("    connections cut", f"{findings.cuts:,}")
    away_s = sum(end - start for start, end in log.away_ms) / 1000
    yield Line("  Redis was away", f"{away_s:.1f} s in {len(log.away_ms)} times")
    yield from _recovery(findings.recovered_s)
    if log.terminated_s:
        yield at_most("  from SIGTERM to a worker's end", max(log.terminated_s), TERMINATED_LIMIT_S, " s")


def _recovery(recovered_s: list[tuple[float, bool]]) -> Iterator[Line]:
    """Held against the limit is what happened while Redis was there: without it nothing can run."""
    calm_s = [took_s for took_s, undisturbed in recovered_s if undisturbed]
    others_s = [took_s for took_s, undisturbed in recovered_s if not undisturbed]
    if calm_s:
        name = "  from a worker's death to a row's next attempt"
        yield at_most(name, max(calm_s), RECOVERY_LIMIT_S, " s", figure=_spread(calm_s))
    if others_s:
        yield Line("    where Redis was away in between", _spread(others_s))


def _spread(took_s: list[float]) -> str:
    return f"p50 {quantile(took_s, 0.5):.1f} s, worst {max(took_s):.1f} s of {len(took_s)} rows"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000, help="decides all that is random")
    asked = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        missed = 0
        for line in measure(Plan(asked.seconds, asked.seed)):
            print(line, flush=True)
            missed += line.met is False
    except (Broken, CannotStart) as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
