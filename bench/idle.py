"""What observers cost that only wait: memory, processor, connections; and what is left when they have gone."""

import math
import time
from collections.abc import Iterator

from bench.audience import Audience, audience
from bench.fanout import CONNECTIONS_MAX, Side, our_side, their_side
from bench.readside import read_side
from bench.report import Broken, Line, at_most

JOBS, OBSERVERS, GONE, FEW = 500, 2, 100, 10
GROWTH_MIB, CPU_SHARE, NOTICED_S = 40.0, 4.0, 30.0
KEPT_SHARE = 0.5
"""Of the growth: what allocators may keep for the next ones."""
WINDOW_S, BASELINE_WINDOW_S = 31.0, 4.0
"""The first is longer than the time after which each gets a keepalive."""
LEFT_LIMIT_S, RETURN_LIMIT_S, LOOK_S = 45.0, 10.0, 0.5


def measure(
    jobs: int = JOBS, observers: int = OBSERVERS, gone: int = GONE, window_s: float = WINDOW_S
) -> Iterator[Line]:
    """Observers of jobs to which nothing happens; `gone` of them vanish without a word.

    Raises:
        Broken: an observer was not let in, or is not noticed when it leaves.
    """
    with read_side() as stack:
        with their_side(stack) as their:
            yield _baseline(their, jobs, observers)
        with our_side(stack) as our:
            yield from _ours(our, jobs, observers, gone, window_s)


def _baseline(side: Side, jobs: int, observers: int) -> Line:
    with side.jobs(jobs, 1) as watched:
        before_mib = _warm(side, watched)
        with audience(side.plan(watched, observers)):
            side.gauges.wait_until_calm()
            share, growth_mib = _cpu_share(side, BASELINE_WINDOW_S), side.gauges.rss_mib() - before_mib
            connections = side.gauges.redis_connections()
    figure = f"{growth_mib:.0f} MiB, {share:.1f} % of a core, {connections:,} Redis connections"
    return Line(f"baseline: {jobs * observers:,} idle observers", figure)


def _ours(side: Side, jobs: int, observers: int, gone: int, window_s: float) -> Iterator[Line]:
    with side.jobs(jobs, 1) as watched:
        before_mib = _warm(side, watched)
        few = _connections_of_few(side, watched)
        with audience(side.plan(watched, observers)) as watching:
            side.gauges.wait_until_calm()
            grown_mib, many = side.gauges.rss_mib(), side.gauges.redis_connections()
            share = _cpu_share(side, window_s)
            noticed_s = _noticed_s(side, watching, gone, jobs * observers) if gone else 0.0
            watching.leave()
        _wait_until_left(side)
        after_mib = _returned_mib(side, before_mib + KEPT_SHARE * (grown_mib - before_mib))
        with audience(side.plan(watched, observers)):
            side.gauges.wait_until_calm()
            again_mib = side.gauges.rss_mib()
    growth_mib = grown_mib - before_mib
    yield at_most(f"{jobs * observers:,} idle observers of {jobs:,} jobs", growth_mib, GROWTH_MIB, " MiB more")
    yield at_most("  CPU, keepalives among it", share, CPU_SHARE, " % of a core")
    yield at_most("  Redis connections", max(few, many), CONNECTIONS_MAX, figure=f"{few} with {FEW} of them, {many}")
    yield _memory(before_mib, grown_mib, after_mib, again_mib)
    yield at_most(f"  {gone} vanish: noticed after", noticed_s, NOTICED_S, " s")


def _warm(side: Side, jobs: list[str]) -> float:
    """Memory when everything is loaded and nobody watches."""
    with audience(side.plan(jobs[:1], FEW)) as watching:
        watching.leave()
    _wait_until_left(side)
    return side.gauges.rss_mib()


def _connections_of_few(side: Side, jobs: list[str]) -> int:
    with audience(side.plan(jobs[:1], FEW)):
        return side.gauges.redis_connections()


def _cpu_share(side: Side, window_s: float) -> float:
    """Per cent of a core."""
    before, started = side.gauges.read(), time.monotonic()
    time.sleep(window_s)
    return 100 * side.gauges.read().since(before).api_s / (time.monotonic() - started)


def _noticed_s(side: Side, watching: Audience, gone: int, total: int) -> float:
    """Seconds until the service holds no connection any more of those that vanish now; infinite: not in good time."""
    watching.vanish(gone)
    started = time.monotonic()
    left = _wait_for_observers(side, total - gone)
    return time.monotonic() - started if left <= total - gone else math.inf


def _wait_until_left(side: Side) -> None:
    if left := _wait_for_observers(side, 0):
        raise Broken(f"{LEFT_LIMIT_S:g} s after all observers have left, the service still holds {left} connections")
    side.gauges.wait_until_calm()


def _returned_mib(side: Side, limit_mib: float) -> float:
    """Memory when it has fallen to the limit, or does not."""
    deadline = time.monotonic() + RETURN_LIMIT_S
    while (held_mib := side.gauges.rss_mib()) > limit_mib and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return held_mib


def _wait_for_observers(side: Side, count: int) -> int:
    """Wait until no more than `count` connections are held, or too long; how many are."""
    deadline = time.monotonic() + LEFT_LIMIT_S
    while (held := side.gauges.observers()) > count and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return held


def _memory(before_mib: float, grown_mib: float, after_mib: float, again_mib: float) -> Line:
    kept = (after_mib - before_mib) / max(1.0, grown_mib - before_mib)
    figure = (
        f"{before_mib:.0f} MiB, with them {grown_mib:.0f}, after {after_mib:.0f}, with as many again {again_mib:.0f}"
    )
    return Line("  memory returns", figure, f"<= {KEPT_SHARE:.0%} kept", kept <= KEPT_SHARE)
