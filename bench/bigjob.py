"""The catchup of a job with thousands of rows: how soon it comes, and what others notice of it."""

from collections.abc import Iterator

import msgspec

from bench.audience import gathered
from bench.crowd import Report
from bench.fanout import Side, our_side
from bench.latency import health_line, probing
from bench.readside import read_side
from bench.report import Line, at_most, quantile

ROWS, TIMES, AT_ONCE = 10_000, 10, 50
ONE_BY_ONE_A_SECOND, ALL_AT_ONCE_A_SECOND = 4.0, 1_000.0
FIRST_BYTE_S = 1.0
PROBES_A_SECOND = 100.0


def measure(rows: int = ROWS, at_once: int = AT_ONCE) -> Iterator[Line]:
    """Catchups one after the other, then so many at once, with `/api/health` probed beside them.

    Raises:
        Broken: an observer did not get its catchup.
    """
    with read_side() as stack, our_side(stack) as side, side.jobs(1, rows + 1) as (job_id,):
        for _ in range(2 * rows):
            side.source.step(job_id)
        report, took_s = _catch_up(side, job_id, TIMES, ONE_BY_ONE_A_SECOND)
        first_s, whole_s = max(report.first_byte_s), max(report.whole_s)
        figure = f"first byte {first_s:.2f} s, last {whole_s:.2f} s, worst of {TIMES}"
        yield at_most(f"catchup of {rows:,} rows", first_s, FIRST_BYTE_S, " s", figure=figure)
        yield health_line("  /api/health meanwhile", took_s)
        yield from _many(side, job_id, at_once)


def _many(side: Side, job_id: str, at_once: int) -> Iterator[Line]:
    before_mib = side.gauges.rss_mib()
    side.gauges.forget_peak()
    report, took_s = _catch_up(side, job_id, at_once, ALL_AT_ONCE_A_SECOND)
    first_s, whole_s = report.first_byte_s, report.whole_s
    figure = f"first byte p50 {quantile(first_s, 0.5):.2f} s, worst {max(first_s):.2f} s; last {max(whole_s):.2f} s"
    yield Line(f"  {at_once} such at once", figure)
    yield health_line("  /api/health meanwhile", took_s)
    yield Line("  memory", f"{before_mib:.0f} MiB, {side.gauges.peak_mib():.0f} MiB at most")


def _catch_up(side: Side, job_id: str, observers: int, a_second: float) -> tuple[Report, list[float]]:
    """What they saw, and what probes of `/api/health` found meanwhile: both programs have started by then."""
    side.gauges.wait_until_calm()
    plan = msgspec.structs.replace(side.plan([job_id], observers), a_second=a_second)
    with gathered() as watching:
        with probing(side.service.url, PROBES_A_SECOND) as took_s:
            watching.open(plan)
        return watching.leave(), took_s
