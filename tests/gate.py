"""A proxy before a server: calls pass, and with sockets it does what a test wants."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from bench.proxy import first_to_end

CHUNK_BYTES = 65_536
_UPGRADE = re.compile(rb"^(?:upgrade|connection):[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)


class Visit:
    """One connection to the gate, and the head of its first request."""

    def __init__(self, port: int, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head, self.reader, self.writer = head, reader, writer
        self._port = port

    async def say(self, status: str, *headers: str) -> None:
        """Answer instead of the server."""
        lines = [f"HTTP/1.1 {status}", "Content-Length: 2", "Connection: close", *headers, "", "no"]
        self.writer.write("\r\n".join(lines).encode())
        await self.writer.drain()

    async def wait_until_left(self) -> None:
        """Read what comes, and do nothing."""
        while await self.reader.read(CHUNK_BYTES):
            pass

    def cut(self) -> None:
        """Break it without a word."""
        self.writer.transport.abort()

    @asynccontextmanager
    async def forwarded(self, head: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """The server behind, which has been told `head`."""
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            back.write(head)
            yield there, back
        finally:
            back.transport.abort()
            with suppress(OSError):
                await back.wait_closed()


Treatment = Callable[[Visit], Awaitable[None]]
"""What becomes of a connection; it is broken off afterwards."""


async def passes(visit: Visit) -> None:
    """Both sides hear each other."""
    async with visit.forwarded(visit.head) as (there, back):
        await first_to_end(pour(visit.reader, back), pour(there, visit.writer))


async def strips(visit: Visit) -> None:
    """What asks for a socket is lost on the way, as by a proxy that knows of none."""
    async with visit.forwarded(_UPGRADE.sub(b"", visit.head)) as (there, back):
        await first_to_end(pour(visit.reader, back), pour(there, visit.writer))


async def hangs(visit: Visit) -> None:
    """No answer, ever."""
    await visit.wait_until_left()


async def resets(visit: Visit) -> None:
    """Broken off when it asks for a socket."""
    visit.cut()


async def cuts_the_opened(visit: Visit) -> None:
    """The socket opens, and is broken off before its first message."""
    async with visit.forwarded(visit.head) as (there, _):
        visit.writer.write(await there.readuntil(b"\r\n\r\n"))
        await visit.writer.drain()


async def swallows_the_opened(visit: Visit) -> None:
    """The socket opens, and nothing comes through."""
    async with visit.forwarded(visit.head) as (there, _):
        visit.writer.write(await there.readuntil(b"\r\n\r\n"))
        await visit.wait_until_left()


def answers(status: str, *headers: str) -> Treatment:
    """An answer from the way instead of a socket."""

    async def treatment(visit: Visit) -> None:
        await visit.say(status, *headers)

    return treatment


class Gate:
    """The proxy; its treatment of sockets and of calls may change at any moment."""

    def __init__(self, port: int, sockets: Treatment) -> None:
        self.sockets = sockets
        self.calls: Treatment = passes
        self.url = ""
        self.cursors: list[str | None] = []
        """The cursor that each socket brought."""
        self._port = port
        self._visits: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break every connection without a word."""
        for visit in self._visits:
            visit.cancel()

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.ensure_future(self._treat(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def close(self) -> None:
        self.cut()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _treat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                treatment = self.calls
                if b"\r\nUpgrade: websocket\r\n" in head:
                    treatment = self.sockets
                    query = urlsplit(head.decode().split()[1]).query
                    self.cursors.append(parse_qs(query).get("cursor", [None])[0])
                await treatment(Visit(self._port, head, reader, writer))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    """Carry what comes from one side to the other, until one of them leaves."""
    with suppress(OSError):
        while content := await source.read(CHUNK_BYTES):
            into.write(content)
            await into.drain()


@asynccontextmanager
async def gate_to(port: int, sockets: Treatment = passes) -> AsyncIterator[Gate]:
    """Stand before a server on this port."""
    gate = Gate(port, sockets)
    server = await asyncio.start_server(gate.enter, "127.0.0.1", 0)
    gate.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield gate
    finally:
        server.close()
        await gate.close()
