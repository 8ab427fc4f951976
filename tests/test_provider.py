"""The mock provider does what it is told, and counts right: other tests and the bench stand on it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from actors.limits import told_rates
from bench.bucket import Bucket
from bench.conduct import Call, Conduct, Message
from bench.provider import Behaviour, Provider, document_hash, in_thread, tags_of

HERE = Path(__file__).parent.parent
TEXT = "A manual about workplace safety and employee training."


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider() as provider:
        yield provider


@pytest.fixture
async def client(provider: Provider) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=provider.origin, timeout=10) as client:
        yield client


def chat(text: str = TEXT, **further: Any) -> dict[str, Any]:
    """The JSON of a call."""
    return {"model": "m", "messages": [{"role": "user", "content": text}], **further}


async def ask(client: httpx2.AsyncClient, text: str = TEXT, **further: Any) -> httpx2.Response:
    return await client.post("/v1/chat/completions", json=chat(text, **further))


async def statuses(client: httpx2.AsyncClient, count: int, text: str = TEXT) -> list[int]:
    return [(await ask(client, text)).status_code for _ in range(count)]


async def test_a_completion_holds_tags_from_the_document(provider: Provider, client: httpx2.AsyncClient) -> None:
    answer = (await ask(client)).json()
    assert answer["choices"][0]["message"]["content"] == (
        '{"tags":["manual","about","workplace","safety","employee","training"]}'
    )
    assert answer["usage"]["prompt_tokens"] == len(TEXT) // 4
    assert tags_of(TEXT) == ["manual", "about", "workplace", "safety", "employee", "training"]
    assert provider.seen[-1].document == TEXT


async def test_calls_are_counted_by_document_whatever_its_boundary(
    provider: Provider, client: httpx2.AsyncClient
) -> None:
    for boundary in ("0" * 32, "f" * 32):
        await ask(client, f"{boundary} text\n{TEXT}\n{boundary} end")
    await ask(client, "another")
    assert provider.stats.documents == {document_hash(TEXT): 2, document_hash("another"): 1}


async def test_connections_are_kept_alive(provider: Provider, client: httpx2.AsyncClient) -> None:
    assert await statuses(client, 5) == [200] * 5
    assert provider.stats.connections == 1


async def test_a_schedule_is_used_up(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(schedule=["429", "ok", "503"])
    assert await statuses(client, 4) == [429, 200, 503, 200]


async def test_each_document_has_its_own_first_failures(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(each_document=["429", "500"])
    assert await statuses(client, 3, "one") == await statuses(client, 3, "two") == [429, 500, 200]


async def test_shares_are_spread_evenly(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(shares={"429": 0.25, "503": 0.125})
    answered = await statuses(client, 20)
    assert (answered.count(429), answered.count(503)) == (5, 2)
    assert answered[:3] == [200] * 3


async def test_retry_after_comes_in_three_forms(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(schedule=["429"], retry_after_s=1.5)
    assert (await ask(client)).headers["retry-after"] == "1.5"
    provider.behaviour = Behaviour(schedule=["503"], retry_after_s=1.5, retry_after_form="ms")
    assert (await ask(client)).headers["retry-after-ms"] == "1500"
    provider.behaviour = Behaviour(schedule=["429"], retry_after_s=600, retry_after_form="date")
    said = parsedate_to_datetime((await ask(client)).headers["retry-after"])
    assert timedelta(seconds=500) < said - datetime.now(UTC) <= timedelta(seconds=600)


@pytest.mark.parametrize("outcome", ["drop", "break"])
async def test_a_connection_can_break_off(provider: Provider, client: httpx2.AsyncClient, outcome: str) -> None:
    provider.behaviour = Behaviour(schedule=[outcome])
    with pytest.raises(httpx2.RemoteProtocolError):
        await ask(client)
    assert await statuses(client, 1) == [200]


async def test_an_answer_can_be_cut_or_nonsense(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(schedule=["truncated", "nonsense"])
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated"):
        (await ask(client)).json()
    assert "weather" in (await ask(client)).json()["choices"][0]["message"]["content"]


async def test_words_and_bodies_can_be_given(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(answer="a, b, c")
    assert (await ask(client)).json()["choices"][0]["message"]["content"] == "a, b, c"
    provider.behaviour = Behaviour(body="<html>")
    assert (await ask(client)).text == "<html>"


async def test_keys_and_formats_can_be_refused(provider: Provider, client: httpx2.AsyncClient) -> None:
    provider.behaviour = Behaviour(keys=["good"], refuse_response_format=True)
    assert await statuses(client, 1) == [401]
    client.headers["Authorization"] = "Bearer good"
    assert await statuses(client, 1) == [200]
    refused = await ask(client, response_format={"type": "json_schema"})
    assert (refused.status_code, "response_format" in refused.text) == (400, True)


async def test_latency_lets_calls_overlap_and_the_peak_is_counted(
    provider: Provider, client: httpx2.AsyncClient
) -> None:
    provider.behaviour = Behaviour(schedule=["hang"] * 8)
    waiting = [asyncio.create_task(ask(client, f"text {n}")) for n in range(8)]
    await provider.until(lambda stats: stats.in_flight == 8)
    for task in waiting:
        task.cancel()
    await provider.until(lambda stats: stats.abandoned == 8 and stats.in_flight == 0)
    provider.behaviour = Behaviour(latency_ms=1)
    assert await statuses(client, 1) == [200]
    assert provider.stats.max_in_flight == 8


async def test_waiting_for_what_never_comes_ends(provider: Provider) -> None:
    with pytest.raises(TimeoutError):
        await provider.until(lambda stats: stats.calls > 0, timeout_s=0.01)


async def test_it_is_steered_and_read_over_http(provider: Provider, client: httpx2.AsyncClient) -> None:
    told = await client.post("/control", json={"latency_ms": 1, "schedule": ["503", "429"]})
    assert (told.status_code, told.json()["schedule"]) == (200, ["503", "429"])
    await client.post("/control", json={"retry_after_s": 3})
    assert provider.behaviour.latency_ms == 1, "a change leaves the rest as it was"
    assert await statuses(client, 3) == [503, 429, 200]
    stats = (await client.get("/stats")).json()
    assert (stats["calls"], stats["outcomes"]) == (3, {"503": 1, "429": 1, "ok": 1})
    await client.delete("/stats")
    assert (await client.get("/stats")).json()["calls"] == 0
    assert (await client.get("/v1/models")).json()["data"][0]["id"] == "mock"


@pytest.mark.parametrize("body", [b"{", b'{"latency": 3}', b'{"latency_ms": "soon"}', b"[]", b"[" * 5_000])
async def test_orders_that_make_no_sense_are_refused(
    provider: Provider, client: httpx2.AsyncClient, body: bytes
) -> None:
    assert (await client.post("/control", content=body)).status_code == 400
    assert (await client.post("/v1/chat/completions", content=body)).status_code == 400
    assert (await client.get("/nowhere")).status_code == 404
    assert provider.behaviour == Behaviour()


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"x" * 70_000, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"]
)
async def test_what_is_no_request_is_cut_off(provider: Provider, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(provider.origin.rpartition(":")[2]))
    writer.write(sent)
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_requests_in_pieces_and_in_a_row_are_answered_in_order(provider: Provider) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(provider.origin.rpartition(":")[2]))
    for piece in (b"GET /v1/mod", b"els HTTP/1.1\r\n", b"\r\nGET /nowhere HTTP/1.1\r\n\r\n"):
        writer.write(piece)
        await writer.drain()
        await provider.until(lambda stats: stats.open_connections == 1)
    assert (await asyncio.wait_for(reader.readline(), 10)).split()[1] == b"200"
    assert b"HTTP/1.1 404 Not Found" in await asyncio.wait_for(reader.readuntil(b"Found"), 10)
    writer.close()


class Clock:
    """A clock that stands still until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def outcomes(conduct: Conduct, calls: int) -> list[str]:
    return [conduct.decide(Call(model="m", messages=[Message("user", TEXT)])) for _ in range(calls)]


