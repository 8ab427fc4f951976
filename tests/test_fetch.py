"""Documents by URL: what arrives, what is refused, and that no host can hold us, fill us or make us talk."""

import asyncio
import base64
import gzip
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from actors.errors import DocumentError, InternalFault, NetworkFailed, RateLimited, SourceRefused, TimedOut
from actors.fetch import REDIRECTS_MAX, RETRY_AFTER_CAP_MS
from protocol.words import ErrorCode, SourceType
from stack import free_port
from tests.hosts import LIMIT_S, OPEN, Conversation, Host, document, fetcher, host, leads, refusal, says


async def test_a_document_arrives_whole_and_at_its_start() -> None:
    body = b"%PDF-" + bytes(range(256)) * 1_000
    async with host(says(body)) as there, fetcher() as fetching:
        with await fetching.fetch(document(there.url())) as blob:
            assert (blob.size_bytes, blob.file.read()) == (len(body), body)


async def test_documents_of_one_host_share_a_connection() -> None:
    async with host(says()) as there, fetcher() as fetching:
        for number in range(5):
            (await fetching.fetch(document(there.url(f"/{number}")))).close()
        assert len(there.heads) == 5
        assert len(there.conversations) == 1


async def test_a_cookie_is_not_carried_from_one_document_to_the_next() -> None:
    async with host(says(Set_Cookie="session=alice; Path=/")) as there, fetcher() as fetching:
        for _ in range(2):
            (await fetching.fetch(document(there.url()))).close()
        assert not any("cookie" in head.lower() for head in there.heads)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("404 Not Found", SourceRefused, ErrorCode.NOT_FOUND),
        ("410 Gone", SourceRefused, ErrorCode.NOT_FOUND),
        ("401 Unauthorized", SourceRefused, ErrorCode.FORBIDDEN),
        ("403 Forbidden", SourceRefused, ErrorCode.FORBIDDEN),
        ("400 Bad Request", SourceRefused, ErrorCode.FORBIDDEN),
        ("304 Not Modified", SourceRefused, ErrorCode.UNSUPPORTED),
        ("302 Found", SourceRefused, ErrorCode.UNSUPPORTED),
        ("429 Too Many Requests", RateLimited, None),
        ("500 Internal Server Error", NetworkFailed, None),
        ("503 Service Unavailable", NetworkFailed, None),
    ],
)
async def test_each_status_has_its_error(status: str, kind: type[DocumentError], code: ErrorCode | None) -> None:
    async with host(says(b"", status)) as there:
        error = await refusal(there.url())
    assert (type(error), error.code, error.retry_after_ms) == (kind, code, None)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({"Retry_After": "3"}, 3_000),
        ({"Retry_After": "259200"}, RETRY_AFTER_CAP_MS),
        ({"Retry_After": formatdate(0, usegmt=True)}, 0),
        ({"retry_after_ms": "1500", "Retry_After": "9"}, 1_500),
    ],
)
async def test_a_host_that_says_when_is_believed_up_to_an_hour(
    status: str, headers: dict[str, str], wait_ms: int
) -> None:
    async with host(says(b"", status, **headers)) as there:
        assert (await refusal(there.url())).retry_after_ms == wait_ms


async def test_a_host_that_names_a_date_is_asked_again_then() -> None:
    async with host(says(b"", "429 Too Many Requests", Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")) as there:
        assert (await refusal(there.url())).retry_after_ms == RETRY_AFTER_CAP_MS


async def test_a_body_without_end_is_cut_off_at_the_cap() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await conversation.send(b"10000\r\n" + bytes(65_536) + b"\r\n")

    async with host(answer) as there:
        error = await refusal(there.url())
        assert (error.error_type, error.code) == ("source", ErrorCode.TOO_LARGE)
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def test_a_document_that_is_declared_too_large_is_not_waited_for() -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n")

    async with host(answer) as there:
        assert (await refusal(there.url())).code is ErrorCode.TOO_LARGE
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def drip(conversation: Conversation) -> None:
    """A byte now and then, for ever."""
    await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        await conversation.send(b"%")
        await asyncio.sleep(0.02)


async def silent(_: Conversation) -> None:
    """No answer at all."""


@pytest.mark.parametrize("answer", [drip, silent])
async def test_one_deadline_holds_for_the_whole_download(answer: Callable[[Conversation], Any]) -> None:
    async with host(answer) as there:
        error = await refusal(there.url(), replace(OPEN, fetch_timeout_s=0.3))
        assert type(error) is TimedOut
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def test_a_cancelled_download_closes_its_connection() -> None:
    async with host(drip) as there, fetcher() as fetching:
        download = asyncio.create_task(fetching.fetch(document(there.url())))
        while not there.heads:
            await asyncio.sleep(0.01)
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def test_a_small_body_that_unpacks_to_much_counts_as_much() -> None:
    bomb = gzip.compress(bytes(60_000_000))
    async with host(says(bomb, Content_Encoding="gzip")) as there:
        assert (await refusal(there.url())).code is ErrorCode.TOO_LARGE


async def test_a_packed_document_is_unpacked() -> None:
    async with host(says(gzip.compress(b"%PDF-1.7"), Content_Encoding="gzip")) as there, fetcher() as fetching:
        with await fetching.fetch(document(there.url())) as blob:
            assert blob.file.read() == b"%PDF-1.7"


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "surprise"])
async def test_other_encodings_are_refused(coding: str) -> None:
    twice = gzip.compress(gzip.compress(b"%PDF-1.7"))
    async with host(says(twice, Content_Encoding=coding)) as there:
        assert (await refusal(there.url())).code is ErrorCode.UNSUPPORTED


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n%PDF-",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n%PDF",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n%PDF-",
        b"this is no HTTP\r\n\r\n",
    ],
)
async def test_a_host_that_breaks_off_can_be_tried_again(said: bytes) -> None:
    async def answer(conversation: Conversation) -> None:
        await conversation.send(said)
        conversation.hang_up()

    async with host(answer) as there:
        assert type(await refusal(there.url())) is NetworkFailed


