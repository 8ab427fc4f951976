"""Documents by URL or from a local folder, as bytes in an unlinked file (step 1 of a document).

Every limit of reliability 13 and 14 stands here or in `connect`: judged addresses, one deadline for the whole
download, a cap that counts decoded bytes. Sentences name the host and nothing else of a URL, since paths and queries
carry other people's secrets. The pool under httpx2 is used directly: a client above it would share cookies between
callers and log whole URLs.
"""

import asyncio
import base64
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

import httpcore2
import httpx2

from actors.blob import Blob, open_local, too_large
from actors.connect import JudgedBackend
from actors.errors import DocumentError, InternalFault, NetworkFailed, RateLimited, SourceRefused, TimedOut
from actors.retry_after import RETRY_AFTER_CAP_MS, retry_after_ms
from actors.settings import Settings
from protocol.requests import Document
from protocol.words import ErrorCode, SourceType

__all__ = ["RETRY_AFTER_CAP_MS", "Blob", "Fetcher", "retry_after_ms"]

CONNECT_TIMEOUT_S = 10.0
REDIRECTS_MAX = 5
# Below the 5 s after which common servers close an idle connection, so that we do not send into a closing one.
KEEPALIVE_S = 4.0
IDLE_CONNECTIONS_MAX = 64

_HEADERS = [
    (b"user-agent", b"tagstream"),
    (b"accept", b"application/pdf, */*;q=0.5"),
    (b"accept-encoding", b"identity"),  # a PDF is compressed already
]


class Fetcher:
    """Fetches documents; one for a process, used on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=None,  # the worker's threads bound it
            max_keepalive_connections=IDLE_CONNECTIONS_MAX,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=JudgedBackend(settings.private_sources),
        )

    async def fetch(self, document: Document) -> Blob:
        """Get a document. A cancelled call closes its connection.

        Raises:
            SourceRefused: not there, refused by policy, or too large; `code` says which.
            NetworkFailed: the host cannot be reached, broke off, or said 5xx.
            RateLimited: the host said 429.
            TimedOut: it was not here within `fetch_timeout_s`.
            InternalFault: the disk is full.
        """
        limit_s = self._settings.fetch_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._from(document.file_source_type, document.file_path)
        except TimeoutError:
            raise TimedOut(f"The document was not here within {limit_s:g} seconds.") from None

    async def close(self) -> None:
        """Close idle connections."""
        await self._pool.aclose()
        await asyncio.sleep(0)  # closed sockets leave the event loop at its next turn

    async def _from(self, source: SourceType, path: str) -> Blob:
        match source:
            case SourceType.URL:
                return await self._download(path)
            case SourceType.LOCAL:
                return await asyncio.to_thread(
                    open_local, self._settings.local_root, path, self._settings.fetch_max_bytes
                )
            case _:
                raise SourceRefused(
                    f"Documents of the source type “{source}” are not available on this server yet.",
                    code=ErrorCode.UNSUPPORTED,
                )

    async def _download(self, text: str) -> Blob:
        url = _url(text)
        for _ in range(REDIRECTS_MAX + 1):
            async with self._get(url) as response:
                headers = httpx2.Headers(response.headers)
                if 200 <= response.status < 300:
                    return await self._store(_host(url), response, headers)
                url = _redirected(url, response.status, headers)
        raise SourceRefused(
            f"The host {_host(url)} redirected more than {REDIRECTS_MAX} times.", code=ErrorCode.NOT_FOUND
        )

    @asynccontextmanager
    async def _get(self, url: httpx2.URL) -> AsyncIterator[httpcore2.Response]:
        """One request without following anything; the pool's faults become ours."""
        request = httpcore2.Request(
            b"GET",
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[(b"host", url.netloc), *_HEADERS, *_credentials(url)],
            extensions={"timeout": {"connect": CONNECT_TIMEOUT_S}},
        )
        try:
            response = await self._pool.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as fault:
            raise NetworkFailed(f"The host {_host(url)} could not be reached: {fault}.") from None
        except httpcore2.LocalProtocolError:
            raise _unfit("The document's URL cannot be asked for.") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.DecodingError):
            raise NetworkFailed(f"The host {_host(url)} broke off the download.") from None

    async def _store(self, host: str, response: httpcore2.Response, headers: httpx2.Headers) -> Blob:
        cap = self._settings.fetch_max_bytes
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > cap:
            raise too_large(cap)
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - handed out
        try:
            size = await _write(file, _decoded(host, response, headers), cap)
        except OSError:
            file.close()
            raise InternalFault("The document could not be stored on this server.") from None
        except BaseException:
            file.close()
            raise
        return Blob(file, size)


