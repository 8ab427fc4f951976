"""A line between clients and servers that breaks: at any byte, at any moment, politely or not; or that stalls."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

CHUNK_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Carries connections, each to one of several servers.

    `lifetimes`: the power of two, at least and at most, of the bytes that a connection brings its client before it
    breaks in the middle of them; None: it breaks only when it is cut.
    """

    def __init__(self, ports: tuple[int, ...], chance: random.Random, lifetimes: tuple[float, float] | None) -> None:
        self.port = 0
        self.connections, self.broken = 0, 0
        self._ports, self._chance, self._lifetimes = ports, chance, lifetimes
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection now."""
        for end in self._open:
            self._break(end)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stand, and nothing passes."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One more connection."""
        self.connections += 1
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def close(self) -> None:
        """Cut everything, and leave nothing behind."""
        self.cut()
        await asyncio.gather(*self._carrying)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", self._chance.choice(self._ports))
                await self._join(reader, writer, there, back)
        finally:
            self._open.discard(writer)
            self._break(writer)

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        self._open.add(back)
        asking = asyncio.create_task(self._pass(reader, back))
        asking.add_done_callback(lambda _: self._break(back))
        try:
            await self._pass(there, writer, self._lifetime())
        finally:
            self._open.discard(back)
            asking.cancel()

    async def _pass(self, source: asyncio.StreamReader, into: asyncio.StreamWriter, left: int = 1 << 62) -> None:
        """Pass on what comes, `left` bytes at most."""
        with suppress(OSError):
            while left > 0 and (content := await source.read(CHUNK_BYTES)):
                await self._flows.wait()
                into.write(content[:left])
                await into.drain()
                left -= len(content)
        self.broken += left <= 0

    def _break(self, end: asyncio.StreamWriter) -> None:
        """Close it, or reset it without a word."""
        if self._chance.random() < 0.5:
            with suppress(OSError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()
        end.close()

    def _lifetime(self) -> int:
        return int(2 ** self._chance.uniform(*self._lifetimes)) if self._lifetimes else 1 << 62


@asynccontextmanager
async def proxy(
    *ports: int, chance: random.Random, lifetimes: tuple[float, float] | None = None
) -> AsyncIterator[Proxy]:
    """A line to the servers on these ports of loopback."""
    line = Proxy(ports, chance, lifetimes)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
