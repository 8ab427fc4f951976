"""A body that nobody reads yet makes the network wait; a part that nobody reads is skipped."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypercorn.protocol.events import Body as StreamBody
from quart import Quart
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestTimeout

from api.intake import AHEAD_MAX_BYTES, Exchange, Intake, Multipart, StreamedBody, StreamedRequest
from protocol.requests import MalformedBody
from tests.served import LIMIT_S, Served

PIECE = bytes(64 * 1024)
MANY = 100


def asked(path: str) -> StreamedRequest:
    """A request as Quart makes it."""
    known: Any = {"max_content_length": 16 * 2**20, "body_timeout": 60, "send_push_promise": None}
    return StreamedRequest("POST", "http", path, b"", Headers(), "", "1.1", {}, **known)


async def test_the_network_waits_while_nobody_reads_and_everything_arrives() -> None:
    received = 0

    async def receive() -> Any:
        nonlocal received
        received += 1
        if received > MANY:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": PIECE, "more_body": received < MANY}

    request = asked("/api/uploads")
    assert isinstance(request.body, StreamedBody)
    taking = asyncio.create_task(Intake(Quart(__name__), {}).handle_messages(request, receive))  # type: ignore[typeddict-item]
    for _ in range(10 * MANY):
        await asyncio.sleep(0)
    assert received == 1
    size = len(await anext(request.body))
    for _ in range(10 * MANY):
        await asyncio.sleep(0)
    assert received * len(PIECE) <= AHEAD_MAX_BYTES + 2 * len(PIECE)
    async for piece in request.body:
        size += len(piece)
        assert len(piece) <= AHEAD_MAX_BYTES + len(PIECE)
        await asyncio.sleep(0)
    assert size == MANY * len(PIECE)
    await taking


async def test_other_routes_take_their_bodies_whole() -> None:
    request = asked("/api/batch/start")
    assert not isinstance(request.body, StreamedBody)
    messages: Any = iter([{"type": "http.request", "body": PIECE * MANY}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    await Intake(Quart(__name__), {}).handle_messages(request, receive)  # type: ignore[typeddict-item]
    assert await request.get_data() == PIECE * MANY


def part(name: str, content: bytes) -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n"


def arriving(body: bytes, size: int) -> AsyncIterator[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    return pieces()


@pytest.mark.parametrize("size", [1, 7, 1_000, 10**6])
async def test_parts_are_the_same_however_they_arrive(size: int) -> None:
    contents = [b"%PDF-1", b"", b"\r\n--y\r-\r\n--", bytes(range(256)) * 30]
    body = b"".join(part(str(number), content) for number, content in enumerate(contents)) + b"--x--\r\n"
    found = {}
    async for each in Multipart(arriving(body, size), "x", 10).parts():
        found[each.file_name] = b"".join([chunk async for chunk in each.chunks])
    assert found == {str(number): content for number, content in enumerate(contents)}


async def test_a_part_that_is_not_read_is_skipped() -> None:
    body = part("a", bytes(300_000)) + part("b", b"%PDF-") + b"--x--\r\n"
    assert [each.file_name async for each in Multipart(arriving(body, 50_000), "x", 10).parts()] == ["a", "b"]


async def test_more_parts_than_allowed_are_refused() -> None:
    body = part("a", b"%PDF-") * 3 + b"--x--\r\n"
    with pytest.raises(MalformedBody):
        assert [each async for each in Multipart(arriving(body, 100), "x", 1).parts()]


async def test_a_client_that_falls_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.intake.PATIENCE_S", 0.1)

    async def silent() -> AsyncIterator[bytes]:
        yield part("a", b"%PDF-")
        await asyncio.Event().wait()

    with pytest.raises(RequestTimeout):
        assert [each async for each in Multipart(silent(), "x", 10).parts()]


async def test_a_client_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.intake.PATIENCE_S", 0.2)

    async def dripping() -> AsyncIterator[bytes]:
        yield part("a", b"%PDF-")[:-2]
        while True:
            await asyncio.sleep(0.01)
            yield b"x"

    with pytest.raises(RequestTimeout):
        assert [each async for each in Multipart(dripping(), "x", 10).parts()]


async def test_the_time_in_which_we_do_not_ask_is_not_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.intake.PATIENCE_S", 0.2)
    parts = Multipart(arriving(part("a", bytes(20_000)) + b"--x--\r\n", 1_000), "x", 10).parts()
    async for each in parts:
        async for _ in each.chunks:
            await asyncio.sleep(0.05)


async def test_others_have_their_turn_while_what_comes_after_the_answer_is_skipped() -> None:
    """Thousands of tiny chunks may have arrived at once, of callers who have shown no token."""
    exchange, turns = Exchange.__new__(Exchange), 0
    exchange.closed = True

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    for _ in range(MANY):
        await exchange.handle(StreamBody(stream_id=1, data=b"x"))
    waiting.cancel()
    assert turns >= MANY


@pytest.mark.parametrize("path", ["/api/uploads", "/api/single/process", "/api/batch/start", "/nowhere"])
async def test_who_is_refused_and_goes_on_sending_is_let_go(api: Served, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", api.settings.port)
    try:
        writer.write(head + b"1\r\nx\r\n" * 9_000)
        answer = await asyncio.wait_for(reader.read(), LIMIT_S)  # to the end: until they have closed
    finally:
        writer.transport.abort()
    assert answer.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 404 "))
