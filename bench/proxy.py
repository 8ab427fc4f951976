"""A TCP proxy of the bench's own: what passes through it can be cut, or kept out, at any moment."""

import asyncio
import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 256 * 1024

_Link = tuple[asyncio.WriteTransport, asyncio.WriteTransport]


class Proxy:
    """Stands on a port of loopback before the server on `target_port`, which may change."""

    def __init__(self, target_port: int = 0) -> None:
        self.target_port = target_port
        self.port = 0
        self.cuts = 0
        """Connections that were broken off."""
        self._shut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._links: set[_Link] = set()
        self._visits: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.shut()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def cut(self, chance: random.Random) -> None:
        """Break one connection off, without a word to either side."""
        if self._links:
            self._break(chance.choice(sorted(self._links, key=id)))

    def shut(self) -> None:
        """Break all connections off, and let nobody in."""
        self._shut = True
        for link in list(self._links):
            self._break(link)

    def stall(self) -> None:
        """Connections stand, also new ones, and nothing comes through."""
        self._flows.clear()

    def reopen(self) -> None:
        """Let everybody in again."""
        self._shut = False
        self._flows.set()

    def _break(self, link: _Link) -> None:
        self.cuts += 1
        self._links.discard(link)
        for side in link:
            side.abort()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.ensure_future(self._carry(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        link = (writer.transport, back.transport)
        self._links.add(link)
        if self._shut:
            self._break(link)
        try:
            await first_to_end(self._pour(reader, back), self._pour(there, writer))
        finally:
            self._links.discard(link)
            writer.close()
            back.close()

    async def _pour(self, source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
        """Carry what comes from one side to the other, until one of them leaves."""
        with suppress(OSError):
            while content := await source.read(CHUNK_BYTES):
                await self._flows.wait()
                into.write(content)
                await into.drain()


async def first_to_end(*ways: Awaitable[None]) -> None:
    """Go on until one of them ends."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
