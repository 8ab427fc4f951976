"""A look at a document reads its first bytes, by the way on which it would be fetched, and judges it by them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from actors.errors import DocumentError, NetworkFailed
from actors.fetch import HEAD_BYTES, Found
from actors.settings import PrivateSources
from protocol.words import ErrorCode, SourceType
from tests.hosts import LIMIT_S, OPEN, Answer, Conversation, fetcher, host, leads, says


async def look(path: str, source: SourceType = SourceType.URL) -> Found:
    async with fetcher() as fetching:
        return await fetching.look(source, path, "alice")


async def fault(path: str, source: SourceType = SourceType.URL) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        await look(path, source)
    return caught.value


async def test_only_the_first_bytes_are_asked_for_and_the_whole_size_is_told() -> None:
    async with host(says(b"%PDF-1.7", "206 Partial Content", Content_Range="bytes 0-7/123456")) as there:
        assert await look(there.url()) == Found(None, 123_456)
        assert f"range: bytes=0-{HEAD_BYTES - 1}" in there.heads[0].lower()


async def test_a_host_that_sends_everything_is_left_after_the_first_bytes() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\nContent-Type: Application/PDF; x=y\r\n\r\n"
        )
        await conversation.send(b"%PDF-" + bytes(HEAD_BYTES))
        await asyncio.Event().wait()

    async with host(answer) as there:
        assert await look(there.url()) == Found("application/pdf", 900_000)
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


@pytest.mark.parametrize("size", ["*", "many", ""])
async def test_a_size_that_is_not_told_is_unknown(size: str) -> None:
    async with host(says(b"%PDF-1.7", "206 Partial Content", Content_Range=f"bytes 0-7/{size}")) as there:
        assert await look(there.url()) == Found(None, None)


async def test_a_document_declared_too_large_is_found_so() -> None:
    async with host(says(b"%PDF-1.7", "206 Partial Content", Content_Range="bytes 0-7/99999999")) as there:
        assert (await fault(there.url())).code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize("body", [b"", b"<html>", bytes(HEAD_BYTES) + b"%PDF-1.7"])
async def test_what_does_not_begin_like_a_pdf_is_none(body: bytes) -> None:
    async with host(says(body)) as there:
        assert (await fault(there.url())).code is ErrorCode.NOT_A_PDF


@pytest.mark.parametrize(
    "answer", [says(b""), says(b"", "416 Range Not Satisfiable", Content_Range="bytes */0")], ids=["200", "416"]
)
async def test_an_empty_document_is_none(answer: Answer) -> None:
    async with host(answer) as there:
        assert str(await fault(there.url())) == "The file is empty."


@pytest.mark.parametrize(
    ("status", "code"), [("404 Not Found", ErrorCode.NOT_FOUND), ("403 Forbidden", ErrorCode.FORBIDDEN)]
)
async def test_refusals_are_those_of_a_download(status: str, code: ErrorCode) -> None:
    async with host(says(b"", status)) as there:
        assert (await fault(there.url())).code is code


async def test_redirects_are_judged_here_as_well() -> None:
    async with host(says()) as inside, host(leads(lambda _: inside.url())) as outside:
        async with fetcher(replace(OPEN, private_sources=PrivateSources(hosts=frozenset({"localhost"})))) as fetching:
            with pytest.raises(DocumentError) as caught:
                await fetching.look(SourceType.URL, outside.url(name="localhost"), "alice")
        assert caught.value.code is ErrorCode.ADDRESS_REFUSED
        assert inside.conversations == []


async def test_heads_without_end_are_cut_off() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await conversation.send(b"X-More: " + b"x" * 10_000 + b"\r\n")

    async with host(answer) as there:
        assert type(await fault(there.url())) is NetworkFailed
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def test_local_files_are_looked_at_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.pdf").write_bytes(b"text")
    async with fetcher(replace(OPEN, local_root=tmp_path)) as fetching:
        assert await fetching.look(SourceType.LOCAL, "a.pdf", "alice") == Found("application/pdf", 8)
        for path, code in (("b.pdf", ErrorCode.NOT_A_PDF), ("../a.pdf", ErrorCode.FORBIDDEN)):
            with pytest.raises(DocumentError) as caught:
                await fetching.look(SourceType.LOCAL, path, "alice")
            assert caught.value.code is code
