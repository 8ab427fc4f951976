"""Sentences of the published page that no other test proves whole, through a real API and a real Redis."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from actors.records import Claim
from actors.settings import Settings
from bench.documents import text_pdf
from bench.provider import Behaviour, Provider
from protocol.messages import Row
from protocol.words import ErrorType
from stack import free_port
from tests.jobs import Bench, failure, success, waiting
from tests.processes import ended, process, until
from tests.served import LIMIT_S, Served, play, start_body
from tests.spec import proves

ROWS = 6


def manual(claim: Claim) -> Row:
    """A success with everything that is said of one."""
    known = {"extraction_method": "pypdf", "is_scanned": False}
    return msgspec.structs.replace(success(claim), tags=["safety", "training"], model_name="a/model", metadata=known)


def limited(claim: Claim) -> Row:
    """A wait for a provider that asks to slow down."""
    return msgspec.structs.replace(waiting(claim, 60_000), error="slow down", error_type=ErrorType.RATE_LIMIT)


@proves(
    "ws:progress:type",
    "ws:progress:job-id",
    "ws:progress:row-id",
    "ws:progress:row-number",
    "ws:progress:title",
    "ws:progress:status",
    "ws:progress:progress",
    "ws:progress:tags",
    "ws:progress:error",
    "ws:progress:error-type",
    "ws:progress:retry-after-ms",
    "ws:progress:retry-count",
    "ws:progress:model-name",
    "ws:progress:metadata",
    "ws:ending:job-id",
    "ws:ending:processed-count",
    "ws:ending:failed-count",
    "ws:ending:message",
)
async def test_messages_have_the_fields_of_the_page_where_they_apply_and_no_others(api: Served, bench: Bench) -> None:
    rows = bench.start(rows=2)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        bench.store.finish(first := bench.claim(rows[0]), manual(first))
        bench.store.retrying(second := bench.claim(rows[1]), limited(second), delay_ms=60_000, counts=True)
        bench.make_due()
        bench.tick()
        bench.store.finish(second := bench.claim(rows[1], "again"), failure(second))
        frames, _, _ = await observer.rest()
    assert [frame.pop("cursor") for frame in frames]
    one = {"type": "progress", "job_id": "job", "row_id": 0, "row_number": 1, "title": "Title 0"}
    other = {"type": "progress", "job_id": "job", "row_id": 1, "row_number": 2, "title": "Title 1"}
    refused = {"error": "slow down", "error_type": "rate-limit"}
    asked = {"model_name": "local/keywords"}
    assert frames == [
        one | {"status": "processing", "progress": 0.0, "retry_count": 1} | asked,
        one | {"status": "success", "progress": 0.5, "retry_count": 1, "tags": ["safety", "training"]}
        | {"model_name": "a/model", "metadata": {"extraction_method": "pypdf", "is_scanned": False}},
        other | {"status": "processing", "progress": 0.5, "retry_count": 1} | asked,
        other | {"status": "pending", "progress": 0.5, "retry_count": 1, "retry_after_ms": 60_000} | refused,
        other | {"status": "processing", "progress": 0.5, "retry_count": 2} | asked,
        other | {"status": "failed", "progress": 1.0, "retry_count": 2, "error": "no", "error_type": "source"},
        {"type": "completed", "job_id": "job", "processed_count": "1", "failed_count": "1", "message": "Job completed"},
    ]  # fmt: skip


@proves("ws:connect:token-in-header", "ws:connect:flow")
async def test_a_token_in_the_header_alone_opens_the_socket(api: Served, bench: Bench) -> None:
    bench.start()
    header = {"Authorization": f"Bearer {api.token()}"}
    async with api.observe("job", token="", additional_headers=header) as observer:
        assert (await observer.next())["type"] == "catchup"
    async with api.observe("job", token="", additional_headers={}) as observer:
        assert await observer.rest() == (
            [{"error": "Authentication required", "job_id": "job"}],
            1008,
            "Authentication required",
        )


@proves("ws:connect:job-id", "ws:connect:job-id-from-start", "ws:connect:flow")
async def test_each_start_makes_an_id_that_its_socket_takes_and_none_is_no_address(api: Served, bench: Bench) -> None:
    async with api.client() as client:
        answers = [await client.post("/api/batch/start", json=start_body(rows)) for rows in (1, 2)]
    first, second = (answer.json()["job_id"] for answer in answers)
    assert first != second
    for job_id, rows in ((first, 1), (second, 2)):
        async with api.observe(job_id) as observer:
            catchup = await observer.next()
        assert (catchup["job_id"], catchup["state"]["total"]) == (job_id, rows)
    with pytest.raises(InvalidStatus) as refused:
        async with api.observe(""):
            pass
    assert refused.value.response.status_code == 404


@proves("ws:connect:endpoint", "ws:keepalive:when", "ws:summary:keepalive")
def test_where_nothing_is_set_the_port_and_the_silence_are_those_of_the_page() -> None:
    bare = Settings(secret_key="k" * 32)
    assert (bare.port, bare.keepalive_s) == (8000, 30)


@proves("ws:notes:cancel", "ws:summary:cancelled", "ws:ending:when", "ws:ending:type")
async def test_a_job_is_stopped_by_a_post_and_its_observers_are_told(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 1)
    async with api.observe("job") as observer, api.client() as client:
        await observer.until("catchup")
        assert (await client.post("/api/batch/jobs/job/cancel")).status_code == 200
        frames, code, _ = await observer.rest()
    (ending,) = frames
    assert (ending["type"], ending["processed_count"], ending["failed_count"], code) == ("cancelled", "1", "0", 1000)


@proves("ws:notes:ttl", "ws:notes:retention")
async def test_results_are_there_after_the_ending_and_for_a_limited_time(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    play(bench, "job")
    keys = bench.redis.keys("job:*")
    assert all(0 < bench.redis.ttl(each) <= api.settings.retention_s for each in keys)
    async with api.client() as client:
        there = await client.get("/api/batch/jobs/job/results")
        for each in keys:
            bench.redis.pexpire(each, 1)
        async with asyncio.timeout(LIMIT_S):
            while (gone := await client.get("/api/batch/jobs/job/results")).status_code == 200:
                await asyncio.sleep(0.01)
    assert [row["row_id"] for row in there.json()["results"]] == [0, 1]
    assert gone.status_code == 404


@pytest.fixture
def working(settings: Settings, provider: Provider, tmp_path: Path) -> Iterator[Served]:
    """An API and a worker as processes, documents to read and a model to ask."""
    for row in range(ROWS):
        (tmp_path / f"{row}.pdf").write_bytes(text_pdf(row, pages=1))
    known: dict[str, Any] = {"provider_base_url": provider.base_url, "provider_api_key": "k", "backoff_min_ms": 20}
    there = replace(settings, port=free_port(), local_root=tmp_path, worker_threads=2, extract_processes=1, **known)
    with Served(there, tmp_path / "api.log", TAGSTREAM_PROVIDER_API_KEY="k") as served, process(there, "actors"):
        yield served


@proves(
    "ws:overview:read-only",
    "ws:notes:disconnecting",
    "ws:notes:background",
    "ws:progress:metadata",
    "ws:progress:model-name",
)
async def test_whoever_leaves_stops_nothing_and_finds_every_document_done(
    working: Served, provider: Provider, bench: Bench
) -> None:
    provider.behaviour = Behaviour(each_document=["hang"])
    documents = [{"file_path": f"{row}.pdf", "file_source_type": "local"} for row in range(ROWS)]
    body = {"documents": documents, "config": {"model_name": "mock/model"}}
    async with working.client() as client:
        job_id = (await client.post("/api/batch/start", json=body)).json()["job_id"]
    async with working.observe(job_id) as observer:
        await observer.until("progress")
    await provider.until(lambda stats: stats.in_flight == 2, timeout_s=60)
    assert bench.facts(job_id)["status"] == "processing"
    provider.behaviour = Behaviour()
    for connection in list(provider._connections):
        connection.abort()
    await until(bench, ended, job_id)
    async with working.observe(job_id) as observer:
        (catchup, ending), code, _ = await observer.rest()
    assert (ending["type"], ending["processed_count"], code) == ("completed", str(ROWS), 1000)
    assert [row["row_id"] for row in catchup["results"]] == list(range(ROWS))
    for row in catchup["results"]:
        assert row["tags"]
        assert row["model_name"] == "mock/model"
        assert row["metadata"].items() >= {"extraction_method": "pypdf", "is_scanned": False}.items()
