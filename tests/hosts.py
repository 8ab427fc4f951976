"""Other people's web servers, good and hostile: real ones, on loopback; and fetching from them."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from actors.errors import DocumentError
from actors.fetch import Fetcher
from actors.settings import PrivateSources, Settings
from protocol.requests import Document
from protocol.words import SourceType
from tests.conftest import SECRET_KEY

LIMIT_S = 20
LOOPBACK = PrivateSources(networks=(ipaddress.ip_network("127.0.0.0/8"),))
OPEN = Settings(secret_key=SECRET_KEY, private_sources=LOOPBACK, fetch_max_bytes=1_000_000, fetch_timeout_s=LIMIT_S)

Answer = Callable[["Conversation"], Awaitable[None]]


class Conversation(asyncio.Protocol):
    """One connection to a host: each request head is answered, byte by byte, until the client leaves."""

    def __init__(self, its: "Host") -> None:
        self._host = its
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = b""
        self.path = ""
        """What the last request asks for."""
        self._answering: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Send, as fast as the client reads."""
        self._transport.write(data)
        await self._writable.wait()

    def hang_up(self) -> None:
        """End the connection in the middle of whatever was said."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._host.conversations.append(self)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        if end:
            self._heard = rest
            self._host.heads.append(head.decode())
            self.path = head.decode().split()[1]
            self._answering = asyncio.ensure_future(self._host.answer(self))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, _: Exception | None) -> None:
        if self._answering is not None:
            self._answering.cancel()
        self._host.left.set()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()


class Host:
    """A server; it remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heads: list[str] = []
        """The request heads, in order."""
        self.conversations: list[Conversation] = []
        self.left = asyncio.Event()
        """A connection is over."""
        self.port = 0

    def url(self, path: str = "/document.pdf", name: str = "127.0.0.1") -> str:
        """Where something lies on this host."""
        return f"http://{name}:{self.port}{path}"


@asynccontextmanager
async def host(answer: Answer) -> AsyncIterator[Host]:
    """Serve on a free port of loopback."""
    it = Host(answer)
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(it), "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for conversation in it.conversations:
            conversation.abort()
        await server.wait_closed()


def says(body: bytes = b"%PDF-", status: str = "200 OK", **headers: str) -> Answer:
    """The same answer to everything; `Retry_After="3"` becomes a header."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    whole = "\r\n".join([*lines, "", ""]).encode() + body

    async def answer(conversation: Conversation) -> None:
        await conversation.send(whole)

    return answer


def leads(where: Callable[[str], str], status: str = "302 Found") -> Answer:
    """Redirects: from each path to where the function says."""

    async def answer(conversation: Conversation) -> None:
        target = where(conversation.path)
        await conversation.send(f"HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())

    return answer


@asynccontextmanager
async def fetcher(settings: Settings = OPEN) -> AsyncIterator[Fetcher]:
    it = Fetcher(settings)
    try:
        yield it
    finally:
        await it.close()


def document(path: str, source: SourceType = SourceType.URL) -> Document:
    return Document(title="A document", file_path=path, file_source_type=source)


async def refusal(url: str, settings: Settings = OPEN) -> DocumentError:
    """What fetching ends with, when it must not succeed."""
    async with fetcher(settings) as fetching:
        with pytest.raises(DocumentError) as caught:
            await fetching.fetch(document(url))
    return caught.value
