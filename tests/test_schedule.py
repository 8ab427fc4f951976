"""The scheduler: what is due goes to the queue, what was lost goes again, and rows of dead workers run again."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from dramatiq import Message

from actors.broker import NAMESPACE, QUEUE, DocumentBroker, make_broker
from actors.dispatch import Dispatcher
from actors.records import Due, RowAddress, Stage
from actors.schedule import LAPSED, Scheduler
from actors.settings import Settings
from actors.store import JobStore, key
from protocol.words import DocumentStatus, ErrorType
from tests.jobs import Bench, check_invariants, failure, new_job, waiting


class Scheduled:
    """A scheduler, its store and its queue."""

    def __init__(self, settings: Settings) -> None:
        self.bench = Bench(settings)
        self.broker: DocumentBroker = make_broker(settings)
        self.dispatcher = Dispatcher(self.bench.store, self.broker)
        self.scheduler = Scheduler(
            self.bench.store, self.broker, self.dispatcher, worker="worker/8", lease_s=settings.lease_s
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.bench.close()
        self.broker.close()

    def queue(self) -> list[RowAddress]:
        """What lies in the queue, taken out of it."""
        client, name = self.broker.client, f"{NAMESPACE}:{QUEUE}"
        bodies: list[Any] = [client.hget(f"{name}.msgs", number) for number in client.lrange(name, 0, -1)]
        client.delete(name, f"{name}.msgs")
        return [RowAddress(**Message.decode(body).kwargs) for body in bodies]


@pytest.fixture
def scheduled(settings: Settings) -> Iterator[Scheduled]:
    with closing(Scheduled(settings)) as one:
        yield one


def test_a_new_job_is_sent_a_chunk_at_a_time(scheduled: Scheduled) -> None:
    scheduled.bench.store.create(new_job(rows=30))
    scheduled.scheduler.step()
    assert [address.row_id for address in scheduled.queue()] == list(range(10))


def test_a_waiting_row_is_sent_when_it_is_due(scheduled: Scheduled) -> None:
    [address] = scheduled.bench.start(rows=1)
    claim = scheduled.bench.claim(address)
    scheduled.bench.store.retrying(claim, waiting(claim), delay_ms=60_000, counts=True)
    scheduled.scheduler.step()
    assert scheduled.queue() == []
    scheduled.bench.make_due()
    scheduled.scheduler.step()
    assert scheduled.queue() == [address]


def test_a_message_that_the_broker_lost_is_sent_again(scheduled: Scheduled) -> None:
    scheduled.bench.store.create(new_job(rows=1))
    scheduled.scheduler.step()
    [address] = scheduled.queue()
    scheduled.bench.make_due()
    scheduled.scheduler.step()
    assert scheduled.queue() == [address]


def test_the_row_of_a_dead_worker_is_sent_again_and_observers_are_told(scheduled: Scheduled) -> None:
    [address] = scheduled.bench.start(rows=1)
    scheduled.bench.claim(address)
    scheduled.bench.make_due()
    scheduled.scheduler.step()
    assert scheduled.queue() == [address]
    told = scheduled.bench.events()[-1].told
    assert (told.status, told.error, told.error_type) == (DocumentStatus.PENDING, f"{LAPSED}.", ErrorType.INTERNAL)
    assert (told.retry_after_ms, told.retry_count) == (0, 1)
    check_invariants(scheduled.bench)


@pytest.mark.parametrize(("stage", "deaths", "blamed"), [("extract", 3, "document"), ("tag", 20, "internal")])
def test_a_row_that_kills_its_workers_fails(scheduled: Scheduled, stage: Stage, deaths: int, blamed: str) -> None:
    [address] = scheduled.bench.start(rows=1)
    for number in range(deaths):
        scheduled.bench.store.begin(scheduled.bench.claim(address, str(number)), stage)
        scheduled.bench.make_due()
        scheduled.scheduler.step()
    told, ending = scheduled.bench.events()[-2:]
    assert (told.told.status, told.told.error_type, told.told.retry_count) == ("failed", blamed, deaths)
    assert f"{deaths} attempts" in (told.told.error or "")
    assert ending.type == "completed"


def test_leases_are_judged_only_one_lease_after_the_connection_is_back(
    scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    [address] = scheduled.bench.start(rows=1)
    claim = scheduled.bench.claim(address)
    scheduled.bench.make_due()
    clock = [1000.0]
    monkeypatch.setattr("actors.schedule.time.monotonic", lambda: clock[0])
    outage = OneOutage(scheduled.scheduler, redis.ConnectionError("away"))
    scheduled.scheduler.run_until(outage)  # type: ignore[arg-type]
    assert scheduled.queue() == []
    clock[0] += 10.1
    scheduled.scheduler.step()
    assert scheduled.queue() == [address]
    assert scheduled.bench.store.finish(claim, failure(claim)) == []


def test_leases_are_judged_only_one_lease_after_redis_stood_still(
    scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client tries again by itself, so that a pause of less than its time-outs raises nothing."""
    [address] = scheduled.bench.start(rows=1)
    scheduled.bench.claim(address)
    scheduled.bench.make_due()
    clock = [1000.0]
    monkeypatch.setattr("actors.schedule.time.monotonic", lambda: clock[0])
    tick = JobStore.tick

    def slow_tick(store: JobStore, worker: str, *, queued: int, judge_leases: bool) -> Due:
        clock[0] += 12.0
        return tick(store, worker, queued=queued, judge_leases=judge_leases)

    with monkeypatch.context() as pause:
        pause.setattr(JobStore, "tick", slow_tick)
        scheduled.scheduler.step()
    scheduled.scheduler.step()
    assert scheduled.queue() == []
    clock[0] += 10.1
    scheduled.scheduler.step()
    assert scheduled.queue() == [address]


