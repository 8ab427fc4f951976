"""A real worker process from the queue to the end of a job, with a real Redis and a model provider over HTTP."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.dispatch import message
from actors.records import RowAddress
from actors.seal import Seal
from actors.settings import Settings
from bench.documents import text_pdf
from bench.provider import Behaviour, Provider
from protocol.requests import Document, TaggingConfig
from protocol.words import ErrorCode, ErrorType, SourceType
from tests.conftest import SECRET_KEY
from tests.jobs import OWNER, check_invariants
from tests.processes import ended, process, until
from tests.service import MODEL, SERVER_KEY, Service, quick, serving
from tests.spec import proves
from tests.waiting import until as waiting_until


@pytest.fixture
def service(settings: Settings, provider: Provider, tmp_path: Path) -> Iterator[Service]:
    with serving(quick(settings, tmp_path, provider), documents=10) as service:
        yield service


@proves("ws:notes:background", "ws:progress:metadata", "ws:progress:model-name")
async def test_a_batch_is_tagged_by_the_offline_tagger(service: Service) -> None:
    service.start(rows=10, config=TaggingConfig(evidence=True))
    with service.worker():
        events = await until(service.bench, ended)
    assert (events[-1].type, events[-1].processed, events[-1].failed) == ("completed", 10, 0)
    row = service.results()[0]
    assert len(row.tags) == 8
    assert {(each.tag in row.tags, each.page) for each in row.evidence} == {(True, 1)}
    assert row.metadata["extraction_method"] == "pypdf"
    assert row.metadata["processing_time"] > 0
    assert row.model_name == "local/keywords"
    check_invariants(service.bench)


async def test_a_batch_is_tagged_by_the_model_with_the_servers_key(service: Service, provider: Provider) -> None:
    service.start(rows=10, **MODEL, config=TaggingConfig(num_tags=5))
    with service.worker():
        events = await until(service.bench, ended)
    assert events[-1].processed == 10
    assert provider.stats.calls == 10
    assert {call.authorization for call in provider.seen} == {f"Bearer {SERVER_KEY}"}
    assert {call.model for call in provider.seen} == {"mock/model"}
    assert all(len(row.tags) == 5 for row in service.results().values())


@proves("ws:progress:error-type")
async def test_bad_documents_fail_with_their_reason_and_the_rest_succeeds(service: Service, tmp_path: Path) -> None:
    (tmp_path / "1.pdf").write_bytes(b"<html>")
    (tmp_path / "2.pdf").write_bytes(text_pdf(2, pages=1)[:400])
    (tmp_path / "3.pdf").unlink()
    (tmp_path / "4.pdf").write_bytes(b"")
    service.start(rows=6)
    with service.worker():
        events = await until(service.bench, ended)
    assert (events[-1].processed, events[-1].failed) == (2, 4)
    known = {row_id: (row.error_type, row.error_code) for row_id, row in service.results().items() if row.error}
    assert known == {
        1: (ErrorType.DOCUMENT, ErrorCode.NOT_A_PDF),
        2: (ErrorType.DOCUMENT, ErrorCode.CORRUPT),
        3: (ErrorType.SOURCE, ErrorCode.NOT_FOUND),
        4: (ErrorType.DOCUMENT, ErrorCode.NOT_A_PDF),
    }
    check_invariants(service.bench)


async def test_a_private_address_is_refused_as_a_failed_row(service: Service) -> None:
    inside = Document(title="T", file_path="http://127.0.0.1:1/a.pdf", file_source_type=SourceType.URL)
    service.start(documents=[inside])
    with service.worker():
        await until(service.bench, ended)
    row = service.results()[0]
    assert (row.error_type, row.error_code, row.retry_count) == (ErrorType.SOURCE, ErrorCode.ADDRESS_REFUSED, 1)


async def test_a_rate_limited_row_asks_only_the_model_again(
    service: Service, provider: Provider, tmp_path: Path
) -> None:
    provider.behaviour = Behaviour(each_document=["429"], retry_after_s=1.0)
    service.start(rows=1, **MODEL)
    with service.worker():
        events = await until(service.bench, lambda events: any("rate-limit" in event.body for event in events))
        waiting = events[-1].told
        (tmp_path / "0.pdf").unlink()
        await until(service.bench, ended)
    assert waiting.error_type is ErrorType.RATE_LIMIT
    assert waiting.retry_after_ms is not None
    assert waiting.retry_after_ms >= 1000
    assert service.results()[0].retry_count == 2
    assert provider.stats.calls == 2
    check_invariants(service.bench)


async def test_rough_weather_loses_nothing(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(shares={"503": 0.15, "drop": 0.1, "nonsense": 0.1}, latency_ms=5)
    service.start(rows=10, **MODEL)
    with service.worker():
        events = await until(service.bench, ended)
    assert events[-1].processed == 10
    assert {event.told.error_type for event in events if event.row and event.told.error} <= {"model-error", "network"}
    check_invariants(service.bench)


async def test_a_message_delivered_ten_times_is_paid_once(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(latency_ms=100)
    service.start(rows=3, **MODEL)
    addresses = list(service.bench.store.refill("job"))
    facts = service.bench.facts()
    for row_id in range(3):
        for _ in range(10):
            service.broker.enqueue(message(RowAddress("job", facts["run"], row_id)))
    with service.worker():
        await until(service.bench, ended)
    assert addresses == []
    assert provider.stats.calls == 3
    check_invariants(service.bench)


async def test_cancel_interrupts_a_row_at_the_model(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(each_document=["hang"])
    service.start(rows=3, **MODEL)
    with service.worker():
        await provider.until(lambda stats: stats.in_flight == 3, timeout_s=60)
        service.bench.store.cancel("job", OWNER)
        await provider.until(lambda stats: stats.abandoned == 3, timeout_s=60)
    assert service.bench.events()[-1].type == "cancelled"
    assert provider.stats.calls == 3
    check_invariants(service.bench)


@proves("ws:summary:error")
async def test_a_refused_key_ends_the_job_and_asks_no_more(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(keys=["another key"])
    service.start(rows=10, **MODEL)
    with service.worker():
        events = await until(service.bench, ended)
    assert (events[-1].type, events[-1].processed, events[-1].failed) == ("error", 0, 0)
    assert "the-servers-own-key" not in str(events)
    check_invariants(service.bench)


async def test_a_server_that_has_lost_its_key_asks_nobody(service: Service, provider: Provider) -> None:
    service.start(rows=3, **MODEL)
    service.settings = replace(service.settings, provider_api_key="")
    with service.worker():
        events = await until(service.bench, ended)
    assert events[-1].type == "error"
    assert "own key" in events[-1].body
    assert provider.stats.calls == 0


async def test_a_callers_key_stands_nowhere_in_clear(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(each_document=["503", "429"], retry_after_s=0.5, keys=["caller-key-123456"])
    sealed = Seal(SECRET_KEY).seal("api_key", "caller-key-123456")
    service.start(rows=2, model_name="mock/model", api_key_from="caller", sealed_api_key=sealed)
    with service.worker():
        await until(service.bench, lambda events: any("rate-limit" in event.body for event in events))
        held = [everything(service, number) for number in (0, 1)]
        events = await until(service.bench, ended)
    assert events[-1].processed == 2
    assert all(b"caller-key-123456" not in kept for kept in held)
    assert not service.bench.redis.exists("job:{job}:secrets")


def everything(service: Service, database: int) -> bytes:
    """All that one database holds, as its own dump format has it."""
    import redis

    base = service.settings.redis_url.rsplit("/", 1)[0]
    with redis.Redis.from_url(f"{base}/{database}") as client:
        return b"".join(client.dump(name) or b"" for name in client.scan_iter())


async def test_sigterm_gives_rows_back_without_an_attempt(service: Service, provider: Provider) -> None:
    service.settings = replace(service.settings, shutdown_s=2.0)
    provider.behaviour = Behaviour(each_document=["hang"])
    service.start(rows=4, **MODEL)
    with service.worker() as first:
        await provider.until(lambda stats: stats.in_flight == 4, timeout_s=60)
        first.terminate()
        await until(service.bench, lambda events: sum(is_given_back(event) for event in events) == 4)
        assert first.wait(10) == 0
    with service.worker():
        events = await until(service.bench, ended)
    assert events[-1].processed == 4
    assert {row.retry_count for row in service.results().values()} == {1}
    check_invariants(service.bench)


DOCUMENT_OF_A_SILENT_HOST = Document(
    title="T", file_path="http://silent.example/a.pdf", file_source_type=SourceType.URL
)


def is_given_back(event: Any) -> bool:
    return event.row != "" and event.told.status == "pending" and event.told.error is None


async def test_sigterm_lets_a_running_row_end(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(latency_ms=1000)
    service.start(rows=1, **MODEL)
    with service.worker() as running:
        await provider.until(lambda stats: stats.in_flight == 1, timeout_s=60)
        running.terminate()
        events = await until(service.bench, ended)
        assert running.wait(10) == 0
    assert events[-1].processed == 1


SILENT_RESOLVER = """
import os, socket, time
asked = socket.getaddrinfo

def silent(host, *rest, **options):
    if host == b"silent.example" and not options.get("flags"):
        os.close(os.open(os.environ["ASKED"], os.O_CREAT))
        time.sleep(120)
    return asked(host, *rest, **options)

socket.getaddrinfo = silent
"""


async def test_sigterm_does_not_wait_for_a_resolver_that_says_nothing(service: Service, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SILENT_RESOLVER)
    service.settings = replace(service.settings, shutdown_s=1.0)
    service.start(documents=[DOCUMENT_OF_A_SILENT_HOST])
    environ = {"PYTHONPATH": str(tmp_path), "ASKED": str(tmp_path / "asked")}
    with process(service.settings, "actors", **environ) as running:
        await asyncio.to_thread(waiting_until, (tmp_path / "asked").exists)
        running.terminate()
        assert await asyncio.to_thread(running.wait, 10) == 0
    check_invariants(service.bench)
