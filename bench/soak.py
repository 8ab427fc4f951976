"""A minute of everything at once: two API processes, observers that come and go, and a Redis that is killed.

Jobs run a few at a time and complete one after the other, while events come at a steady rate. At the end every
observer must have been told every row, once and in order, and show the same picture as one who comes afterwards.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

import psutil
import redis

from bench.churn import Visitor
from bench.player import Player
from bench.readside import ReadSide, Service, another, job_ids, ours, read_side
from bench.report import Broken, Line

SECONDS, RATE = 60.0, 40.0
AT_ONCE, VISITORS, STAY_S = 3, 33, 3.0
"""Jobs that run at the same time, observers of each, and how long one of them stays connected on average."""
JOB_S = 12.0
"""How long a job lasts, but for the first ones, which are shorter so that not all end together."""
AWAY_LIMIT_S, AWAY_S = 20.0, 0.05
ENDING_LIMIT_S = 30.0
SEED = 3

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Soak:
    """How long and how much."""

    seconds: float = SECONDS
    rate: float = RATE
    """Events a second, in all."""
    at_once: int = AT_ONCE
    visitors: int = VISITORS
    job_s: float = JOB_S
    stay_s: float = STAY_S

    def rows(self, nth: int) -> int:
        """Of the nth job."""
        whole = self.rate * self.job_s / self.at_once / 2
        return max(1, round(whole * min(1.0, (nth + 1) / self.at_once)))


@dataclass
class Findings:
    """What became of it."""

    visitors: list[Visitor] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    away_s: float = 0.0
    """How long Redis was away."""
    unequal: int = 0
    """Observers whose picture differs from that of one who came afterwards."""

    def total(self, name: str) -> int:
        """Over all observers."""
        return sum(getattr(visitor.ledger, name) for visitor in self.visitors)


def measure(soak: Soak | None = None) -> Iterator[Line]:
    """The soak.

    Raises:
        Broken: an observer missed something, was told something twice or out of order, or ended with another picture.
    """
    soak = soak or Soak()
    with read_side() as stack, another(stack) as second, closing(Player(stack.settings)) as player:
        _keep_what_is_acknowledged(stack)
        findings = asyncio.run(_run(soak, stack, player, [ours(stack), second]))
    connections = sum(visitor.connections for visitor in findings.visitors)
    counts = {name: findings.total(name) for name in ("missing", "duplicated", "disordered")}
    told = f"{counts['missing']} missing, {counts['duplicated']} duplicated, {counts['disordered']} out of order"
    if any(counts.values()) or findings.unequal:
        raise Broken(f"the soak: {told}; {findings.unequal} observers ended with another picture")
    yield Line(f"soak of {soak.seconds:g} s, 2 API processes", told, "0, 0, 0", met=True)
    yield Line("  observers, jobs that completed", f"{len(findings.visitors):,}, {len(findings.jobs)}")
    yield Line("  connections, messages", f"{connections:,}, {findings.total('messages'):,}")
    yield Line("  Redis killed once, away for", f"{findings.away_s:.1f} s, {findings.total('catchups')} whole catchups")


def _keep_what_is_acknowledged(stack: ReadSide) -> None:
    """By default a Redis killed while it syncs may lose its last two seconds: that is not what is asked here."""
    with redis.Redis.from_url(stack.environ["REDIS_URL"]) as client:
        client.config_set("appendfsync", "always")


async def _run(soak: Soak, stack: ReadSide, player: Player, services: list[Service]) -> Findings:
    findings, chance = Findings(), random.Random(SEED)
    killing = asyncio.create_task(_kill_redis(stack, soak.seconds / 2))
    watching = await _write(soak, player, findings, partial(_admit, soak, services, chance))
    findings.away_s = await killing
    try:
        async with asyncio.timeout(ENDING_LIMIT_S):
            await asyncio.gather(*watching)
    except TimeoutError:
        raise Broken(f"observers were not told an ending within {ENDING_LIMIT_S:g} s") from None
    await _compare(findings, services, chance)
    return findings


def _admit(soak: Soak, services: list[Service], chance: random.Random, job_id: str) -> list[Visitor]:
    return [Visitor(services, job_id, chance, soak.stay_s) for _ in range(soak.visitors)]


async def _write(
    soak: Soak, player: Player, findings: Findings, admit: Callable[[str], list[Visitor]]
) -> "list[asyncio.Task[None]]":
    """Events at a steady rate, the running jobs in turn, until the time is over and all of them have completed."""
    watching: list[asyncio.Task[None]] = []
    running: deque[str] = deque()
    started, written = time.monotonic(), 0
    while (goes_on := time.monotonic() < started + soak.seconds) or running:
        if goes_on and len(running) < soak.at_once:
            (job_id,) = job_ids(1)
            await _persist(player.create, job_id, soak.rows(len(findings.jobs)))
            running.append(job_id)
            findings.jobs.append(job_id)
            findings.visitors += (visitors := admit(job_id))
            watching += [asyncio.create_task(visitor.run()) for visitor in visitors]
        await asyncio.sleep(started + written / soak.rate - time.monotonic())
        if await _persist(player.move, running[0]):
            running.popleft()
        running.rotate(-1)
        written += 1
    return watching


async def _persist(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call again until Redis is there."""
    deadline = time.monotonic() + AWAY_LIMIT_S
    while True:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except redis.RedisError as fault:
            if time.monotonic() > deadline:
                raise Broken(f"Redis does not come back: {fault}") from fault
            await asyncio.sleep(AWAY_S)


async def _kill_redis(stack: ReadSide, after_s: float) -> float:
    """SIGKILL; then it starts again on the same files. Returns how long it was away."""
    await asyncio.sleep(after_s)
    (server,) = psutil.Process(stack.parts["redis"].pid).children()
    server.kill()
    started = time.monotonic()
    await asyncio.to_thread(_mend, stack)
    return time.monotonic() - started


def _mend(stack: ReadSide) -> None:
    while not stack.mend():
        time.sleep(AWAY_S)
    stack.wait_until_ready()


async def _compare(findings: Findings, services: list[Service], chance: random.Random) -> None:
    """Hold every observer's picture against that of one who comes when all is over."""
    for job_id in findings.jobs:
        late = Visitor(services, job_id, chance, STAY_S)
        await late.watch_whole()
        theirs = [visitor.view for visitor in findings.visitors if visitor.view.job_id == job_id]
        findings.unequal += sum(view != late.view for view in theirs)
