"""Connections of Hypercorn, with habits of ours for which it has no settings.

Connection      one client's, in the place of `TCPServer`
Socket          an observer's, in the place of `WSStream`
Conversation    the same on Quart's side
mend            puts the first two, and `intake.Exchange`, where Hypercorn looks for its own
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, cast

import h11
import hypercorn.asyncio.run
import hypercorn.protocol
import hypercorn.protocol.h11
import hypercorn.protocol.ws_stream
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import EventWrapper
from hypercorn.events import Closed as ConnectionClosed
from hypercorn.events import RawData
from hypercorn.protocol.events import Body, Data, Event, Request, StreamClosed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.typing import ConnectionState as State
from hypercorn.typing import WebsocketScope
from quart import Quart
from quart.asgi import ASGIWebsocketConnection
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Message, Ping
from wsproto.frame_protocol import CloseReason

from api.intake import Exchange

INBOUND_MAX_BYTES = 4096
"""Observers only listen; what they send is dropped up to here, and ends the connection beyond."""
INBOUND_BYTES_PER_S = 32 * 1024
INBOUND_READ_BYTES = 1024
"""An observer that floods is read no faster: the kernel makes it wait, and everybody else is served."""
INBOUND_FRAME_BYTES = 256
"""What a frame, or a segment, counts as besides its bytes: many tiny ones are the most work."""
CLOSE_TIMEOUT_S = 1.0
GONE_S = 1.0
"""Who goes while a request of theirs waits for its turn is noticed after so long."""
LINGER_S = 1.0
"""A client whose body is refused has so long to notice."""

_SILENCE: asyncio.Queue[Any] = asyncio.Queue()
_LISTS = frozenset({b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol"})


class Connection(TCPServer):
    """Hypercorn's connection, with three habits of ours.

    A stream's handler finds it in its scope's state, to write past what is encoded for each client alone, or to
    drop it. What an observer says is read slowly. And a client whose body is refused still sends it: closed at
    once, it would be reset before it reads why.
    """

    _open: ClassVar[set["Connection"]] = set()
    _lingers = _over = False
    _own_task: asyncio.Task[Any] | None = None

    @classmethod
    def drop_all(cls) -> None:
        """End every connection, also of clients that read nothing any more: no close frame would reach them."""
        for connection in list(cls._open):
            connection.writer.transport.abort()

    def cut_off(self) -> None:
        """Reset: a close frame cannot pass what waits to be sent, and the kernel shall drop that too."""
        with suppress(OSError):
            peer = self.writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def run(self) -> None:
        self.state = State(self.state | {"connection": self})
        self._own_task = asyncio.current_task()
        self._open.add(self)
        try:
            await super().run()
            await asyncio.sleep(0)  # where `_close` came too late to cut anything short, its cancellation ends here
        except asyncio.CancelledError:
            if not self._lingers:
                raise
        finally:
            self._open.discard(self)
            self._forget()

    def _forget(self) -> None:
        """Let go of what holds us: a thousand observers that leave shall not wait for the collector of cycles."""
        self._own_task = None
        self.state.pop("connection", None)
        self.__dict__.pop("protocol", None)
        if self.writer.transport.is_closing():  # it reads no more; asyncio lets it hold a method of its own
            vars(self.writer.transport).pop("_read_ready_cb", None)

    async def protocol_send(self, event: Any) -> None:
        if isinstance(event, RawData) and self.writer.transport.is_closing():
            await self.protocol.handle(ConnectionClosed())
            await asyncio.sleep(0)  # who has much to say is told before the next piece
        else:
            await super().protocol_send(event)

    async def _read_data(self) -> None:
        self._http.can_read = Turn(self.reader)
        with suppress(OSError):
            while not self.reader.at_eof():
                observer = self._observer()
                data = await self.reader.read(INBOUND_READ_BYTES if observer else 2**16)
                await self.protocol.handle(RawData(data))
                if observer:
                    await asyncio.sleep((len(data) + observer.weight()) / INBOUND_BYTES_PER_S)
        await self.protocol.handle(ConnectionClosed())
        self._over = True
        await self.idle_task.stop()

    async def _idle_timeout(self) -> None:
        if not self._over:  # else it would hold what is over until its time is up
            await super()._idle_timeout()

    @property
    def _http(self) -> H11Protocol:
        return cast("H11Protocol", self.protocol.protocol)

    def _observer(self) -> "Socket | None":
        return self._http.stream if isinstance(self._http.stream, Socket) else None

    async def _close(self) -> None:
        protocol = getattr(self, "protocol", None)  # none yet where the client was gone at once
        connection = getattr(protocol and protocol.protocol, "connection", None)
        if self._lingers:  # `run` is about to end
            await self._drop_what_comes()
        elif getattr(connection, "their_state", None) is h11.SEND_BODY and self._own_task is not None:
            self._lingers = True
            self._own_task.cancel()  # it may wait for ever to hand on what nobody takes any more
            return
        with suppress(OSError):  # the peer had vanished; there is nobody to tell
            await super()._close()

    async def _drop_what_comes(self) -> None:
        with suppress(OSError, RuntimeError, TimeoutError):
            self.writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                while await self.reader.read(64 * 1024):
                    pass


class Http(H11Protocol):
    """HTTP/1.1 alone: of HTTP/2, before anybody has shown a token, five floods of small frames silence the process."""

    async def _check_protocol(self, event: Any) -> None:
        """An upgrade to HTTP/2 is not seen, and its preface is a request like others: a bad one."""


class Turn(EventWrapper):
    """When the request behind the present one may be read: Hypercorn hears nothing from the client until then."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._reader = reader

    async def wait(self) -> None:
        """Raises: ConnectionResetError, when the client has gone."""
        while not self.is_set():
            if getattr(self._reader, "_eof", False) or self._reader.exception():  # `at_eof` looks behind what waits
                raise ConnectionResetError
            with suppress(TimeoutError):
                async with asyncio.timeout(GONE_S):
                    await super().wait()