class OneOutage:
    """Stands for the stop event: the first step meets a fault, the second does not, then it stops."""

    def __init__(self, scheduler: Scheduler, fault: Exception) -> None:
        self._scheduler, self._step, self._steps, self._fault = scheduler, scheduler.step, 0, fault
        scheduler.step = self._away  # type: ignore[method-assign]

    def _away(self) -> None:
        self._scheduler.step = self._step  # type: ignore[method-assign]
        raise self._fault

    def wait(self, _seconds: float) -> bool:
        self._steps += 1
        return self._steps > 2


def test_a_row_that_cannot_be_read_stops_no_other(scheduled: Scheduled) -> None:
    """A newer version's, say."""
    unread, lapsed, waits = scheduled.bench.start(rows=3)
    for address in (unread, lapsed, waits):
        claim = scheduled.bench.claim(address)
    scheduled.bench.store.retrying(claim, waiting(claim), delay_ms=60_000, counts=True)
    scheduled.bench.redis.hset(key("job", "documents"), "0", '{"title": "T", "file_source_type": "moon"}')
    scheduled.bench.make_due()
    scheduled.scheduler.step()
    assert set(scheduled.queue()) == {lapsed, waits}


def test_a_fault_of_our_own_does_not_end_the_scheduler(scheduled: Scheduled) -> None:
    scheduled.bench.store.create(new_job(rows=1))
    outage = OneOutage(scheduled.scheduler, ZeroDivisionError())
    scheduled.scheduler.run_until(outage)  # type: ignore[arg-type]
    assert len(scheduled.queue()) == 1


def test_a_chunk_counts_the_threads_of_every_living_worker(settings: Settings) -> None:
    with closing(Scheduled(settings)) as first, closing(Scheduled(settings)) as second:
        second.scheduler = Scheduler(
            second.bench.store, second.broker, second.dispatcher, worker="other/12", lease_s=settings.lease_s
        )
        first.scheduler.step()
        second.scheduler.step()
        assert len(first.bench.start(rows=100)) == 25
