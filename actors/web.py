"""Documents by URL, from hosts that nobody vouches for.

Every limit of reliability 13 and 14 stands here, in `connect` or in `fetch`: judged addresses at each redirect,
bounded heads, one layer of decoding. Sentences name the host and nothing else of a URL, since paths and queries
carry other people's secrets. The pool under httpx2 is used directly: a client above it would share cookies between
callers and log whole URLs.
"""

import asyncio
import base64
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import httpcore2
import httpx2

from actors.blob import Opened, empty
from actors.connect import JudgedBackend, Stream
from actors.courtesy import Courtesy
from actors.errors import DocumentError, NetworkFailed, RateLimited, SourceRefused
from actors.retry_after import RETRY_AFTER_CAP_MS, retry_after_ms
from actors.settings import PrivateSources
from protocol.words import ErrorCode

CONNECT_TIMEOUT_S = 10.0
REDIRECTS_MAX = 5
# Below the 5 s after which common servers close an idle connection, so that we do not send into a closing one.
KEEPALIVE_S = 4.0
IDLE_CONNECTIONS_MAX = 64
SMALL_PIECE_BYTES = 4 * 1024
LABEL_LENGTH_MAX = 63
"""Of a name, between two dots."""

_HEADERS = [
    (b"user-agent", b"tagstream"),
    (b"accept", b"application/pdf, */*;q=0.5"),
    (b"accept-encoding", b"identity"),  # a PDF is compressed already
]
_WHOLE = re.compile(r"bytes [^/]*/([0-9]{1,19})")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,63}/[\w.+-]{1,63}", re.ASCII)


class Web:
    """Opens documents on web servers; one for a process, used on one event loop."""

    def __init__(self, private: PrivateSources, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=None,  # the worker's threads bound it
            max_keepalive_connections=IDLE_CONNECTIONS_MAX,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=JudgedBackend(private),
        )

    async def close(self) -> None:
        """Close idle connections."""
        await self._pool.aclose()
        await asyncio.sleep(0)  # closed sockets leave the event loop at its next turn

    @asynccontextmanager
    async def open(self, text: str, owner: str, first_bytes: int | None = None) -> AsyncIterator[Opened]:
        """A document, over at most `REDIRECTS_MAX` redirects. Leaving it unread closes its connection.

        `owner`: for whom; hosts that have asked to slow down are left alone for each caller by itself.
        `first_bytes`: no more are wanted; the host may send more all the same.

        Raises:
            SourceRefused, NetworkFailed, RateLimited: as `fetch`; also while the chunks are read.
        """
        url = _url(text)
        for _ in range(REDIRECTS_MAX + 1):
            await self._courtesy.check(owner, _host(url), _port(url))
            async with self._get(url, _range(first_bytes)) as response:
                headers = httpx2.Headers(response.headers)
                if first_bytes and response.status == 416:
                    raise empty()
                if 200 <= response.status < 300:
                    yield _opened(_host(url), response, headers)
                    return
                url = await self._next(url, owner, response.status, headers)
        raise SourceRefused(
            f"The host {_host(url)} redirected more than {REDIRECTS_MAX} times.", code=ErrorCode.NOT_FOUND
        )

    async def _next(self, url: httpx2.URL, owner: str, status: int, headers: httpx2.Headers) -> httpx2.URL:
        try:
            return _redirected(url, status, headers)
        except RateLimited as refusal:
            await self._courtesy.heed(owner, _host(url), _port(url), refusal.retry_after_ms)
            raise

    @asynccontextmanager
    async def _get(self, url: httpx2.URL, extra: list[tuple[bytes, bytes]]) -> AsyncIterator[httpcore2.Response]:
        """One request without following anything; the pool's faults become ours."""
        request = httpcore2.Request(
            b"GET",
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[(b"host", url.netloc), *_HEADERS, *extra, *_credentials(url)],
            extensions={"timeout": {"connect": CONNECT_TIMEOUT_S}},
        )
        try:
            response = await self._pool.handle_async_request(request)
            if isinstance(stream := response.extensions.get("network_stream"), Stream):
                stream.head_is_read()
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


def _range(first_bytes: int | None) -> list[tuple[bytes, bytes]]:
    """Many hosts answer a HEAD with an error, or with something else than they would send."""
    return [(b"range", b"bytes=0-%d" % (first_bytes - 1))] if first_bytes else []


def _opened(host: str, response: httpcore2.Response, headers: httpx2.Headers) -> Opened:
    declared = headers.get("content-length", "")
    if response.status == 206:
        whole = _WHOLE.fullmatch(headers.get("content-range", ""))
        declared = whole[1] if whole else ""
    media_type = _MEDIA_TYPE.match(headers.get("content-type", ""))
    return Opened(
        _decoded(host, response, headers),
        int(declared[:20]) if declared.isdecimal() else None,
        media_type[0].lower() if media_type else None,
    )


async def _decoded(host: str, response: httpcore2.Response, headers: httpx2.Headers) -> AsyncGenerator[bytes, None]:
    """The body's pieces, decoded at most 1 MiB at a time.

    One layer of gzip or deflate, although we ask for none. More layers could inflate without end between two pieces,
    where no deadline is looked at.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        async for chunk in _pieces(response):
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
        async for chunk in _pieces(self._response):
            yield chunk


async def _pieces(response: httpcore2.Response) -> AsyncGenerator[bytes, None]:
    """A body as it arrives. Between small pieces others have their turn: thousands of them may be here at once."""
    async for piece in response.aiter_stream():
        yield piece
        if len(piece) < SMALL_PIECE_BYTES:
            await asyncio.sleep(0)


def _url(text: str, base: httpx2.URL | None = None) -> httpx2.URL:
    try:
        url = httpx2.URL(text) if base is None else base.join(text)
    except (httpx2.InvalidURL, ValueError):
        raise _unfit("The document's URL is not valid.") from None
    if url.scheme not in ("http", "https"):
        raise SourceRefused("Documents are fetched by http and https only.", code=ErrorCode.UNSUPPORTED)
    if not _is_name(_host(url)) or not 0 < (1 if url.port is None else url.port) < 65_536:
        raise _unfit("The document's URL names no host and port that can be asked.")
    return url


def _is_name(host: str) -> bool:
    """Whether each of its labels is one: a resolver may make do with less (`a.example..`), TLS raises."""
    return all(0 < len(label) <= LABEL_LENGTH_MAX for label in host.removesuffix(".").split("."))


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


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _unfit(sentence: str) -> SourceRefused:
    return SourceRefused(sentence, code=ErrorCode.ADDRESS_REFUSED)
