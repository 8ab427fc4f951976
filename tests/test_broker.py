"""The queue, through a real Redis and a running Dramatiq worker."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import dramatiq
import pytest
import redis
from dramatiq.worker import Worker

from actors.broker import ACTOR, QUEUE, DocumentBroker, make_broker
from actors.dispatch import Dispatcher, message
from actors.records import RowAddress
from actors.settings import Settings
from stack import free_port
from tests.jobs import Bench

ADDRESS = RowAddress("job", "run", 3)
WAIT_S = 10


@contextmanager
def working(broker: DocumentBroker, threads: int = 2) -> Iterator[None]:
    worker = Worker(broker, worker_timeout=50, worker_threads=threads)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


@pytest.fixture
def broker(settings: Settings) -> Iterator[DocumentBroker]:
    with closing(make_broker(settings)) as one:
        yield one


def listening(broker: DocumentBroker) -> tuple[list[RowAddress], threading.Event]:
    """An actor that notes what comes."""
    came: list[RowAddress] = []
    event = threading.Event()

    def actor(job_id: str, run: str, row_id: int) -> None:
        came.append(RowAddress(job_id, run, row_id))
        event.set()

    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(actor)
    return came, event


def test_a_message_reaches_the_actor_with_its_ids_and_nothing_else(broker: DocumentBroker) -> None:
    came, event = listening(broker)
    broker.enqueue(message(ADDRESS))
    assert broker.queued() == 1
    with working(broker):
        assert event.wait(WAIT_S)
    assert came == [ADDRESS]
    assert message(ADDRESS).kwargs == {"job_id": "job", "run": "run", "row_id": 3}


def test_the_broker_has_a_database_of_its_own_in_which_every_key_expires(
    broker: DocumentBroker, settings: Settings
) -> None:
    _, event = listening(broker)
    broker.enqueue(message(ADDRESS))
    with redis.Redis.from_url(settings.queue_url) as queue, redis.Redis.from_url(settings.redis_url) as jobs:
        assert jobs.keys() == []
        assert {name for name in queue.keys() if queue.pttl(name) <= 0} == set()  # noqa: SIM118 - Redis's KEYS
        with working(broker):
            assert event.wait(WAIT_S)
        assert {name for name in queue.keys() if queue.pttl(name) <= 0} == set()  # noqa: SIM118 - Redis's KEYS


def test_nothing_can_be_sent_with_a_delay(broker: DocumentBroker) -> None:
    listening(broker)
    with pytest.raises(AssertionError):
        broker.enqueue(message(ADDRESS), delay=1000)
    assert broker.get_declared_delay_queues() == set()


def test_a_message_that_cannot_be_sent_is_left_to_the_scheduler(bench: Bench, settings: Settings) -> None:
    nowhere = replace(settings, broker_url=f"redis://127.0.0.1:{free_port()}/0")
    with closing(make_broker(nowhere)) as broker:
        Dispatcher(bench.store, broker).send([ADDRESS])


def test_a_consumer_survives_what_redis_raises(broker: DocumentBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)
    came, event = listening(broker)
    failed = threading.Event()
    fetch = broker.scripts["dispatch"]

    def once_away(*args: object, **kwargs: object) -> object:
        if not failed.is_set():
            failed.set()
            raise redis.TimeoutError("stalled")
        return fetch(*args, **kwargs)  # type: ignore[arg-type]

    broker.enqueue(message(ADDRESS))
    broker.scripts["dispatch"] = once_away
    with working(broker):
        assert failed.wait(WAIT_S)
        assert event.wait(WAIT_S)
    assert came == [ADDRESS]
