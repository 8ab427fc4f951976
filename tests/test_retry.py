"""The retry middleware, through a running Dramatiq worker: what follows on each kind of error."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dramatiq
import pytest
from dramatiq.worker import Worker

from actors.broker import ACTOR, NAMESPACE, QUEUE, make_broker
from actors.dispatch import Dispatcher, message
from actors.errors import (
    DocumentError,
    DocumentRefused,
    InternalFault,
    KeyRefused,
    ModelFailed,
    NetworkFailed,
    RateLimited,
    SourceRefused,
    TimedOut,
)
from actors.records import Claim, RowAddress
from actors.retry import AttemptFailed, RowRetries
from actors.retry_after import RETRY_AFTER_CAP_MS
from actors.settings import Settings
from protocol.words import DocumentStatus, ErrorCode, ErrorType
from tests.jobs import Bench, check_invariants, waiting
from tests.spec import proves

WAIT_S = 10


@contextmanager
def worker_that_raises(bench: Bench, settings: Settings, error: DocumentError) -> Iterator[Any]:
    """A real worker whose attempts all end with `error`; gives a function that delivers a row and waits."""
    broker = make_broker(settings)
    broker.add_middleware(RowRetries(bench.store, Dispatcher(bench.store, broker), settings))
    acknowledged = threading.Semaphore(0)

    class Acknowledged(dramatiq.Middleware):
        def after_ack(self, broker: Any, message: Any) -> None:
            acknowledged.release()

    broker.add_middleware(Acknowledged())

    def actor(job_id: str, run: str, row_id: int) -> None:
        claim = bench.store.claim(RowAddress(job_id, run, row_id), str(threading.get_ident()))
        assert claim is not None
        raise AttemptFailed(claim, error)

    def deliver(address: RowAddress) -> None:
        broker.enqueue(message(address))
        assert acknowledged.acquire(timeout=WAIT_S)
        assert not broker.client.exists(f"{NAMESPACE}:{QUEUE}.XQ")

    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(actor)
    worker = Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    try:
        yield deliver
    finally:
        worker.stop()
        broker.close()


@proves("ws:progress:retry-after-ms", "ws:progress:error-type")
def test_a_rate_limit_becomes_a_visible_wait(bench: Bench, settings: Settings) -> None:
    [address] = bench.start(rows=1)
    with worker_that_raises(bench, settings, RateLimited("slow down", retry_after_ms=5_000)) as deliver:
        deliver(address)
    told = bench.events()[-1].told
    assert (told.status, told.error_type, told.error) == (DocumentStatus.PENDING, ErrorType.RATE_LIMIT, "slow down")
    assert told.retry_count == 1
    assert told.retry_after_ms is not None
    assert 5_000 <= told.retry_after_ms <= 5_500
    assert bench.state(0)["n"] == 0
    check_invariants(bench)


@proves("ws:progress:retry-count")
def test_the_fifth_failure_of_the_model_is_final(bench: Bench, settings: Settings) -> None:
    [address] = bench.start(rows=1)
    with worker_that_raises(bench, settings, ModelFailed("status 500")) as deliver:
        for _ in range(5):
            deliver(address)
            bench.make_due()
            bench.tick()
    told = [event.told for event in bench.events() if event.type == "progress"]
    assert [row.status for row in told] == ["processing", "pending"] * 4 + ["processing", "failed"]
    assert [row.retry_count for row in told] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert told[-1].error == "status 500 (after 5 attempts)."
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)


def test_our_own_fault_is_tried_three_times(bench: Bench, settings: Settings) -> None:
    [address] = bench.start(rows=1)
    with worker_that_raises(bench, settings, InternalFault("oh")) as deliver:
        for _ in range(3):
            deliver(address)
            bench.make_due()
            bench.tick()
    assert bench.events()[-2].told.retry_count == 3
    assert bench.events()[-1].type == "completed"


@pytest.mark.parametrize(
    "error",
    [
        SourceRefused("not there", code=ErrorCode.NOT_FOUND),
        DocumentRefused("no PDF", code=ErrorCode.NOT_A_PDF),
        TimedOut("too long"),
    ],
)
def test_a_permanent_fault_fails_at_once(bench: Bench, settings: Settings, error: DocumentError) -> None:
    [address] = bench.start(rows=1)
    with worker_that_raises(bench, settings, error) as deliver:
        deliver(address)
    told = bench.events()[-2].told
    assert (told.status, told.error_type, told.error_code) == (DocumentStatus.FAILED, error.error_type, error.code)
    assert (told.error, told.retry_count, told.tags) == (str(error), 1, None)
    check_invariants(bench)


def test_a_refused_key_ends_the_job_with_error(bench: Bench, settings: Settings) -> None:
    [address, *_] = bench.start(rows=3)
    with worker_that_raises(bench, settings, KeyRefused("The provider refused the key.")) as deliver:
        deliver(address)
    told, ending = bench.events()[-2:]
    assert (told.told.status, told.told.error_type) == (DocumentStatus.PENDING, ErrorType.AUTH)
    assert (ending.type, ending.body) == ("error", "The provider refused the key")
    assert bench.facts()["failed"] == "0"
    check_invariants(bench)


def test_a_refilled_row_is_sent_when_a_row_fails(bench: Bench, settings: Settings) -> None:
    out = bench.start(rows=5)
    with worker_that_raises(bench, settings, TimedOut("too long")) as deliver:
        for address in out:
            deliver(address)
    bench.make_due()
    assert bench.facts()["processed"] == "0"
    assert int(bench.facts()["failed"]) >= 4


def claimed(bench: Bench, **changes: Any) -> Claim:
    [address] = bench.start(rows=1)
    return replace(bench.claim(address), **changes)


def test_a_wait_is_never_shorter_than_the_other_side_asked(bench: Bench, retries: RowRetries) -> None:
    claim = claimed(bench)
    for asked_ms in (1_000, 60_000, RETRY_AFTER_CAP_MS):
        wait = retries.wait(claim, RateLimited("slow", retry_after_ms=asked_ms))
        assert wait is not None
        assert asked_ms <= wait.delay_ms <= asked_ms * 1.1
        assert not wait.counts


def test_a_429_without_a_time_is_not_asked_again_at_once(bench: Bench, retries: RowRetries) -> None:
    claim = claimed(bench)
    for error in (RateLimited("slow"), RateLimited("slow", retry_after_ms=0)):
        wait = retries.wait(claim, error)
        assert wait is not None
        assert wait.delay_ms >= 1_000


def test_waits_for_rate_limits_are_bounded_by_their_sum(bench: Bench, retries: RowRetries) -> None:
    claim = claimed(bench, waited_ms=3_599_000, attempt=40, faults=0)
    error = RateLimited("slow", retry_after_ms=30_000)
    assert retries.wait(claim, error) is None
    row = retries._failed(claim, error)
    assert (row.error_type, row.retry_count) == (ErrorType.RATE_LIMIT, 40)
    assert row.error == "slow (after 40 attempts and 3599 s of waiting for rate limits)."
    assert row.retry_after_ms is not None
    assert row.retry_after_ms >= 30_000


def test_the_longest_wait_that_is_ever_asked_for_is_waited_but_not_for_ever(bench: Bench, retries: RowRetries) -> None:
    claim = claimed(bench)
    error = RateLimited("three days, capped", retry_after_ms=RETRY_AFTER_CAP_MS)
    wait = retries.wait(claim, error)
    assert wait is not None
    assert RETRY_AFTER_CAP_MS <= wait.delay_ms <= 1.1 * RETRY_AFTER_CAP_MS
    assert retries.wait(replace(claim, waited_ms=2 * RETRY_AFTER_CAP_MS), error) is None


def test_many_429s_use_up_no_attempt(bench: Bench, retries: RowRetries) -> None:
    claim = claimed(bench, attempt=20, faults=3)
    assert retries.wait(claim, NetworkFailed("gone")) is not None
    assert retries.wait(replace(claim, faults=4), NetworkFailed("gone")) is None


@pytest.mark.parametrize(("faults", "bound_ms"), [(0, 1_000), (3, 8_000), (100, 60_000)])
def test_backoff_is_any_time_up_to_a_bound_that_doubles_and_is_capped(
    bench: Bench, retries: RowRetries, faults: int, bound_ms: int
) -> None:
    retries.max_retries = 1_000
    claim = claimed(bench, faults=faults)
    waits = [wait.delay_ms for _ in range(200) if (wait := retries.wait(claim, ModelFailed("500")))]
    assert len(waits) == 200
    assert 0 <= min(waits) < bound_ms / 4
    assert bound_ms * 3 / 4 < max(waits) <= bound_ms


def test_a_host_that_says_503_and_when_is_obeyed(bench: Bench, retries: RowRetries) -> None:
    wait = retries.wait(claimed(bench), NetworkFailed("503", retry_after_ms=120_000))
    assert wait is not None
    assert wait.delay_ms >= 120_000
    assert wait.counts


def test_a_wait_that_the_store_refuses_changes_nothing(bench: Bench, retries: RowRetries) -> None:
    claim = claimed(bench)
    bench.store.retrying(claim, waiting(claim), delay_ms=1000, counts=True)
    before = bench.events()
    retries.after_process_message(None, None, exception=AttemptFailed(claim, ModelFailed("500")))
    assert bench.events() == before
