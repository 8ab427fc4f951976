"""Bodies that are taken in piece by piece: the network waits where we do, and nothing is whole in memory.

Intake      Quart's side of a request: it reads no further ahead than `AHEAD_MAX_BYTES`
Exchange    Hypercorn's: what comes after the answer is dropped in peace
Multipart   the parts of a body, one after the other, each as it arrives
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, NamedTuple

from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ASGIReceiveCallable
from quart import Request
from quart.asgi import ASGIHTTPConnection
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, NeedData

from api.multipart import PIECE_BYTES, Decoder, declared
from protocol.requests import MalformedBody

STREAMED = frozenset({"/api/uploads", "/api/single/process"})
"""The routes that read their bodies in pieces, and look after their size themselves."""
AHEAD_MAX_BYTES = 256 * 1024
PATIENCE_S, PATIENCE_BYTES = 30.0, 10_000
"""So long is waited for so many bytes: who sends nothing has gone, and who drips keeps a place from others."""


class StreamedBody(Body):
    """A body that is iterated over; whoever fills it waits for `room`. Nothing is read ahead before somebody asks."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self._room = asyncio.Event()
        self._room.set()
        self._ahead_max_bytes = 0
        self._is_over = False

    def append(self, data: bytes) -> None:
        """Take in what has arrived."""
        if self._is_over:
            return
        super().append(data)
        if len(self._data) >= self._ahead_max_bytes:
            self._room.clear()

    async def __anext__(self) -> bytes:
        """All that has arrived since."""
        self._ahead_max_bytes = AHEAD_MAX_BYTES
        data = await super().__anext__()
        self._room.set()
        return data

    async def room(self) -> None:
        """Wait until more may come."""
        await self._room.wait()

    def drop(self) -> None:
        """The answer is known: what still comes is dropped. Left waiting, it would hold the connection for ever."""
        self._is_over = True
        self._room.set()


class StreamedRequest(Request):
    """A request whose route may be one of those that stream."""

    def __init__(self, method: str, scheme: str, path: str, *args: Any, **known: Any) -> None:
        super().__init__(method, scheme, path, *args, **known)
        if path in STREAMED:
            self.body = StreamedBody()


class Intake(ASGIHTTPConnection):
    """Takes a request in, no faster than it is read where its body is streamed."""

    async def handle_messages(self, request: Request, receive: ASGIReceiveCallable) -> None:
        """Until the client has gone."""
        body = request.body
        if not isinstance(body, StreamedBody):
            await super().handle_messages(request, receive)
            return
        while (message := await receive())["type"] == "http.request":
            body.append(message.get("body", b""))
            if message.get("more_body", False):
                await body.room()
            else:
                body.set_complete()


class Exchange(HTTPStream):
    """A request and its answer. What comes after the answer is skipped, and others have their turn in between."""

    async def handle(self, event: StreamEvent) -> None:
        if self.closed:
            await asyncio.sleep(0)
        else:
            await super().handle(event)


class Part(NamedTuple):
    """One part of a multipart body."""

    field: str
    file_name: str | None
    """None: it is no file."""
    media_type: str
    """As its own `Content-Type` declares it, likewise the next."""
    charset: str | None
    chunks: AsyncGenerator[bytes, None]
    """Its content; what is left unread is skipped."""


class Multipart:
    """A multipart body as it arrives."""

    def __init__(self, body: AsyncIterator[bytes], boundary: str, parts_max: int) -> None:
        self._body = body
        self._decoder = Decoder(boundary.encode(), parts_max + 1)
        self._arrived = memoryview(b"")
        self._be_patient()

    async def parts(self) -> AsyncIterator[Part]:
        """Its parts.

        Raises:
            MalformedBody: it is no such body; also while a part's content is read.
            RequestTimeout: it came more slowly than `PATIENCE_BYTES` in `PATIENCE_S`; likewise.
        """
        while not isinstance(event := await self._next(), Epilogue):
            if isinstance(event, File | Field):
                file_name = event.filename if isinstance(event, File) else None
                yield Part(event.name or "", file_name, *declared(event.headers), self._content())

    async def _content(self) -> AsyncGenerator[bytes, None]:
        more = True
        while more:
            event = await self._next()
            if not isinstance(event, Data):
                raise MalformedBody("a part of the body has no content")
            more = event.more_data
            if event.data:
                yield event.data

    async def _next(self) -> Event:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._decoder.receive_data(await self._piece())
        except (ValueError, RequestEntityTooLarge):
            raise MalformedBody("the body is not multipart/form-data as its type says, or breaks off") from None
        return event

    async def _piece(self) -> bytes | None:
        """What has arrived, in pieces that the decoder likes; None: that was all."""
        if not self._arrived:
            self._arrived = memoryview(await self._wait())
        piece, self._arrived = self._arrived[:PIECE_BYTES], self._arrived[PIECE_BYTES:]
        return bytes(piece) or None

    async def _wait(self) -> bytes:
        """What comes next; only the time counts in which we wait for the client."""
        asked_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._patience_s):
                data = await anext(self._body, b"")
        except TimeoutError:
            raise RequestTimeout from None
        self._patience_s -= asyncio.get_running_loop().time() - asked_at
        self._wanted_bytes -= len(data)
        if self._wanted_bytes <= 0:
            self._be_patient()
        return data

    def _be_patient(self) -> None:
        self._patience_s, self._wanted_bytes = PATIENCE_S, PATIENCE_BYTES
