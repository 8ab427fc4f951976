"""Documents in S3: from a real server, out of opened buckets only, and with errors that tell nothing but the bucket."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from actors.errors import DocumentError, DocumentRefused, NetworkFailed, RateLimited, SourceRefused, TimedOut
from actors.fetch import Found
from actors.settings import Settings
from protocol.words import ErrorCode, SourceType
from stack import free_port
from tests.hosts import LIMIT_S, OPEN, Conversation, document, fetcher, host, says
from tests.stores import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Store, opened

ODD_KEYS = ["a b.pdf", "a%20b.pdf", "a%2Fb.pdf", "ü/é.pdf", "q?x=1#f.pdf", "a+b.pdf", "{c}~*'().pdf", "back\\slash.pdf"]


async def refusal(settings: Settings, path: str) -> DocumentError:
    """What reading ends with, when it must not succeed."""
    async with fetcher(settings) as fetching:
        with pytest.raises(DocumentError) as caught:
            await fetching.fetch(document(path, SourceType.S3))
    return caught.value


@pytest.fixture(scope="module")
def docs(s3: Store) -> Store:
    """A store with a bucket of documents, and one that is nobody's business."""
    s3.bucket("docs", **{"a.pdf": b"%PDF-a", "open/b.pdf": b"%PDF-b", "opened/c.pdf": b"%PDF-c", "empty.pdf": b""})
    s3.bucket("secrets", **{"a.pdf": b"%PDF-secret"})
    return s3


async def test_a_document_arrives_whole(docs: Store) -> None:
    body = b"%PDF-" + bytes(range(256)) * 3_000
    docs.put("docs", "large.pdf", body)
    async with fetcher(opened(OPEN, docs.url, "docs")) as fetching:
        with await fetching.fetch(document("s3://docs/large.pdf", SourceType.S3)) as blob:
            assert (blob.size_bytes, blob.file.read()) == (len(body), body)


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_a_key_is_taken_as_it_stands(docs: Store, key: str) -> None:
    docs.put("docs", key, b"%PDF-" + key.encode())
    async with fetcher(opened(OPEN, docs.url, "docs")) as fetching:
        with await fetching.fetch(document(f"s3://docs/{key}", SourceType.S3)) as blob:
            assert blob.file.read() == b"%PDF-" + key.encode()


@pytest.mark.parametrize("path", ["s3://docs/none.pdf", "s3://nowhere/a.pdf"])
async def test_what_is_not_there_is_not_found(docs: Store, path: str) -> None:
    error = await refusal(opened(OPEN, docs.url, "docs", "nowhere"), path)
    assert (type(error), error.code) == (SourceRefused, ErrorCode.NOT_FOUND)


@pytest.mark.parametrize(
    "path", ["s3://docs/a.pdf", "s3://docs/opened/c.pdf", "s3://docs/open", "s3://secrets/a.pdf", "s3://nowhere/a.pdf"]
)
@pytest.mark.parametrize("buckets", [(), ("docs/open",)])
async def test_what_the_operator_has_not_opened_is_refused(docs: Store, path: str, buckets: tuple[str, ...]) -> None:
    error = await refusal(opened(OPEN, docs.url, *buckets), path)
    assert (str(error), error.code) == ("The operator has not opened that place in S3.", ErrorCode.FORBIDDEN)


async def test_below_an_opened_prefix_documents_are_read(docs: Store) -> None:
    async with fetcher(opened(OPEN, docs.url, "docs/open")) as fetching:
        (await fetching.fetch(document("s3://docs/open/b.pdf", SourceType.S3))).close()


@pytest.mark.parametrize(
    "path",
    [
        "s3://docs/open/../a.pdf", "s3://docs/open/./b.pdf", "s3://docs//a.pdf", "s3://docs/a\tb.pdf", "s3://docs",
        "s3://docs/", "s3:///a.pdf", "docs/a.pdf", "S3://docs/a.pdf", "",
    ],
)  # fmt: skip
async def test_what_names_no_object_is_refused(docs: Store, path: str) -> None:
    assert (await refusal(opened(OPEN, docs.url, "docs/open"), path)).code in (
        ErrorCode.UNSUPPORTED,
        ErrorCode.FORBIDDEN,
    )


@pytest.mark.parametrize("kept", ["docs", "docs/uploads"])
async def test_the_bucket_of_uploads_is_never_read_by_its_name(docs: Store, kept: str) -> None:
    assert (await refusal(opened(OPEN, docs.url, "docs", upload_bucket=kept), "s3://docs/a.pdf")).code is (
        ErrorCode.FORBIDDEN
    )