def test_a_bucket_serves_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    conduct = Conduct(Behaviour(bucket=Bucket(rate_per_s=2, burst=3)), clock)
    assert outcomes(conduct, 5) == ["ok", "ok", "ok", "429", "429"]
    clock.now += 1
    assert outcomes(conduct, 3) == ["ok", "ok", "429"]
    clock.now += 1_000
    assert outcomes(conduct, 4) == ["ok", "ok", "ok", "429"]
    assert (conduct.stats.beyond_bucket, conduct.stats.outcomes) == (4, {"ok": 8, "429": 4})


def test_a_bucket_says_when_the_next_call_is_served_and_how_full_it_is() -> None:
    clock = Clock()
    conduct = Conduct(Behaviour(bucket=Bucket(rate_per_s=0.5, burst=20, headers=True)), clock)
    outcomes(conduct, 21)
    assert conduct.retry_after() == {"retry-after": "2"}
    assert told_rates(conduct.limits()).requests_s == pytest.approx(0.5, rel=0.05)
    conduct.behaviour.bucket = Bucket(rate_per_s=100)
    assert conduct.limits() == {}


async def test_a_bucket_refuses_over_http_and_can_be_taken_away(client: httpx2.AsyncClient) -> None:
    await client.post("/control", json={"bucket": {"rate_per_s": 0.01, "burst": 1, "headers": True}})
    assert await statuses(client, 2) == [200, 429]
    refused = await ask(client)
    assert int(refused.headers["retry-after"]) > 90
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    await client.post("/control", json={"bucket": None})
    assert await statuses(client, 2) == [200, 200]


def test_it_serves_code_without_an_event_loop() -> None:
    with in_thread(Behaviour(schedule=["429"])) as provider, httpx2.Client(base_url=provider.origin) as client:
        assert client.post("/v1/chat/completions", json=chat()).status_code == 429
        provider.wait(lambda stats: stats.calls == 1)
        with pytest.raises(TimeoutError):
            provider.wait(lambda stats: stats.calls == 2, timeout_s=0.01)


def test_the_command_line_tells_its_address_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "bench.provider", "--share", "503=1", "--latency-ms", "1", "--key", "good"]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        answered = httpx2.post(f"{base_url}/chat/completions", json=chat(), headers={"Authorization": "Bearer good"})
        assert answered.status_code == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
