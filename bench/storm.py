"""What the chaos does to the service: kills, stops, outages, broken lines; and what has died is started again."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
import redis

from bench.brittle import BrittleStack
from bench.proxy import Proxy
from bench.recovery import Held, Orphan, held
from bench.report import Broken

MEND_S, MEND_LIMIT_S = 0.2, 30.0
PROVIDER_AWAY_MAX_S = 3.0
"""Longer, and rows would fail of it, as they should."""
TERMINATED_LIMIT_S = 10.0
"""A worker that is asked to end has so long (promise 19)."""


Acts = dict[str, tuple[Callable[[random.Random], Awaitable[None]], int]]
"""What may happen, and how often it does in a round of all of them."""


@dataclass(frozen=True, slots=True)
class Force:
    """How often, and how long."""

    lease_s: float = 10.0
    between_s: tuple[float, float] = (2.0, 7.0)
    """Between two things that happen to processes; the next may come before the last has healed."""
    outage_every_s: tuple[float, float] = (8.0, 35.0)
    outages_s: tuple[float, ...] = (0.5, 1.0, 3.0, 6.0, 12.0)
    cuts_a_second: float = 2.0


@dataclass
class Log:
    """What has happened."""

    counts: Counter[str] = field(default_factory=Counter)
    orphans: list[Orphan] = field(default_factory=list)
    away_ms: list[tuple[float, float]] = field(default_factory=list)
    """When Redis was not there."""
    terminated_s: list[float] = field(default_factory=list)
    """How long workers took to end after SIGTERM."""


class Storm:
    """Breaks a stack until it is calm, and starts again what has died, as a platform would."""

    def __init__(
        self, stack: BrittleStack, provider: Proxy, job_ids: Callable[[], list[str]], force: Force, seed: int
    ) -> None:
        self.log = Log()
        self._stack, self._provider, self._job_ids, self._force = stack, provider, job_ids, force
        self._chances = {name: random.Random(f"{name} {seed}") for name in ("processes", "lines", "cuts")}
        self._hurt: set[asyncio.Task[None]] = set()
        self._stopped: set[int] = set()
        self._redis_is_back = asyncio.Event()

    async def rage(self, calm: asyncio.Event) -> None:
        """Until it is calm, and all that was stopped goes on.

        Raises:
            Broken: something does not come back, or does not end.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(calm, "processes", self._force.between_s, self._processes()))
            group.create_task(self._repeat(calm, "lines", self._force.outage_every_s, self._outages()))
            group.create_task(self._cut(calm))
        await asyncio.gather(*self._hurt)

    async def mend(self) -> None:
        """Start again what has died, for ever."""
        while True:
            for name in await asyncio.to_thread(self._stack.mend):
                self.log.counts[f"{name} started again"] += 1
                if name == "redis":
                    self._redis_is_back.set()
            await asyncio.sleep(MEND_S)

    async def _repeat(self, calm: asyncio.Event, name: str, between_s: tuple[float, float], acts: Acts) -> None:
        """Whatever may happen does: it is drawn like cards, until the deck is used up."""
        chance, deck = self._chances[name], list[str]()
        while not await _is_set_within(calm, chance.uniform(*between_s)):
            if not deck:
                deck = [act for act, (_, times) in acts.items() for _ in range(times)]
                chance.shuffle(deck)
            act = deck.pop()
            self.log.counts[act] += 1
            await acts[act][0](chance)

    def _processes(self) -> Acts:
        return {
            "workers killed": (self._kill_worker, 4),
            "workers terminated": (self._terminate_worker, 1),
            "workers stopped beyond their lease": (self._stop_worker, 1),
            "supervisors killed": (lambda _: self._kill_part("worker"), 1),
            "APIs killed": (lambda chance: self._kill_part(chance.choice(("api", "second"))), 2),
            "readers killed": (self._kill_reader, 2),
        }

    def _outages(self) -> Acts:
        return {
            "Redis killed": (self._kill_redis, 2),
            "Redis unreachable": (self._shut_redis, 1),
            "Redis stalled": (self._stall_redis, 1),
            "provider unreachable": (self._shut_provider, 1),
        }

    async def _kill_worker(self, chance: random.Random) -> None:
        """SIGKILL; its rows are those whose leases nobody renews from then on."""
        if not (workers := self._stack.workers()):
            return
        before = await asyncio.to_thread(self._held, self._job_ids())
        killed_ms = round(time.time() * 1000)
        _signal(chance.choice(workers), signal.SIGKILL)
        self._later(self._find_orphans(before, killed_ms))

    async def _find_orphans(self, before: set[Held], killed_ms: int) -> None:
        await asyncio.sleep(self._force.lease_s / 3 * 1.5)
        still = before & await asyncio.to_thread(self._held, {each.job_id for each in before})
        self.log.orphans += [Orphan(each.job_id, each.row, killed_ms) for each in still]

    def _held(self, job_ids: Iterable[str]) -> set[Held]:
        """Nothing is known of leases while Redis is away."""
        with suppress(redis.RedisError), self._stack.redis() as client:
            return held(client, job_ids)
        return set()

    async def _terminate_worker(self, chance: random.Random) -> None:
        if workers := self._stack.workers():
            self._later(self._see_out(chance.choice(workers)))

    async def _see_out(self, worker: psutil.Process) -> None:
        started = time.monotonic()
        _signal(worker, signal.SIGTERM)
        while _lives(worker):
            if time.monotonic() - started > 2 * TERMINATED_LIMIT_S:
                raise Broken("a worker that was asked to end did not")
            await asyncio.sleep(0.02)
        if worker.pid not in self._stopped:  # such a one cannot do anything, and is no fault of ours
            self.log.terminated_s.append(time.monotonic() - started)

    async def _stop_worker(self, chance: random.Random) -> None:
        if workers := self._stack.workers():
            self._later(self._hold(chance.choice(workers), self._force.lease_s * chance.uniform(1.1, 1.5)))

    async def _hold(self, process: psutil.Process, seconds: float) -> None:
        self._stopped.add(process.pid)
        _signal(process, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        _signal(process, signal.SIGCONT)

    async def _kill_part(self, name: str) -> None:
        self._stack.parts[name].kill()

    async def _kill_reader(self, chance: random.Random) -> None:
        if readers := self._stack.readers():
            _signal(chance.choice(readers), signal.SIGKILL)

    async def _kill_redis(self, _: random.Random) -> None:
        started = time.time() * 1000
        self._redis_is_back.clear()
        self._stack.redis_server().kill()
        async with asyncio.timeout(MEND_LIMIT_S):
            await self._redis_is_back.wait()
        self.log.away_ms.append((started, time.time() * 1000))

    async def _shut_redis(self, chance: random.Random) -> None:
        started = time.time() * 1000
        self._stack.line.shut()
        await asyncio.sleep(chance.choice(self._force.outages_s))
        self._stack.line.reopen()
        self.log.away_ms.append((started, time.time() * 1000))

    async def _stall_redis(self, chance: random.Random) -> None:
        started = time.time() * 1000
        self._stack.line.stall()
        await asyncio.sleep(chance.choice(self._force.outages_s))
        self._stack.line.reopen()
        self.log.away_ms.append((started, time.time() * 1000))

    async def _shut_provider(self, chance: random.Random) -> None:
        self._provider.shut()
        await asyncio.sleep(min(PROVIDER_AWAY_MAX_S, chance.choice(self._force.outages_s)))
        self._provider.reopen()

    async def _cut(self, calm: asyncio.Event) -> None:
        chance = self._chances["cuts"]
        while not await _is_set_within(calm, chance.expovariate(self._force.cuts_a_second)):
            (self._stack.line if chance.random() < 0.7 else self._provider).cut(chance)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        self._hurt.add(asyncio.create_task(work))


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
