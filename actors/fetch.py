"""Documents from wherever they lie, as bytes in an unlinked file (step 1 of a document).

Each source opens a document; what holds for all of them stands here: one deadline for the whole of it, a least rate,
a cap that counts decoded bytes. `look` reads the start of a document in the same way and judges it by that.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import BinaryIO, NamedTuple

import redis

from actors.blob import PDF_TYPE, Blob, Opened, empty, open_local, too_large
from actors.courtesy import Courtesy
from actors.errors import DocumentError, DocumentRefused, InternalFault, TimedOut
from actors.rate import WINDOW_MIN_BYTES, WINDOW_S, Rate, least_rate
from actors.retry_after import RETRY_AFTER_CAP_MS, retry_after_ms
from actors.s3 import Buckets
from actors.settings import Settings
from actors.shelf import Uploads
from actors.web import REDIRECTS_MAX, Web
from protocol.requests import Document
from protocol.words import ErrorCode, SourceType

__all__ = ["REDIRECTS_MAX", "RETRY_AFTER_CAP_MS", "Blob", "DocumentError", "Fetcher", "Found", "retry_after_ms"]

HEAD_BYTES = 1_024
"""`%PDF-` stands within so many bytes of the start, or it is no PDF."""
PIECE_BYTES = 256 * 1024


class Found(NamedTuple):
    """What a look at a document tells."""

    content_type: str | None
    size_bytes: int | None
    """None: its host does not say."""


class Fetcher:
    """Fetches documents; one for a process, used on one event loop.

    `client`: of the Redis where uploads lie, and where is known which hosts are to be left alone; None: neither.
    """

    def __init__(self, settings: Settings, client: "redis.Redis | None" = None) -> None:
        self._settings = settings
        self._web = Web(settings.private_sources, Courtesy(client))
        self._buckets = Buckets(settings)
        self._uploads = Uploads(client, settings)

    async def fetch(self, document: Document, owner: str = "") -> Blob:
        """Get a document; `owner` may read uploads of its own. A cancelled call closes its connection.

        Raises:
            SourceRefused: not there, refused by policy, or too large; `code` says which.
            NetworkFailed: the host cannot be reached, broke off, or said 5xx.
            RateLimited: the host said 429; HostBusy: it did before, and was not asked.
            TimedOut: it was not here within `fetch_timeout_s`, or came too slowly.
            InternalFault: the disk is full.
        """
        async with self._in_time():
            if document.file_source_type is SourceType.LOCAL:
                return await self._local(document.file_path)
            async with self._open(document.file_source_type, document.file_path, owner) as opened:
                return await self._store(opened)

    async def look(self, source: SourceType, path: str, owner: str) -> Found:
        """Whether a document could be fetched, from its first bytes.

        Raises:
            DocumentError: as `fetch`; DocumentRefused: it does not begin like a PDF.
        """
        async with self._in_time(), self._open(source, path, owner, HEAD_BYTES) as opened:
            head = await _head(self._fitting(opened))
        if not head:
            raise empty()
        if b"%PDF-" not in head:
            raise DocumentRefused("The document does not begin like a PDF.", code=ErrorCode.NOT_A_PDF)
        return Found(opened.content_type, opened.size_bytes)

    async def close(self) -> None:
        """Close idle connections."""
        await self._web.close()

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        limit_s = self._settings.fetch_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                yield
        except TimeoutError:
            raise TimedOut(f"The document was not here within {limit_s:g} seconds.") from None

    def _open(
        self, source: SourceType, path: str, owner: str, first_bytes: int | None = None
    ) -> AbstractAsyncContextManager[Opened]:
        match source:
            case SourceType.URL:
                return self._web.open(path, owner, first_bytes)
            case SourceType.S3:
                return self._buckets.open(path, first_bytes)
            case SourceType.UPLOAD:
                return self._uploads.open(path, owner, first_bytes)
            case SourceType.LOCAL:
                return self._open_local(path)

    async def _local(self, path: str) -> Blob:
        return await asyncio.to_thread(open_local, self._settings.local_root, path, self._settings.fetch_max_bytes)

    @asynccontextmanager
    async def _open_local(self, path: str) -> AsyncIterator[Opened]:
        with await self._local(path) as blob:
            yield Opened(_pieces(blob.file), blob.size_bytes, PDF_TYPE)

    async def _store(self, opened: Opened) -> Blob:
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - handed out
        try:
            size = await _write(file, self._fitting(opened))
        except OSError:
            file.close()
            raise InternalFault("The document could not be stored on this server.") from None
        except BaseException:
            file.close()
            raise
        return Blob(file, size)

    async def _fitting(self, opened: Opened) -> AsyncGenerator[bytes, None]:
        """The chunks of a document that is not too large, whatever it declares."""
        cap, size = self._settings.fetch_max_bytes, 0
        if (opened.size_bytes or 0) > cap:
            raise too_large(cap)
        async with aclosing(opened.chunks) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > cap:
                    raise too_large(cap)
                yield chunk


async def _write(file: BinaryIO, chunks: AsyncGenerator[bytes, None]) -> int:
    async with _flowing() as rate, aclosing(chunks):
        async for chunk in chunks:
            rate.count(len(chunk))
            file.write(chunk)
    size = file.tell()
    file.seek(0)
    return size


async def _head(chunks: AsyncGenerator[bytes, None]) -> bytes:
    head = b""
    async with _flowing() as rate, aclosing(chunks):
        async for chunk in chunks:
            rate.count(len(chunk))
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
    return head[:HEAD_BYTES]


@asynccontextmanager
async def _flowing() -> AsyncIterator[Rate]:
    """Final, unlike a host that breaks off: five attempts at one that drips would cost five times as much."""
    try:
        async with least_rate() as rate:
            yield rate
    except TimeoutError:
        raise TimedOut(
            f"The document came too slowly: less than {WINDOW_MIN_BYTES / 1000:g} kB in {WINDOW_S:g} seconds."
        ) from None


async def _pieces(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
        yield piece
