"""The observer's messages as Server-Sent Events (contract §2), through a real server and a real Redis."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest

from actors.settings import Settings
from api.events import RETRY_MS
from protocol.messages import Row
from stack import free_port
from tests.jobs import Bench, failure
from tests.served import LIMIT_S, Served, play
from tests.test_transport import until_gone


class Heard(NamedTuple):
    """One event."""

    id: str | None
    message: dict[str, Any]


class Stream:
    """Reads events as the standard says; every wait is bounded."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.retry_ms: int | None = None
        self._lines = answer.aiter_lines()

    async def next(self) -> Heard | None:
        """The next event; None: the stream has ended."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(LIMIT_S):
            async for line in self._lines:
                if not line and "data" in fields:
                    return Heard(fields.get("id"), msgspec.json.decode(fields["data"]))
                name, _, text = line.partition(": ")
                fields[name] = text
                if name == "retry":
                    self.retry_ms = int(text)
        return None

    async def until(self, kind: str) -> list[Heard]:
        """All events up to one of this type."""
        found: list[Heard] = []
        while not found or found[-1].message["type"] != kind:
            event = await self.next()
            assert event is not None, found
            found.append(event)
        return found


@asynccontextmanager
async def listening(api: Served, job_id: str = "job", *, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    """The events of a job for its owner."""
    known = {"Authorization": f"Bearer {api.token()}"} | headers
    async with (
        httpx2.AsyncClient(base_url=api.url, timeout=LIMIT_S) as client,
        client.stream("GET", f"/api/batch/jobs/{job_id}/events{query}", headers=known) as answer,
    ):
        yield Stream(answer)


async def test_the_messages_are_those_of_the_socket(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    async with listening(api) as stream, api.observe("job") as observer:
        told, seen = await stream.until("catchup"), await observer.until("catchup")
        play(bench, "job", 1)
        play(bench, "job", 1, failure)
        told += await stream.until("completed")
        seen += await observer.until("completed")
        assert await stream.next() is None
    assert stream.answer.headers["content-type"] == "text/event-stream"
    assert stream.retry_ms == RETRY_MS
    live = [event for event in told if event.message["type"] != "keepalive"]
    assert [event.message for event in live][1:] == [each for each in seen if each["type"] != "keepalive"][1:]
    assert [event.id for event in live] == [event.message["cursor"] for event in live]


async def test_keepalives_have_no_id(api: Served, bench: Bench) -> None:
    bench.start()
    async with listening(api) as stream:
        found = await stream.until("keepalive")
    assert found[-1] == (None, {"type": "keepalive", "job_id": "job", "status": "pending"})


@pytest.mark.parametrize("by_query", [True, False])
async def test_the_last_id_brings_only_what_came_since(api: Served, bench: Bench, by_query: bool) -> None:
    bench.start(rows=6)
    async with listening(api) as stream:
        await stream.until("catchup")
        play(bench, "job", 2)
        last = [await stream.until("progress") for _ in range(3)][-1][-1]
    play(bench, "job", 2)
    given: dict[str, Any] = {"query": f"?cursor={last.id}"} if by_query else {"Last-Event-ID": last.id}
    async with listening(api, **given) as stream:
        (catchup,) = await stream.until("catchup")
    assert catchup.message["resumed"] is True
    assert [row["row_id"] for row in catchup.message["results"]] == [1, 2, 3]


async def test_an_id_that_is_not_known_brings_everything(api: Served, bench: Bench) -> None:
    bench.start()
    play(bench, "job", 1)
    async with listening(api, **{"Last-Event-ID": "nonsense"}) as stream:
        (catchup,) = await stream.until("catchup")
    assert catchup.message["resumed"] is False


async def test_the_id_of_the_ending_gets_204_and_no_other_does(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    play(bench, "job")
    async with listening(api) as stream:
        catchup, ending = await stream.until("completed")
        assert await stream.next() is None
    assert catchup.id is None  # a break between the two must not hide the ending
    assert ending.id
    async with listening(api, **{"Last-Event-ID": ending.id}) as stream:
        assert stream.answer.status_code == 204
    async with listening(api, **{"Last-Event-ID": ending.id[:-1] + "7"}) as stream:
        assert (await stream.until("completed"))[-1] == ending


async def test_refusals_are_answers_with_a_status(api: Served, bench: Bench) -> None:
    bench.start()
    for headers, status in (
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": f"Bearer {api.token('bob')}"}, 404),
    ):
        async with listening(api, **headers) as stream:
            assert stream.answer.status_code == status
            assert stream.answer.headers["content-type"] == "application/problem+json"
    async with listening(api, "never") as stream:
        assert stream.answer.status_code == 404


async def test_a_token_may_come_in_the_query_and_stands_in_no_log(api: Served, bench: Bench) -> None:
    bench.start()
    async with listening(api, query=f"?token={api.token()}", Authorization="") as stream:
        await stream.until("catchup")
    assert api.token() not in api.log.read_text()
    assert "?token" not in api.log.read_text()


async def test_a_token_that_expires_ends_the_stream_and_the_next_try_says_why(api: Served, bench: Bench) -> None:
    bench.start()
    token = f"Bearer {api.token(ttl_s=2)}"
    async with listening(api, Authorization=token) as stream:
        assert await stream.until("catchup")
        while (event := await stream.next()) is not None:
            assert event.message["type"] == "keepalive"
    async with listening(api, Authorization=token) as stream:
        assert stream.answer.status_code == 401


async def test_a_job_that_vanishes_ends_the_stream_and_the_next_try_says_why(api: Served, bench: Bench) -> None:
    bench.start()
    async with listening(api) as stream:
        await stream.until("catchup")
        bench.redis.delete(*bench.redis.keys("job:*"))
        while (event := await stream.next()) is not None:
            assert event.message["type"] == "keepalive"
    async with listening(api) as stream:
        assert stream.answer.status_code == 404


async def test_asking_for_the_head_alone_watches_nothing(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.client() as client:
        answer = await client.head("/api/batch/jobs/job/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


@pytest.fixture
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that the test may stop, where a caller has two observers at most."""
    with Served(
        replace(settings, port=free_port()), tmp_path / "api.log", TAGSTREAM_OBSERVERS_PER_CALLER="2"
    ) as served:
        yield served


