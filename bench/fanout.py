"""From the commit of an event to thousands of observers, against one pub/sub subscription for each of them."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import cycle

from bench.audience import audience
from bench.crowd import Plan, Report
from bench.naive import Publisher
from bench.player import Player, Source, Written, write
from bench.readside import Gauges, ReadSide, Service, job_ids, naive, ours, read_side
from bench.report import Broken, Line, at_most, quantile

ONE_P99_MS, MANY_P99_MS, CROWD_P99_MS = 60.0, 60.0, 250.0
P99_RATIO, API_RATIO, REDIS_RATIO = 0.4, 0.6, 0.1
REDIS_SHARE = 5.0
"""Per cent of a core, for reading."""
CONNECTIONS_MAX = 8


@dataclass(frozen=True, slots=True)
class Load:
    """How many watch what."""

    jobs: int
    observers: int
    """Of each job."""
    rate: float
    """Events a second, in all."""
    warm_up_s: float = 2.0
    seconds: float = 10.0
    quiet_s: float = 3.0
    """The same without observers, before and after, for what writing alone costs Redis; 0: not asked."""

    @property
    def rows(self) -> int:
        """So many that no job ends."""
        return round(self.rate * (self.warm_up_s + self.seconds) / self.jobs / 2) + 2

    @property
    def clients(self) -> int:
        """In all."""
        return self.jobs * self.observers

    def __str__(self) -> str:
        jobs = f"{self.jobs:,} job{'s' if self.jobs > 1 else ''} x {self.observers:,} observers"
        return f"{jobs}, {self.rate:g} events/s"


ONE_JOB = Load(1, 1_000, 10.0)
MANY_JOBS = Load(500, 2, 400.0)
CROWD = Load(1, 5_000, 2.0, quiet_s=0.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side did under a load."""

    delays_ms: list[float]
    """From just before the call that commits the event to the observer's socket; each message counts."""
    api_us: float
    """CPU a delivered message."""
    redis_us: float
    """CPU an event, for reading: what is used beyond writing alone."""
    redis_share: float
    """Per cent of a core, for reading."""
    connections: int
    """To Redis."""
    lost: int

    def p(self, share: float) -> float:
        """A quantile of the delays."""
        return quantile(self.delays_ms, share)


@dataclass(frozen=True, slots=True)
class Side:
    """A service, and where its events come from."""

    service: Service
    source: Source
    gauges: Gauges

    def plan(self, jobs: Sequence[str], observers: int) -> Plan:
        """So many observers of each job."""
        paths = [self.service.path(job) for job in jobs for _ in range(observers)]
        return Plan(self.service.port, paths, self.service.token)

    @contextmanager
    def jobs(self, count: int, rows: int) -> Iterator[list[str]]:
        """Jobs without an event yet, for the length of a block."""
        jobs = job_ids(count)
        for job_id in jobs:
            self.source.create(job_id, rows)
        yield jobs
        for job_id in jobs:
            self.source.cancel(job_id)


def measure(one: Load = ONE_JOB, many: Load = MANY_JOBS, crowd: Load = CROWD) -> Iterator[Line]:
    """All loads, the first two on both sides.

    Raises:
        Broken: an observer of ours was not let in, or missed an event.
    """
    with read_side() as stack:
        with our_side(stack) as our:
            found = [outcome(our, load) for load in (one, many, crowd)]
        with their_side(stack) as their:
            theirs = [outcome(their, load) for load in (one, many)]
    if lost := sum(each.lost for each in found):
        raise Broken(f"observers missed {lost} events")
    yield from _one_job(one, found[0], theirs[0])
    yield from _many_jobs(many, found[1], theirs[1])
    yield _latency(crowd, found[2], CROWD_P99_MS)


@contextmanager
def our_side(stack: ReadSide) -> Iterator[Side]:
    """The API, and a player beside it."""
    with closing(Player(stack.settings)) as player:
        service = ours(stack)
        yield Side(service, player, Gauges(service, stack.environ["REDIS_URL"]))


