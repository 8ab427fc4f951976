"""Nobody pays twice and nobody is blamed for another: real workers that are killed, stopped, paused and cancelled."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from actors.settings import PrivateSources, Settings
from actors.store import key
from bench.documents import text_pdf
from bench.provider import Behaviour, Provider
from protocol.requests import Document, TaggingConfig
from protocol.words import DocumentStatus, ErrorCode, ErrorType, SourceType
from tests.hosts import Host, host, says
from tests.jobs import OWNER, Event, check_invariants, new_job
from tests.pdfs import HEAVY
from tests.processes import ended, finished, kill, until
from tests.served import Served
from tests.service import MODEL, Service, quick, serving
from tests.waiting import until as waiting_until

ROWS = 4


@pytest.fixture
async def library() -> AsyncIterator[Host]:
    """A host with one document."""
    async with host(says(text_pdf(0, pages=1))) as library:
        yield library


@pytest.fixture
def service(settings: Settings, provider: Provider, tmp_path: Path) -> Iterator[Service]:
    loopback = PrivateSources(networks=(ipaddress.ip_network("127.0.0.0/8"),))
    with serving(quick(settings, tmp_path, provider, private_sources=loopback), documents=ROWS) as service:
        yield service


async def test_a_document_is_fetched_once_although_the_model_fails_and_a_worker_dies(
    service: Service, provider: Provider, library: Host
) -> None:
    provider.behaviour = Behaviour(each_document=["503", "hang"])
    document = Document(title="T", file_path=library.url(), file_source_type=SourceType.URL)
    service.start(rows=1, documents=[document], **MODEL)
    with service.worker() as doomed:
        await provider.until(lambda stats: stats.calls == 2 and stats.in_flight == 1, timeout_s=60)
        kill(doomed)
    with service.worker():
        await until(service.bench, ended)
    assert (len(library.heads), provider.stats.calls) == (1, 3)
    assert service.results()[0].retry_count == 3
    check_invariants(service.bench)


async def test_a_refused_key_costs_one_call_and_a_new_key_runs_the_rest(
    service: Service, provider: Provider, api: Served
) -> None:
    provider.behaviour = Behaviour(keys=["a-new-key"])
    service.settings = replace(service.settings, worker_threads=1, secret_key=api.settings.secret_key)
    service.start(rows=ROWS, **MODEL)
    with service.worker():
        events = await until(service.bench, ended)
        assert (events[-1].type, provider.stats.calls) == ("error", 1)
        async with api.client() as client:
            answer = await client.post("/api/batch/jobs/job/retry", json={"api_key": "a-new-key"})
        assert answer.json().get("rows") == ROWS, answer.text
        events = await until(service.bench, lambda events: events[-1].type == "completed")
    assert (events[-1].processed, provider.stats.calls) == (ROWS, 1 + ROWS)
    check_invariants(service.bench)


async def test_a_row_that_kills_whoever_reads_it_fails_and_the_others_succeed(
    service: Service, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "0.pdf").write_bytes(HEAVY)
    service.settings = replace(service.settings, extract_processes=2)
    provider.behaviour = Behaviour(each_document=["hang", "hang"])
    service.start(rows=ROWS, **MODEL, config=TaggingConfig(num_pages=10))
    for death in (1, 2, 3):
        with service.worker() as doomed:
            await until(service.bench, begun(row="0", attempt=death))
            if death < 3:  # then it runs with no other beside it
                await provider.until(lambda stats: stats.in_flight == ROWS - 1, timeout_s=60)
            await asyncio.to_thread(waiting_until, lambda: service.bench.state(0).get("g") == "extract")
            kill(doomed)
    with service.worker():
        await until(service.bench, ended)
    blamed = service.results()[0]
    assert (blamed.error_type, blamed.error_code, blamed.retry_count) == (ErrorType.DOCUMENT, ErrorCode.TOO_COMPLEX, 3)
    assert [service.results()[row].status for row in range(1, ROWS)] == [DocumentStatus.SUCCESS] * (ROWS - 1)
    check_invariants(service.bench)


async def test_a_row_that_only_asks_the_model_is_not_blamed_however_often_its_worker_dies(
    service: Service, provider: Provider
) -> None:
    provider.behaviour = Behaviour(each_document=["hang", "hang", "hang"])
    service.start(rows=1, **MODEL)
    for death in (1, 2, 3):
        with service.worker() as doomed:
            await provider.until(lambda stats, calls=death: stats.calls == calls, timeout_s=60)  # type: ignore[misc]
            kill(doomed)
    with service.worker():
        await until(service.bench, ended)
    row = service.results()[0]
    assert (row.status, row.retry_count) == (DocumentStatus.SUCCESS, 4)
    check_invariants(service.bench)


async def test_rows_that_wait_for_a_reader_are_neither_late_nor_to_blame(service: Service) -> None:
    service.settings = replace(service.settings, document_timeout_s=1.0)
    with service.worker() as worker:
        (reader,) = await asyncio.to_thread(readers, worker.pid)
        reader.suspend()
        service.start(rows=ROWS)
        await until(service.bench, lambda events: {event.row for event in events} >= set(map(str, range(ROWS))))
        begun_ms = await asyncio.to_thread(lease_end_ms, service)
        await asyncio.to_thread(waiting_until, lambda: lease_end_ms(service) > begun_ms + 3_000)
        stages = [service.bench.state(row)["g"] for row in range(ROWS)]
        assert sorted(stages) == ["extract", *["fetch"] * (ROWS - 1)]
        reader.resume()
        await until(service.bench, ended)
    results = service.results()
    late = [row for row in results if results[row].error_type is ErrorType.TIMEOUT]
    assert late == [stages.index("extract")]
    assert service.bench.facts()["processed"] == str(ROWS - 1)


def readers(worker: int) -> list[psutil.Process]:
    """The children of a worker, once they are there."""
    found: list[psutil.Process] = []

    def there() -> bool:
        found[:] = psutil.Process(worker).children()
        return bool(found)

    waiting_until(there)
    return found


def lease_end_ms(service: Service) -> float:
    """Until when all rows that are out are held at least."""
    return min((due for _, due in service.bench.redis.zrange(key("job", "due"), 0, -1, withscores=True)), default=0.0)


def begun(row: str, attempt: int) -> Any:
    """Whether this attempt at the row has begun."""

    def has_begun(events: list[Event]) -> bool:
        told = [event.told for event in events if event.row == row and event.type == "progress"]
        return any(each.status is DocumentStatus.PROCESSING and each.retry_count == attempt for each in told)

    return has_begun


async def test_a_pause_stops_waits_and_lets_rows_at_the_model_end(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(schedule=["429"], retry_after_s=1.0)
    service.start(rows=1, **MODEL)
    with service.worker():
        await until(service.bench, lambda events: "rate-limit" in events[-1].body)
        service.bench.store.pause("job", OWNER)
        await run_a_later_wait(service, provider)
        assert (provider.stats.calls, service.bench.facts()["status"]) == (3, "paused")
        service.bench.store.resume("job", OWNER)
        await until(service.bench, ended)
    assert provider.stats.calls == 4
    check_invariants(service.bench)


async def run_a_later_wait(service: Service, provider: Provider) -> None:
    """Another job's row waits for a rate limit that begins after the first one's, and runs again."""
    provider.behaviour = Behaviour(schedule=["429"], retry_after_s=1.5)
    service.bench.store.create(new_job("later", 1, **MODEL))
    service.dispatcher.refill("later")
    await until(service.bench, ended, "later")


async def test_a_row_at_the_model_ends_in_a_pause_and_no_other_begins(service: Service, provider: Provider) -> None:
    service.settings = replace(service.settings, worker_threads=1)
    provider.behaviour = Behaviour(latency_ms=300)
    service.start(rows=ROWS, **MODEL)
    with service.worker():
        await provider.until(lambda stats: stats.in_flight == 1, timeout_s=60)
        service.bench.store.pause("job", OWNER)
        await until(service.bench, finished(1))
        service.bench.store.create(new_job("next", 1, **MODEL))
        service.dispatcher.refill("next")
        await until(service.bench, ended, "next")
        assert provider.stats.calls == 2
        service.bench.store.resume("job", OWNER)
        await until(service.bench, ended)
    assert service.bench.facts()["processed"] == str(ROWS)
    check_invariants(service.bench)


async def test_a_job_that_is_deleted_while_it_runs_is_cut_off_and_its_id_is_free(
    service: Service, provider: Provider
) -> None:
    provider.behaviour = Behaviour(each_document=["hang"])
    service.start(rows=ROWS, **MODEL)
    with service.worker():
        await provider.until(lambda stats: stats.in_flight == ROWS, timeout_s=60)
        service.bench.store.delete("job", OWNER)
        assert service.bench.events()[-1].type == "cancelled"
        await provider.until(lambda stats: stats.abandoned == ROWS, timeout_s=60)
        assert not service.bench.redis.exists(key("job", "rows"), key("job", "texts"), key("job", "due"))
        service.start(rows=ROWS, **MODEL)
        events = await until(service.bench, ended)
    assert (events[-1].type, events[-1].processed, provider.stats.calls) == ("completed", ROWS, 2 * ROWS)
    check_invariants(service.bench)