class Socket(WSStream):
    """Hypercorn's socket, as a socket of observers.

    What a client says goes no further than here: a frame that is too large ends the connection, all others are
    dropped. Bytes that are not ASCII in a list that Hypercorn reads from the handshake are an exception to it,
    logged at length, and a handshake that it refuses itself leaves the connection open for ever, as do words before
    the answer to it: neither here.
    """

    compresses: ClassVar[bool] = False
    """Whether permessage-deflate is agreed on with clients that offer it."""
    handler: asyncio.Task[Any] | None = None
    """Serves the client; it is cancelled when the client goes."""
    _heard = _heard_bytes = 0
    _deaf = False

    async def handle(self, event: Event) -> None:
        if isinstance(event, Request):
            legible = [each for each in event.headers if each[0].lower() not in _LISTS or each[1].isascii()]
            event = replace(event, headers=legible, state=State(event.state | {"socket": self}))
        if isinstance(event, Body | Data) and not self.closed and not self.handshake.accepted:
            self.closed = True  # before anything is sent: the app may accept at any moment
            await self._send_error_response(400)
        else:
            await super().handle(event)
        if isinstance(event, StreamClosed):
            self._dismiss()
            self._forget()
        elif self.closed and not self.handshake.accepted:
            await self.send(StreamClosed(stream_id=self.stream_id))

    def _forget(self) -> None:
        """As the connection: wsproto's parser holds itself, by a generator that waits for more.

        In Python 3.13.0 it does so even when that is closed.
        """
        if self.handshake.accepted:
            self.connection._proto._parse_more = iter(())  # type: ignore[assignment] # noqa: SLF001 - nothing is parsed any more

    @property
    def plain(self) -> bool:
        """Whether a text frame on the wire is the same for this client as for all: where nothing is compressed."""
        return not (self.compresses and self.handshake.extensions)

    @property
    def is_open(self) -> bool:
        """Whether a frame may be sent: neither side has said that it closes."""
        return not self.closed and self.handshake.accepted and self.connection.state is ConnectionState.OPEN

    def weight(self) -> int:
        """What hearing it since the last call, and each frame, count as, in bytes."""
        heard, self._heard = self._heard, 0
        return (1 + heard) * INBOUND_FRAME_BYTES

    async def _handle_events(self) -> None:
        ping: Ping | None = None
        for event in self.connection.events():
            self._heard += 1
            if isinstance(event, Message):
                await self._drop(event)
            elif isinstance(event, Ping):
                ping = event
            elif isinstance(event, CloseConnection):
                if self.connection.state is ConnectionState.REMOTE_CLOSING:
                    await self._send_wsproto_event(event.response())
                await self.send(StreamClosed(stream_id=self.stream_id))
        if ping is not None:  # the last of those that came together is answered for all (RFC 6455 §5.5.3)
            await self._send_wsproto_event(ping.response())

    async def _drop(self, said: Message[Any]) -> None:
        if self._deaf:
            return
        self._heard_bytes += len(said.data.encode() if isinstance(said.data, str) else said.data)
        if self._heard_bytes > INBOUND_MAX_BYTES:
            self._deaf = True
            reason = f"observers may send {INBOUND_MAX_BYTES} bytes at most"
            await self._send_wsproto_event(CloseConnection(code=CloseReason.MESSAGE_TOO_BIG, reason=reason))
            self.task_group.spawn(self._disconnect)
        if said.message_finished:
            self._heard_bytes = 0

    async def _disconnect(self) -> None:
        """Once the client has had the time to answer the close frame."""
        await self.context.sleep(CLOSE_TIMEOUT_S)
        self._dismiss()

    def _dismiss(self) -> None:
        if self.handler is not None:  # perhaps it is this task, which found that its client has gone
            self.handler.cancel()


class Conversation(ASGIWebsocketConnection):
    """Quart's side of a socket on which nothing is received: no queue, and no task for either direction."""

    def __init__(self, app: Quart, scope: WebsocketScope) -> None:
        self.app, self.scope, self.queue = app, scope, _SILENCE
        self._accepted = self._closed = False

    async def __call__(self, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI
        stream: Socket = self.scope["state"]["socket"]
        if stream.closed:  # the client went before this began: nobody would end it
            return
        stream.handler = asyncio.current_task()
        try:
            await self.handle_websocket(self._create_websocket_from_scope(send), send)
        finally:
            stream.handler = None
            self.scope["state"].clear()  # it holds the stream, which holds it


def mend(*, compression: bool) -> None:
    """Put ours in the place of Hypercorn's; without `compression`, permessage-deflate is agreed on with nobody."""
    Socket.compresses = compression
    places: list[tuple[Any, str, Any]] = [
        (hypercorn.asyncio.run, "TCPServer", Connection),
        (hypercorn.protocol.h11, "WSStream", Socket),
        (hypercorn.protocol.h11, "HTTPStream", Exchange),
        (hypercorn.protocol, "H11Protocol", Http),
    ]
    if not compression:
        places.append((hypercorn.protocol.ws_stream, "server_extensions_handshake", lambda _offered, _known: None))
    for module, name, ours in places:
        assert hasattr(module, name), f"{module.__name__}.{name} has moved"
        setattr(module, name, ours)