async def _write(file: BinaryIO, chunks: AsyncIterator[bytes], cap: int) -> int:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > cap:
            raise too_large(cap)
        file.write(chunk)
    file.seek(0)
    return size


async def _decoded(host: str, response: httpcore2.Response, headers: httpx2.Headers) -> AsyncIterator[bytes]:
    """The body's pieces, decoded at most 1 MiB at a time.

    One layer of gzip or deflate, although we ask for none. More layers could inflate without end between two pieces,
    where no deadline is looked at.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        async for chunk in response.aiter_stream():
            yield chunk
        return
    if coding not in ("gzip", "deflate"):
        raise SourceRefused(
            f"The host {host} sent the document in an encoding that is not read here.", code=ErrorCode.UNSUPPORTED
        )
    unpacked = httpx2.Response(200, headers=headers, stream=_Body(response))
    async for chunk in unpacked.aiter_bytes():
        yield chunk
        await asyncio.sleep(0)  # a small body may hold many pieces; others want to be served between them


class _Body(httpx2.AsyncByteStream):
    """A response's stream in the clothes that httpx2's decoders want."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk


def _url(text: str, base: httpx2.URL | None = None) -> httpx2.URL:
    try:
        url = httpx2.URL(text) if base is None else base.join(text)
    except (httpx2.InvalidURL, ValueError):
        raise _unfit("The document's URL is not valid.") from None
    if url.scheme not in ("http", "https"):
        raise SourceRefused("Documents are fetched by http and https only.", code=ErrorCode.UNSUPPORTED)
    if not url.raw_host or not 0 < (1 if url.port is None else url.port) < 65_536:
        raise _unfit("The document's URL names no host and port that can be asked.")
    return url


def _redirected(url: httpx2.URL, status: int, headers: httpx2.Headers) -> httpx2.URL:
    """Where an answer that is no document points to.

    Raises:
        DocumentError: nowhere; its class and code tell what the status means.
    """
    if status not in (301, 302, 303, 307, 308) or "location" not in headers:
        raise _refusal(_host(url), status, headers)
    target = _url(headers["location"], url)
    if url.userinfo and not target.userinfo and (target.scheme, target.netloc) == (url.scheme, url.netloc):
        return target.copy_with(username=url.username, password=url.password)
    return target


def _refusal(host: str, status: int, headers: httpx2.Headers) -> DocumentError:
    sentence = f"The host {host} answered with status {status}."
    wait_ms = retry_after_ms(headers, time.time())
    wait_ms = None if wait_ms is None else min(wait_ms, RETRY_AFTER_CAP_MS)
    if status == 429:
        return RateLimited(f"The host {host} asks to slow down.", retry_after_ms=wait_ms)
    if status >= 500:
        return NetworkFailed(sentence, retry_after_ms=wait_ms)
    if status in (404, 410):
        return SourceRefused(f"The document is not there: {sentence}", code=ErrorCode.NOT_FOUND)
    if 400 <= status < 500:
        return SourceRefused(f"The document is not handed out: {sentence}", code=ErrorCode.FORBIDDEN)
    return SourceRefused(sentence, code=ErrorCode.UNSUPPORTED)


def _credentials(url: httpx2.URL) -> list[tuple[bytes, bytes]]:
    if not url.userinfo:
        return []
    pair = f"{url.username}:{url.password}".encode()
    return [(b"authorization", b"Basic " + base64.b64encode(pair))]


def _host(url: httpx2.URL) -> str:
    return url.raw_host.decode("ascii")


def _unfit(sentence: str) -> SourceRefused:
    return SourceRefused(sentence, code=ErrorCode.ADDRESS_REFUSED)