@contextmanager
def their_side(stack: ReadSide) -> Iterator[Side]:
    """The baseline."""
    url = stack.environ["REDIS_URL"]
    with naive(stack) as service, closing(Publisher(url)) as publisher:
        yield Side(service, publisher, Gauges(service, url))


def outcome(side: Side, load: Load) -> Outcome:
    """Put one side under a load."""
    before_s = _writing_alone(side, load)
    with side.jobs(load.jobs, load.rows) as jobs, audience(side.plan(jobs, load.observers)) as watching:
        turns = cycle(jobs)
        warm = write(side.source, turns, load.rate, load.warm_up_s)
        watching.see(warm.events * load.observers)
        connections, before = side.gauges.redis_connections(), side.gauges.read()
        written = write(side.source, turns, load.rate, load.seconds)
        watching.see((warm.events + written.events) * load.observers)
        used = side.gauges.read().since(before)
        report = watching.leave()
    delays_ms = delays(report, written, [job for job in jobs for _ in range(load.observers)])
    reading_s = used.redis_s - written.events * (before_s + _writing_alone(side, load)) / 2
    return Outcome(
        delays_ms=delays_ms,
        api_us=used.api_s * 1e6 / max(1, len(delays_ms)),
        redis_us=reading_s * 1e6 / written.events,
        redis_share=100 * reading_s / written.seconds,
        connections=connections,
        lost=(warm.events + written.events) * load.observers - len(report.numbers) + report.repeated,
    )


def _writing_alone(side: Side, load: Load) -> float:
    """CPU seconds of Redis an event that nobody watches."""
    if not load.quiet_s:
        return 0.0
    with side.jobs(load.jobs, load.rows) as jobs:
        before = side.gauges.read()
        written = write(side.source, cycle(jobs), load.rate, load.quiet_s)
        return side.gauges.read().since(before).redis_s / written.events


def delays(report: Report, written: Written, watched: Sequence[str]) -> list[float]:
    """Milliseconds to each observer of each of these events; `watched`: the job of each observer."""
    return [
        1000 * (came_s - began_s)
        for place, number, came_s in zip(report.observers, report.numbers, report.times_s, strict=True)
        if (began_s := written.began_s.get((watched[place], number))) is not None
    ]


def _latency(load: Load, our: Outcome, target_ms: float, their: Outcome | None = None) -> Line:
    figure = f"p50 {our.p(0.5):.1f} ms, p99 {our.p(0.99):.1f} ms"
    figure += f"; baseline {their.p(0.5):.1f} and {their.p(0.99):.1f} ms" if their else ""
    return at_most(str(load), our.p(0.99), target_ms, " ms", figure=figure)


def _one_job(load: Load, our: Outcome, their: Outcome) -> Iterator[Line]:
    yield _latency(load, our, ONE_P99_MS, their)
    yield _ratio("  p99 against the baseline", our.p(0.99), their.p(0.99), P99_RATIO, "ms")
    yield _ratio("  API CPU a delivered message", our.api_us, their.api_us, API_RATIO, "us")
    yield _ratio("  Redis CPU an event, for reading", our.redis_us, their.redis_us, REDIS_RATIO, "us")
    yield _connections(our, their)


def _many_jobs(load: Load, our: Outcome, their: Outcome) -> Iterator[Line]:
    yield _latency(load, our, MANY_P99_MS, their)
    figure = f"{our.redis_share:.1f} % of a core; baseline {their.redis_share:.1f} %"
    yield at_most("  Redis CPU, for reading", our.redis_share, REDIS_SHARE, " %", figure=figure)
    yield Line("  API CPU a delivered message", f"{our.api_us:.0f} us; baseline {their.api_us:.0f} us")
    yield _connections(our, their)


def _ratio(name: str, our: float, their: float, target: float, unit: str) -> Line:
    ratio = our / their
    return at_most(name, ratio, target, " x", figure=f"{our:.3g} {unit}, {ratio:.2f} x the {their:.3g} {unit}")


def _connections(our: Outcome, their: Outcome) -> Line:
    figure = f"{our.connections}; baseline {their.connections:,}"
    return at_most("  Redis connections of the process", our.connections, CONNECTIONS_MAX, figure=figure)
