"""One server, spoken to on behalf of one caller: HTTP and the socket. What the two libraries raise ends here."""

import asyncio
import inspect
import ipaddress
import logging
import math
import random
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

import httpx2
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, SecurityError, WebSocketException
from websockets.frames import Close

from protocol.failures import ClientError, UnexpectedAnswer, Unreachable, not_authenticated, refused, refused_on_socket
from protocol.messages import TOKEN_EXPIRED, Message, ProtocolError, Refusal, parse

Token = str | Callable[[], str | Awaitable[str]]
"""A bearer token, or what gives a fresh one: it is asked before each request and each connection."""

MESSAGE_MAX_BYTES = 64 * 1024 * 1024
"""The largest message taken: a catchup of 10,000 rows is a few MiB."""
CALL_TIMEOUT_S = 60.0
PROCESS_TIMEOUT_S = 3_600.0
"""A call that waits for a document: as long as the server may be told to."""
CALL_TRIES = 4
OPEN_TIMEOUT_S = 10.0
CATCHUP_TIMEOUT_S = 20.0
"""The server tells the catchup at once: a socket that stays silent so long is one that something swallows."""
CLOSE_TIMEOUT_S = 2.0

CLOSES_OF_OURS = frozenset({1008, 1009, 1011, 1012, 1013})
"""How the service itself closes a socket before the ending."""

_TOKEN = re.compile(r"[\x21-\x7e]+")
_log = logging.getLogger("protocol.socket")
_log.setLevel(logging.INFO)  # at DEBUG the library would write the Authorization header down

T = TypeVar("T")


class Form(NamedTuple):
    """A body that is not JSON."""

    content_type: str
    body: bytes

    @classmethod
    def of(cls, fields: Mapping[str, str | bytes], files: Mapping[str, tuple[str, bytes]]) -> Self:
        """`multipart/form-data`; a file is its name and what it holds."""
        parts = {name: (None, value) for name, value in fields.items()}
        request = httpx2.Request("POST", "http://form", files=[*parts.items(), *files.items()])
        return cls(request.headers["Content-Type"], request.read())


class Backoff:
    """The waits between tries: each at random below a bound that doubles from `first_s` to `max_s` (full jitter).

    It gives up after `tries_max` tries, or when nothing was heard for `patience_s` from the first of them on.
    """

    def __init__(
        self, first_s: float, max_s: float, *, tries_max: float = math.inf, patience_s: float = math.inf
    ) -> None:
        self._first_s, self._max_s = first_s, max_s
        self._tries_max, self._patience_s = tries_max, patience_s
        self._tries, self._gives_up_at = 0, math.inf

    def heard(self, *, news: bool) -> None:
        """The server spoke. Only news shorten the next wait: one that keeps falling over sends catchups as well."""
        self._gives_up_at = math.inf
        if news:
            self._tries = 0

    async def wait(self, fault: ClientError, on_wait: Callable[[ClientError], None] | None = None) -> None:
        """Wait before the next try; raises `fault` where another would not help, or too many did not."""
        now, self._tries = asyncio.get_running_loop().time(), self._tries + 1
        self._gives_up_at = min(self._gives_up_at, now + self._patience_s)
        fault.gives_up_in_s = self._gives_up_at - now
        if fault.retry_after_s is None or self._tries >= self._tries_max or fault.gives_up_in_s <= 0:
            raise fault
        if on_wait is not None:
            on_wait(fault)
        bound_s = min(self._max_s, self._first_s * 2.0 ** min(self._tries - 1, 30))
        await asyncio.sleep(fault.retry_after_s + random.uniform(0, bound_s))  # noqa: S311 - spreads load, no secret


