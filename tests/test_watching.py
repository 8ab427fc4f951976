"""Watching where sockets are blocked: the real API, behind a proxy that refuses or breaks them."""

import asyncio

import pytest

from protocol import connection, watching
from protocol.client import Client, JobNotFound, NotAuthenticated, RequestRefused, Unreachable
from protocol.messages import Catchup, Completed, Ending, Keepalive, Message, Progress
from protocol.words import JobStatus
from tests.gate import Treatment, answers, cuts_the_opened, gate_to, hangs, resets, strips, swallows_the_opened
from tests.jobs import Bench, failure, success
from tests.served import LIMIT_S, Served, play
from tests.watchers import picture, rows_of, view_of, watched

BLOCKS: dict[str, Treatment] = {
    "answers 200": answers("200 OK"),
    "redirects": answers("302 Found", "Location: https://example.org/login"),
    "answers 400": answers("400 Bad Request"),
    "answers 401": answers("401 Unauthorized"),
    "answers 403": answers("403 Forbidden"),
    "answers 404": answers("404 Not Found"),
    "answers 429": answers("429 Too Many Requests", "Retry-After: 0"),
    "answers 500": answers("500 Internal Server Error"),
    "answers 502": answers("502 Bad Gateway"),
    "says something else": answers("nonsense"),
    "strips": strips,
    "hangs": hangs,
    "resets": resets,
    "cuts the opened": cuts_the_opened,
    "swallows the opened": swallows_the_opened,
}


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for what will not come; no socket is tried again unless a test says so."""
    monkeypatch.setattr(connection, "OPEN_TIMEOUT_S", 0.2)
    monkeypatch.setattr(connection, "CATCHUP_TIMEOUT_S", 0.2)
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(watching, "PROBE_FIRST_S", 10 * LIMIT_S)


@pytest.mark.parametrize("block", BLOCKS)
async def test_where_sockets_are_blocked_polling_leads_to_the_same_picture(
    api: Served, bench: Bench, block: str
) -> None:
    addresses = bench.start(rows=4)
    claims = [bench.claim(address) for address in addresses]
    told: list[Message] = []
    async with gate_to(api.settings.port, BLOCKS[block]) as gate, watched(gate.url, api.token()) as messages:
        async for message in messages:
            told.append(message)
            if claims:
                claim = claims.pop()  # the last first
                bench.store.finish(claim, failure(claim) if len(claims) == 2 else success(claim))
    assert [type(message) for message in told if not isinstance(message, Progress | Keepalive)] == [Catchup, Completed]
    assert rows_of(told) == [3, 2, 1, 0]
    assert all(message.cursor is None for message in told[:-1] if not isinstance(message, Ending))
    assert view_of(told) == await picture(api.url, api.token())


async def test_a_job_that_is_over_is_told_whole(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job")
    async with gate_to(api.settings.port, strips) as gate, watched(gate.url, api.token()) as messages:
        told = [message async for message in messages]
    assert [type(message) for message in told] == [Catchup, Completed]
    assert view_of(told) == await picture(api.url, api.token())


async def test_polling_can_be_asked_for(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 1)
    told = []
    async with gate_to(api.settings.port) as gate, watched(gate.url, api.token(), transport="polling") as messages:
        async for message in messages:
            told.append(message)
            await asyncio.to_thread(play, bench, "job", 1)
    assert gate.cursors == []
    assert rows_of(told) == [0, 1, 2]


async def test_where_only_sockets_are_wanted_nothing_is_polled(api: Served, bench: Bench) -> None:
    bench.start()
    async with (
        gate_to(api.settings.port, answers("403 Forbidden")) as gate,
        watched(gate.url, api.token(), transport="socket") as messages,
    ):
        with pytest.raises(RequestRefused, match="403"):
            await anext(messages)


def test_a_transport_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="auto, socket, polling"):
        Client("http://127.0.0.1:9", "t", transport="pigeon")  # type: ignore[arg-type]


async def test_where_nothing_comes_through_it_is_given_up(api: Served, bench: Bench) -> None:
    bench.start()
    async with gate_to(api.settings.port, resets) as gate:
        gate.calls = answers("502 Bad Gateway")
        async with watched(gate.url, api.token(), patience_s=0.1) as messages:
            with pytest.raises((RequestRefused, Unreachable)):
                await anext(messages)


REFUSED = [("wrong", "job", NotAuthenticated), (None, "never", JobNotFound)]


@pytest.mark.parametrize(("token", "job_id", "error"), REFUSED)
async def test_what_the_service_refuses_on_a_socket_is_not_polled(
    api: Served, token: str | None, job_id: str, error: type[RequestRefused]
) -> None:
    async with gate_to(api.settings.port) as gate, Client(gate.url, token or api.token()) as client:
        gate.calls = hangs
        with pytest.raises(error):
            await asyncio.wait_for(anext(client.watch(job_id)), LIMIT_S)
    assert len(gate.cursors) == 1


@pytest.mark.parametrize(("token", "job_id", "error"), REFUSED)
async def test_what_the_service_refuses_to_a_poll_ends_the_watching(
    api: Served, token: str | None, job_id: str, error: type[RequestRefused]
) -> None:
    async with gate_to(api.settings.port, strips) as gate, Client(gate.url, token or api.token()) as client:
        with pytest.raises(error):
            await asyncio.wait_for(anext(client.watch(job_id)), LIMIT_S)
    assert len(gate.cursors) == 1


async def test_silence_is_broken_by_keepalives_as_on_a_socket(
    api: Served, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "KEEPALIVE_S", 0.0)
    bench.start()
    async with watched(api.url, api.token(), transport="polling") as messages:
        assert isinstance(await anext(messages), Catchup)
        for _ in range(3):
            said = await anext(messages)
            assert said == Keepalive(job_id="job", status=JobStatus.PENDING)
