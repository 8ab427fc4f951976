"""The catchup of a job with thousands of rows: how soon it comes, and what others notice of it."""

from collections.abc import Iterator

from bench.audience import audience
from bench.crowd import Report
from bench.fanout import Side, our_side
from bench.latency import health_line, probing
from bench.readside import read_side
from bench.report import Line, at_most, quantile

ROWS, TIMES, AT_ONCE = 10_000, 5, 50
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
        side.gauges.wait_until_calm()
        with probing(stack.url, PROBES_A_SECOND) as took_s:
            reports = [_catch_up(side, job_id, 1) for _ in range(TIMES)]
        first_s, whole_s = ([getattr(each, name)[0] for each in reports] for name in ("first_byte_s", "whole_s"))
        figure = f"first byte {max(first_s):.2f} s, last {max(whole_s):.2f} s, worst of {TIMES}"
        yield at_most(f"catchup of {rows:,} rows", max(first_s), FIRST_BYTE_S, " s", figure=figure)
        yield health_line("  /api/health meanwhile", took_s)
        yield from _many(side, job_id, stack.url, at_once)


def _many(side: Side, job_id: str, url: str, at_once: int) -> Iterator[Line]:
    side.gauges.wait_until_calm()
    before_mib = side.gauges.rss_mib()
    side.gauges.forget_peak()
    with probing(url, PROBES_A_SECOND) as took_s:
        report = _catch_up(side, job_id, at_once)
    first_s, whole_s = report.first_byte_s, report.whole_s
    figure = f"first byte p50 {quantile(first_s, 0.5):.2f} s, worst {max(first_s):.2f} s; last {max(whole_s):.2f} s"
    yield Line(f"  {at_once} such at once", figure)
    yield health_line("  /api/health meanwhile", took_s)
    yield Line("  memory", f"{before_mib:.0f} MiB, {side.gauges.peak_mib():.0f} MiB at most")


def _catch_up(side: Side, job_id: str, observers: int) -> Report:
    with audience(side.plan([job_id], observers)) as watching:
        return watching.leave()
