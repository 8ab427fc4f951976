"""Observers that leave in every possible way take nothing with them: a place, a task, the server's time."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypercorn.protocol.events import StreamClosed

from actors.settings import Settings
from api.feed import Feed
from api.transport import Socket
from protocol.messages import Row
from stack import free_port
from tests.jobs import OWNER, Bench
from tests.served import LIMIT_S, Served, handshake, play


@pytest.fixture
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API with room for two observers."""
    there = replace(settings, port=free_port())
    with Served(there, tmp_path / "api.log", TAGSTREAM_OBSERVERS_PER_CALLER="2") as served:
        yield served


async def until_there_is_room(api: Served) -> None:
    """Those who went are noticed in a moment."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with api.observe("job") as observer:
                if (await observer.next()).get("type") == "catchup":
                    return


def asking(api: Served) -> bytes:
    """A request for events, and another one behind it."""
    events = f"GET /api/batch/jobs/job/events?token={api.token()} HTTP/1.1\r\nHost: x\r\n\r\n"
    return events.encode() + b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_who_asks_on_behind_a_stream_and_vanishes_is_noticed(own_api: Served, bench: Bench) -> None:
    bench.start()
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", own_api.settings.port)
        writer.write(asking(own_api))
        async with asyncio.timeout(LIMIT_S):
            await reader.readuntil(b"catchup")
        writer.close()
    await until_there_is_room(own_api)


async def test_nothing_is_written_to_who_vanishes_amid_a_large_catchup(own_api: Served, bench: Bench) -> None:
    bench.start(rows=81)
    play(bench, "job", 80, lambda claim: Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * 100_000}))
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", own_api.settings.port)
        writer.write(asking(own_api))
        async with asyncio.timeout(LIMIT_S):
            await reader.readuntil(b"catchup")
        writer.transport.abort()
    await until_there_is_room(own_api)
    assert "WARNING" not in own_api.log.read_text()


@pytest.mark.parametrize("behind", [b"", b"\x81\x80\x00\x00\x00\x00"], ids=["gone", "spoke too soon"])
async def test_who_vanishes_before_being_let_in_takes_no_place(own_api: Served, bench: Bench, behind: bytes) -> None:
    bench.start()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", own_api.settings.port), timeout=LIMIT_S) as hasty:
            hasty.sendall(handshake(own_api, "job") + behind)
    await until_there_is_room(own_api)


@pytest.mark.parametrize("ask", [lambda feed: feed.check_owner("job", OWNER), lambda feed: feed.ended_at("job", "x")])
async def test_who_is_cancelled_while_redis_is_asked_ends_whatever_the_client_library_makes_of_it(
    ask: Callable[[Feed], Coroutine[Any, Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, asked = Feed(Mock()), asyncio.Event()

    async def deaf(*_: object) -> None:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(LIMIT_S)

    monkeypatch.setattr(feed, "reader", Mock(check_owner=deaf, ended_at=deaf))
    asking = asyncio.ensure_future(ask(feed))
    await asyncio.wait_for(asked.wait(), LIMIT_S)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_handler_that_finds_itself_that_its_client_has_gone_ends() -> None:
    stream = Socket(*[Mock()] * 9)
    stream.handshake = Mock(accepted=False)

    async def handler() -> None:
        stream.handler = asyncio.current_task()
        await stream.handle(StreamClosed(stream_id=1))
        await asyncio.sleep(LIMIT_S)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.create_task(handler()), LIMIT_S)
