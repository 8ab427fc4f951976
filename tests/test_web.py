"""No host keeps the event loop to itself, and no name gets as far as TLS that is none."""

import asyncio

import pytest

from actors.errors import NetworkFailed, SourceRefused
from protocol.words import ErrorCode
from tests.hosts import Conversation, document, fetcher, host, refusal, says

PIECES = 20_000


@pytest.mark.parametrize("name", ["a.test..", ".a.test", "a..test", ".", "a" * 64 + ".test"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_with_an_empty_or_endless_part_is_refused(scheme: str, name: str) -> None:
    """Some resolvers know `a.test..`; TLS would raise what no route expects."""
    error = await refusal(f"{scheme}://{name}/a.pdf")
    assert (type(error), error.code) == (SourceRefused, ErrorCode.ADDRESS_REFUSED)


async def test_a_redirect_to_such_a_name_is_refused() -> None:
    async with host(says(b"", "302 Found", Location="https://a.test../")) as there:
        assert (await refusal(there.url())).code is ErrorCode.ADDRESS_REFUSED


@pytest.mark.parametrize("headers", [b"", b"Content-Encoding: gzip\r\n"])
async def test_others_have_their_turn_between_the_pieces_of_a_document(headers: bytes) -> None:
    packed = b"a\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\r\n" + b"5\r\n\x00\x00\x00\xff\xff\r\n" * PIECES
    last = b"a\r\n\x03\x00" + bytes(8) + b"\r\n0\r\n\r\n"
    turns = 0

    async def answer(conversation: Conversation) -> None:
        body = packed + last if headers else b"1\r\nx\r\n" * PIECES + b"0\r\n\r\n"
        await conversation.send(b"HTTP/1.1 200 OK\r\n" + headers + b"Transfer-Encoding: chunked\r\n\r\n" + body)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with host(answer) as there, fetcher() as fetching:
        waiting = asyncio.create_task(others())
        with await fetching.fetch(document(there.url())) as blob:
            assert blob.size_bytes == (0 if headers else PIECES)
        waiting.cancel()
    assert turns >= PIECES


async def test_preliminary_answers_without_end_are_not_listened_to() -> None:
    async def answer(conversation: Conversation) -> None:
        while True:
            await conversation.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)

    async with host(answer) as there:
        assert type(await refusal(there.url())) is NetworkFailed


async def test_some_preliminary_answers_and_long_heads_do_no_harm() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        await says(b"%PDF-", X="x" * 90_000)(conversation)

    async with host(answer) as there, fetcher() as fetching:
        for _ in range(3):  # over one connection, so that each answer has its own allowance
            (await fetching.fetch(document(there.url()))).close()
        assert len(there.conversations) == 1