async def test_too_many_streams_are_429_and_sockets_count_as_well(own_api: Served, bench: Bench) -> None:
    bench.start()
    async with listening(own_api) as one, own_api.observe("job") as other:
        await asyncio.gather(one.until("catchup"), other.until("catchup"))
        async with listening(own_api) as stream:
            assert (stream.answer.status_code, stream.answer.headers["retry-after"]) == (429, "5")
        async with own_api.observe("job") as observer:
            frames, code, reason = await observer.rest()
    assert frames == [{"error": "Too many observers", "job_id": "job"}]
    assert (code, reason) == (1008, "Too many observers")
    async with asyncio.timeout(LIMIT_S):
        while True:  # those who went are noticed in a moment
            async with own_api.observe("job") as observer:
                if (await observer.next()).get("type") == "catchup":
                    return


async def test_sigterm_ends_streams_and_the_process(own_api: Served, bench: Bench) -> None:
    bench.start()
    async with listening(own_api) as stream:
        await stream.until("catchup")
        own_api.process.send_signal(signal.SIGTERM)
        assert await stream.next() is None
    assert await asyncio.to_thread(own_api.process.wait, LIMIT_S) == 0
    assert "Traceback" not in own_api.log.read_text()


async def test_a_client_that_does_not_read_its_stream_is_cut_off(api: Served, bench: Bench) -> None:
    bench.start(rows=100)
    play(bench, "job", 99, lambda claim: Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * 100_000}))
    request = f"GET /api/batch/jobs/job/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token()}\r\n\r\n"
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", api.settings.port))
        deaf.sendall(request.encode())
        await asyncio.to_thread(until_gone, deaf, 3 * LIMIT_S)
