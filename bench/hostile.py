"""Thousands of connections that are opened and never read: what do the others notice?"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import msgspec

from bench.audience import audience
from bench.fanout import Load, Outcome, Side, our_side, outcome
from bench.player import Player
from bench.readside import ReadSide, read_side
from bench.report import Line

GOOD = Load(1, 100, 10.0, quiet_s=0.0)
SILENT = 5_000
BUSY_RATE, BUSY_ROWS = 2.0, 10_000
RECEIVE_BUFFER_BYTES = 2_048
"""A client that means no good takes as little as the kernel allows."""
NOISE_RATIO, NOISE_MS = 1.5, 10.0


def measure(good: Load = GOOD, silent: int = SILENT) -> Iterator[Line]:
    """Good observers alone; then beside silent ones, half of whom watch a busy job of their own and half say nothing.

    Raises:
        Broken: a good observer was not let in.
    """
    with read_side() as stack, our_side(stack) as side:
        alone = outcome(side, good)
        with _silent(stack, side, silent):
            beside = outcome(side, good)
    yield _line(f"{silent:,} that never read beside {good.clients:,}", alone, beside)
    yield Line(
        "  events that the good ones missed", f"{alone.lost} and {beside.lost}", "0", alone.lost + beside.lost == 0
    )


@contextmanager
def _silent(stack: ReadSide, side: Side, count: int) -> Iterator[None]:
    """The silent ones, on a job to which something happens all the time."""
    with ExitStack() as exits:
        player = exits.enter_context(closing(Player(stack.settings)))
        busy = Side(side.service, player, side.gauges)
        (job_id,) = exits.enter_context(busy.jobs(1, BUSY_ROWS))
        plan = msgspec.structs.replace(
            busy.plan([job_id], count // 2), reads=False, receive_buffer_bytes=RECEIVE_BUFFER_BYTES
        )
        exits.enter_context(audience(plan))
        exits.enter_context(audience(msgspec.structs.replace(plan, asks=False)))
        side.gauges.wait_until_calm()
        exits.enter_context(_writing(player, job_id))
        yield


@contextmanager
def _writing(player: Player, job_id: str) -> Iterator[None]:
    """Events at a steady rate for the length of a block."""
    stopped = threading.Event()

    def write() -> None:
        while not stopped.wait(1 / BUSY_RATE):
            player.step(job_id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stopped.set()
        writer.join()


def _line(name: str, alone: Outcome, beside: Outcome) -> Line:
    limit_ms = max(NOISE_RATIO * alone.p(0.99), alone.p(0.99) + NOISE_MS)
    figure = f"p99 {beside.p(0.99):.1f} ms (p50 {beside.p(0.5):.1f}); alone {alone.p(0.99):.1f} ms ({alone.p(0.5):.1f})"
    return Line(name, figure, f"<= {limit_ms:.3g} ms (noise)", beside.p(0.99) <= limit_ms)