class _Connect(connect):
    """Follows no redirect, as the calls over HTTP do not: it is told as the answer that it is."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Server:
    """Raises only `protocol.failures`.

    `base_url`: where the service stands, with `http` or `https`; proxies of the environment are used on the
    way, except to a loopback address.
    """

    def __init__(self, base_url: str, token: Token, backoff_s: tuple[float, float]) -> None:
        parts = _address(base_url)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._token, self._backoff_s = token, backoff_s
        self._direct = _is_loopback(parts.hostname or "")
        self._socket_url = parts._replace(scheme=parts.scheme.replace("http", "ws")).geturl()
        timeout = httpx2.Timeout(CALL_TIMEOUT_S, connect=OPEN_TIMEOUT_S)
        self._http = httpx2.AsyncClient(base_url=parts.geturl(), timeout=timeout, trust_env=not self._direct)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self, kind: type[T], method: str, path: str, body: bytes | Form | None = None, *, tries_max: int = CALL_TRIES
    ) -> T:
        """The answer to one request, as `kind`; asked `tries_max` times where that may help."""
        backoff = Backoff(*self._backoff_s, tries_max=tries_max)
        while True:
            try:
                content = await self._ask_once(method, path, body)
                break
            except ClientError as fault:
                await backoff.wait(fault)
        return self._read(kind, content)

    def _read(self, kind: type[T], content: bytes) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
            raise UnexpectedAnswer(f"{self.name} answered something else than was asked: {fault}") from None

    async def ask_long(self, kind: type[T], path: str, form: Form) -> T:
        """POST a form whose answer may be long in coming; made once."""
        timeout = httpx2.Timeout(PROCESS_TIMEOUT_S, connect=OPEN_TIMEOUT_S)
        return self._read(kind, await self._ask_once("POST", path, form, timeout=timeout))

    async def send_files(self, kind: type[T], path: str, files: Sequence[tuple[str, BinaryIO]]) -> T:
        """POST files, as multipart/form-data, read as they are sent; made once, since they can be read but once."""
        parts = [("files", (name, file, "application/pdf")) for name, file in files]
        return self._read(kind, await self._ask_once("POST", path, files=parts))

    async def send(self, method: str, path: str) -> None:
        """One request whose answer says nothing; made once, since another would meet what the first has done."""
        await self._ask_once(method, path)

    async def download(self, path: str) -> AsyncGenerator[bytes, None]:
        """What one answer holds, piece by piece; asked once. It raises `Unreachable` where it breaks off."""
        headers = await self._headers()
        try:
            async with self._http.stream("GET", path, headers=headers) as response:
                if not response.is_success:
                    raise refused(response.status_code, await response.aread(), response.headers.get("Retry-After"))
                async for piece in response.aiter_bytes():
                    yield piece
        except httpx2.RequestError as lost:
            raise self._lost(lost) from lost

    async def listen(self, path: str) -> AsyncGenerator[Message, None]:
        """The messages of one connection. It never ends by itself: it raises when the connection is over."""
        headers = await self._headers()
        patience_s: float | None = CATCHUP_TIMEOUT_S
        try:
            async with _Connect(
                self._socket_url + path,
                additional_headers=headers,
                proxy=None if self._direct else True,
                max_size=MESSAGE_MAX_BYTES,
                compression=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                logger=_log,
            ) as socket:
                while True:
                    async with asyncio.timeout(patience_s):
                        frame = await socket.recv()
                    yield _message(frame)
                    patience_s = None
        except (WebSocketException, OSError, EOFError) as lost:
            fault = self._failure(lost)
            fault.blocked = patience_s is not None and _may_be_blocked(lost)
            raise fault from lost

    async def _ask_once(self, method: str, path: str, body: bytes | Form | None = None, **options: Any) -> bytes:
        form = body if isinstance(body, Form) else Form("application/json", body or b"")
        headers = await self._headers() | ({"Content-Type": form.content_type} if form.body else {})
        try:
            response = await self._http.request(method, path, content=form.body or None, headers=headers, **options)
        except httpx2.RequestError as lost:
            raise self._lost(lost) from lost
        if response.is_success:
            return response.content
        raise refused(response.status_code, response.content, response.headers.get("Retry-After"))

    async def _headers(self) -> dict[str, str]:
        given = self._token() if callable(self._token) else self._token
        token = await given if inspect.isawaitable(given) else given
        if not _TOKEN.fullmatch(token):
            raise not_authenticated("the token is empty or holds characters that no header can carry")
        return {"Authorization": f"Bearer {token}"}

    def _lost(self, lost: Exception) -> Unreachable:
        return Unreachable(f"{self.name} cannot be reached: {_named(lost)}", retry_after_s=0)

    def _failure(self, lost: Exception) -> ClientError:
        match lost:
            case ConnectionClosed(rcvd=Close(code=1008, reason=reason)):
                return self._refusal(reason)
            case ConnectionClosed(sent=Close(code=1009)):
                return UnexpectedAnswer(f"{self.name} sent a message of more than {MESSAGE_MAX_BYTES:,} bytes")
            case InvalidStatus(response=answer):
                return refused(answer.status_code, bytes(answer.body or b""), answer.headers.get("Retry-After"))
            case SecurityError() | ssl.SSLError():
                return Unreachable(f"{self.name} cannot be trusted: {_named(lost)}")
        return self._lost(lost)

    def _refusal(self, reason: str) -> ClientError:
        """What a close with 1008 means: a token that ran out is renewed where there is a way to."""
        if reason == TOKEN_EXPIRED and callable(self._token):
            return Unreachable(reason, retry_after_s=0)
        return refused_on_socket(reason)


def _message(frame: str | bytes) -> Message:
    try:
        said = parse(frame)
    except ProtocolError as fault:
        raise UnexpectedAnswer(f"a frame that is no message: {fault}") from None
    if isinstance(said, Refusal):
        raise refused_on_socket(said.error)
    return said


def _may_be_blocked(lost: Exception) -> bool:
    """Whether what befell a connection before its first message may be the doing of something on the way.

    Where nothing answers, the server is away; and some closes are its own word.
    """
    match lost:
        case ConnectionClosed(rcvd=Close(code=code)):
            return code not in CLOSES_OF_OURS
        case ConnectionClosed(sent=Close(code=1009)) | SecurityError():
            return False
    return isinstance(lost, ConnectionClosed | InvalidHandshake | TimeoutError)


def _address(base_url: str) -> SplitResult:
    with suppress(ValueError):
        parts = urlsplit(base_url.rstrip("/"))
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:  # an odd port raises here
            return parts
    raise ValueError("base_url wants http:// or https:// with a host")


def _named(fault: Exception) -> str:
    return str(fault) or type(fault).__name__


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
