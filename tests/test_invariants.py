"""Attempts to break a job: many workers, repeated messages, deaths, cancels, all at once and at random.

`check_invariants` says what must hold at every moment (the house's invariants 1, 3, 4, 6, 7).
"""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from actors.records import Claim, JobOver, RowAddress
from protocol.messages import Row
from protocol.words import ErrorType
from tests.jobs import OWNER, Bench, check_invariants, failure, success, waiting

WORKERS = 8


def test_rows_end_once_although_every_message_is_delivered_to_every_worker(bench: Bench) -> None:
    queue = bench.start(rows=40)
    while queue:
        with ThreadPoolExecutor(WORKERS) as pool:
            taken = list(pool.map(lambda address: finish_once(bench, address), queue * WORKERS))
        queue = [address for batch in taken for address in batch]
        check_invariants(bench)
    assert bench.facts()["status"] == "completed"


def finish_once(bench: Bench, address: RowAddress) -> list[RowAddress]:
    claim = bench.store.claim(address, str(random.random()))
    return bench.store.finish(claim, success(claim)) if claim else []


def test_two_workers_that_both_believe_they_hold_a_row_end_it_once(bench: Bench) -> None:
    for round_number in range(20):
        job_id = f"job {round_number}"
        [address] = bench.start(job_id, rows=1)
        old = bench.claim(address, "old")
        bench.make_due(job_id)
        [lapsed] = bench.tick().lapsed
        bench.store.lapse(lapsed, again=Row.waiting(0, "T"), failed=failure(old))
        new = bench.claim(address, "new")
        together(partial(bench.store.finish, old, failure(old)), partial(bench.store.finish, new, success(new)))
        check_invariants(bench, job_id)
        assert bench.facts(job_id)["processed"] == "1"


def test_cancel_against_completion_has_one_winner(bench: Bench) -> None:
    for round_number in range(30):
        job_id = f"job {round_number}"
        [address] = bench.start(job_id, rows=1)
        claim = bench.claim(address)
        together(partial(cancel, bench, job_id), partial(bench.store.finish, claim, success(claim)))
        assert bench.facts(job_id)["status"] in ("completed", "cancelled")
        check_invariants(bench, job_id)


def cancel(bench: Bench, job_id: str) -> None:
    try:
        bench.store.cancel(job_id, OWNER)
    except JobOver:
        return


def together(*calls: Callable[[], object]) -> None:
    """Call all at the same moment."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(run, call) for call in calls]:
            done.result()


STEPS = (
    "claim",
    "begin extract",
    "begin tag",
    "finish",
    "fail",
    "retry",
    "rate limit",
    "release",
    "die",
    "tick",
    "repeat",
)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 7)), max_size=60), cancelled=st.booleans())
def test_no_order_of_steps_breaks_a_job(bench: Bench, steps: list[tuple[str, int]], cancelled: bool) -> None:
    bench.redis.flushall()
    history = History(bench, bench.start(rows=6))
    for step, choice in steps:
        history.take(step, choice)
        check_invariants(bench)
    if cancelled:
        cancel(bench, "job")
    else:
        history.drain()
        assert bench.facts()["status"] == "completed"
    check_invariants(bench)


class History:
    """A queue that repeats its messages, and workers that do anything in any order, also twice and too late."""

    def __init__(self, bench: Bench, queue: list[RowAddress]) -> None:
        self.bench = bench
        self.queue = queue
        self.delivered: list[RowAddress] = []
        self.claims: list[Claim] = []

    def take(self, step: str, choice: int) -> None:
        """One step by one worker; what it may not do must change nothing."""
        if step == "tick":
            self.tick()
        elif step == "repeat" and self.delivered:
            self.queue.append(self.delivered[choice % len(self.delivered)])
        elif step == "claim" and self.queue:
            self.claim(choice)
        elif self.claims and step not in ("repeat", "claim"):
            self.write(step, self.claims[choice % len(self.claims)])

    def claim(self, choice: int) -> None:
        address = self.queue.pop(choice % len(self.queue))
        self.delivered.append(address)
        if claim := self.bench.store.claim(address, str(random.random())):
            self.claims.append(claim)

    def tick(self) -> None:
        self.bench.make_due()
        due = self.bench.tick()
        self.queue += due.send
        for lapsed in due.lapsed:
            told = {"error": "died", "error_type": ErrorType.INTERNAL, "retry_count": lapsed.attempt}
            again = Row.waiting(lapsed.row_id, "T", retry_after_ms=0, **told)
            failed = Row.failed(lapsed.row_id, "T", error="died", error_type=ErrorType.INTERNAL)
            self.queue += self.bench.store.lapse(lapsed, again=again, failed=failed)

    def write(self, step: str, claim: Claim) -> None:
        store = self.bench.store
        if step == "finish":
            self.queue += store.finish(claim, success(claim))
        elif step == "fail":
            self.queue += store.finish(claim, failure(claim))
        elif step in ("retry", "rate limit"):
            store.retrying(claim, waiting(claim), delay_ms=1000, counts=step == "retry")
        elif step.startswith("begin"):
            store.begin(claim, "extract" if step.endswith("extract") else "tag", b"text")
        elif step == "release":
            self.release(claim)

    def release(self, claim: Claim) -> None:
        if address := self.bench.store.release(claim, Row.waiting(claim.row_id, "T")):
            self.queue.append(address)

    def drain(self) -> None:
        """Workers that do their work, until nothing is left: whatever was lost comes back by the scheduler."""
        for _ in range(100):
            while self.queue:
                self.claim(0)
            for claim in self.claims:
                self.queue += self.bench.store.finish(claim, success(claim))
            self.claims.clear()
            if self.bench.facts()["status"] == "completed":
                return
            self.tick()