async def test_a_host_that_nobody_serves_can_be_tried_again() -> None:
    error = await refusal(f"http://127.0.0.1:{free_port()}/")
    assert type(error) is NetworkFailed
    assert str(error) == "The host 127.0.0.1 could not be reached: it does not answer."


async def test_redirects_are_followed_and_relative_ones_too() -> None:
    async def answer(conversation: Conversation) -> None:
        left = int(conversation.path.strip("/"))
        await (leads(lambda _: f"../{left - 1}") if left else says(b"%PDF-here"))(conversation)

    async with host(answer) as there, fetcher() as fetching:
        with await fetching.fetch(document(there.url(f"/{REDIRECTS_MAX}"))) as blob:
            assert blob.file.read() == b"%PDF-here"


async def test_redirects_in_a_circle_end() -> None:
    async with host(leads(lambda path: path)) as there:
        assert (await refusal(there.url())).code is ErrorCode.NOT_FOUND
        assert len(there.heads) == REDIRECTS_MAX + 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
async def test_redirects_lead_to_web_servers_only(target: str) -> None:
    async with host(leads(lambda _: target)) as there:
        assert (await refusal(there.url())).code is ErrorCode.UNSUPPORTED


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/x", ErrorCode.UNSUPPORTED),
        ("file:///etc/passwd", ErrorCode.UNSUPPORTED),
        ("no-url", ErrorCode.UNSUPPORTED),
        ("", ErrorCode.UNSUPPORTED),
        ("http://", ErrorCode.ADDRESS_REFUSED),
        ("http:///path", ErrorCode.ADDRESS_REFUSED),
        ("http://127.0.0.1:99999/", ErrorCode.ADDRESS_REFUSED),
        ("http://127.0.0.1:0/", ErrorCode.ADDRESS_REFUSED),
        ("http://127.0.0.1\r\nX: y/", ErrorCode.ADDRESS_REFUSED),
        ("http://" + "a" * 100_000, ErrorCode.ADDRESS_REFUSED),
        ("http://[::1/", ErrorCode.ADDRESS_REFUSED),
    ],
)
async def test_what_is_no_url_is_refused(url: str, code: ErrorCode) -> None:
    assert (await refusal(url)).code is code


async def test_credentials_of_a_url_are_used_and_never_shown() -> None:
    async with host(says(b"", "403 Forbidden")) as there:
        error = await refusal(there.url("/private?token=hunter2", name="alice:s%40fe@127.0.0.1"))
        expected = base64.b64encode(b"alice:s@fe").decode()
        assert f"authorization: Basic {expected}" in there.heads[0]
    assert all(secret not in str(error) for secret in ("alice", "s%40fe", "s@fe", "hunter2", "/private"))


async def test_credentials_follow_to_the_same_host_only() -> None:
    async with host(says()) as other:

        async def answer(conversation: Conversation) -> None:
            here = conversation.path == "/start"
            await leads(lambda _: "/next" if here else other.url())(conversation)

        async with host(answer) as there, fetcher() as fetching:
            (await fetching.fetch(document(there.url("/start", name="alice:secret@127.0.0.1")))).close()
            assert ["authorization" in head for head in there.heads] == [True, True]
            assert ["authorization" in head for head in other.heads] == [False]


async def test_a_local_file_is_opened_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-local")
    async with fetcher(replace(OPEN, local_root=tmp_path)) as fetching:
        with await fetching.fetch(document("a.pdf", SourceType.LOCAL)) as blob:
            assert blob.file.read() == b"%PDF-local"


async def test_a_full_disk_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this platform")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: full.open("wb", buffering=0))
    async with host(says()) as there:
        assert type(await refusal(there.url())) is InternalFault


async def test_many_documents_at_once_arrive_each_as_itself() -> None:
    async def answer(conversation: Conversation) -> None:
        await says(conversation.path.encode())(conversation)

    async with host(answer) as there, fetcher() as fetching:
        blobs = await asyncio.gather(*(fetching.fetch(document(there.url(f"/{n}"))) for n in range(100)))
        for number, blob in enumerate(blobs):
            with blob:
                assert blob.file.read() == f"/{number}".encode()


def test_hosts_are_asked_for_plain_bytes_and_know_who_asks() -> None:
    async def seen() -> Host:
        async with host(says()) as there, fetcher() as fetching:
            (await fetching.fetch(document(there.url("/a b?c=d e#part")))).close()
            return there

    there = asyncio.run(seen())
    assert there.heads[0].splitlines()[0] == "GET /a%20b?c=d%20e HTTP/1.1"
    assert {"user-agent: tagstream", f"host: 127.0.0.1:{there.port}", "accept-encoding: identity"} <= set(
        there.heads[0].lower().splitlines()
    )