async def test_a_document_above_the_cap_is_too_large(docs: Store) -> None:
    docs.put("docs", "big.pdf", bytes(2_000))
    small = opened(replace(OPEN, fetch_max_bytes=1_999), docs.url, "docs")
    assert (await refusal(small, "s3://docs/big.pdf")).code is ErrorCode.TOO_LARGE


async def test_a_look_reads_the_start_and_tells_size_and_type(docs: Store) -> None:
    docs.put("docs", "look.pdf", b"%PDF-" + bytes(500_000))
    async with fetcher(opened(OPEN, docs.url, "docs")) as fetching:
        found = await fetching.look(SourceType.S3, "s3://docs/look.pdf", "alice")
        assert found == Found("application/pdf", 500_005)
        with pytest.raises(DocumentRefused, match="empty"):
            await fetching.look(SourceType.S3, "s3://docs/empty.pdf", "alice")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("503 Slow Down", RateLimited, None),
        ("429 Too Many Requests", RateLimited, None),
        ("500 Internal Server Error", NetworkFailed, None),
        ("301 Moved Permanently", NetworkFailed, None),
        ("400 Bad Request", SourceRefused, ErrorCode.FORBIDDEN),
        ("401 Unauthorized", SourceRefused, ErrorCode.FORBIDDEN),
        ("403 Forbidden", SourceRefused, ErrorCode.FORBIDDEN),
        ("404 Not Found", SourceRefused, ErrorCode.NOT_FOUND),
    ],
)
async def test_each_status_has_its_error_after_one_request_and_tells_nothing(
    status: str, kind: type[DocumentError], code: ErrorCode | None
) -> None:
    body = b"<Error><Code>SlowDown</Code><Message>hush: status code: 200</Message></Error>"
    async with host(says(body, status)) as there:
        error = await refusal(opened(OPEN, f"http://127.0.0.1:{there.port}", "docs"), "s3://docs/status code: 404.pdf")
        assert len(there.heads) == 1
    assert (type(error), error.code) == (kind, code)
    told = str(error)
    assert "docs" in told
    assert not [word for word in ("404.pdf", "hush", "127.0.0.1", ACCESS_KEY_ID, SECRET_ACCESS_KEY) if word in told]


async def broken(conversation: Conversation) -> None:
    """Hangs up in the middle of the object."""
    head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: x\r\nLast-Modified: Wed, 25 Nov 2026 20:00:00 GMT\r\n\r\n"
    await conversation.send(head.encode() + b"%PDF-")
    conversation.hang_up()


async def gone(conversation: Conversation) -> None:
    """Hangs up without a word."""
    conversation.hang_up()


@pytest.mark.parametrize("answer", [broken, gone])
async def test_a_store_that_breaks_off_can_be_tried_again(answer: Callable[[Conversation], Any]) -> None:
    async with host(answer) as there:
        error = await refusal(opened(OPEN, f"http://127.0.0.1:{there.port}", "docs"), "s3://docs/a.pdf")
        assert type(error) is NetworkFailed
        assert len(there.heads) == 1


async def test_a_store_that_is_away_can_be_tried_again() -> None:
    error = await refusal(opened(OPEN, f"http://127.0.0.1:{free_port()}", "docs"), "s3://docs/a.pdf")
    assert type(error) is NetworkFailed


async def test_one_deadline_holds_for_a_store_as_well() -> None:
    async def silent(_: Conversation) -> None:
        """No answer at all."""

    async with host(silent) as there:
        settings = opened(OPEN, f"http://127.0.0.1:{there.port}", "docs", fetch_timeout_s=0.3)
        assert type(await refusal(settings, "s3://docs/a.pdf")) is TimedOut
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def test_an_endpoint_may_have_a_host_for_each_bucket() -> None:
    async with host(says(b"", "404 Not Found")) as there:
        await refusal(opened(OPEN, f"http://127.0.0.1:{there.port}/of-{{bucket}}", "docs"), "s3://docs/a.pdf")
        await refusal(opened(OPEN, f"http://127.0.0.1:{there.port}", "docs"), "s3://docs/a.pdf")
    assert [head.split()[1] for head in there.heads] == ["/of-docs/a.pdf", "/docs/a.pdf"]


def test_settings_do_not_show_the_keys_to_the_store() -> None:
    shown = repr(opened(OPEN, "http://127.0.0.1:9000", "docs"))
    assert "docs" in shown
    assert ACCESS_KEY_ID not in shown
    assert SECRET_ACCESS_KEY not in shown
