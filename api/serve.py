"""Serving by Hypercorn: the listener, the log, the end, and what is mended in Hypercorn (`_mend`)."""

import asyncio
import logging
import os
import resource
import signal
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import h11
import hypercorn.asyncio.run
import hypercorn.protocol.h2
import hypercorn.protocol.h11
import hypercorn.protocol.ws_stream
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.logging import Logger
from hypercorn.protocol.events import Event, Request, StreamClosed
from hypercorn.protocol.ws_stream import WSStream

from actors.settings import Settings
from api import parts
from api.app import create_app
from api.observe import CLOSE_TIMEOUT_S, INBOUND_MAX_BYTES

BACKLOG = 1024
KEEP_ALIVE_S = 75.0
"""Above what load balancers wait (60 s), so that no request meets a connection that we are just closing."""
SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel holds for one client (it doubles this); by default 4 MiB pile up for one that does not read."""
USER_TIMEOUT_MS = 30_000
"""The kernel drops a connection whose peer takes nothing for so long."""
PROBE_AFTER_S, PROBE_EVERY_S, PROBES_MAX = 60, 10, 3
"""The kernel drops a connection whose peer has vanished after a minute and a half."""
LINGER_S = 1.0
"""A client whose body is refused has so long to notice."""
GRACE_S = 5.0
"""Requests and sockets have so long to end after SIGTERM; then their connections are dropped."""
EXIT_S = 9.0
"""Whatever has not ended then is abandoned."""

_LISTS = frozenset({b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol"})


class CannotListen(OSError):
    """The address cannot be listened on; the text is a sentence for people."""


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Accepted connections inherit what is set on it here (Linux).

    Raises:
        CannotListen: the port is taken, or the address is not this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    options = [
        (socket.SOL_SOCKET, "SO_REUSEADDR", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.SOL_SOCKET, "SO_SNDBUF", SEND_BUFFER_BYTES),
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", PROBE_AFTER_S),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", PROBE_EVERY_S),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES_MAX),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
    ]
    try:
        for level, option, value in options:
            if hasattr(socket, option):  # not every system knows them all
                listener.setsockopt(level, getattr(socket, option), value)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as fault:
        listener.close()
        where = f"{settings.host} port {settings.port}"
        raise CannotListen(f"cannot listen on {where}: {fault.strerror or fault}; PORT names another port") from None
    return listener


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then observers are sent away, requests end, and within ten seconds so do we."""
    _mend()
    _allow_many_connections()
    app, stopped = create_app(settings), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    async def shutdown() -> None:
        await stopped.wait()
        _exit_in_time()
        asyncio.get_running_loop().call_later(GRACE_S, _Connection.drop_all)
        parts.of(app).feed.stop()

    await hypercorn_serve(app, _config(listener), shutdown_trigger=shutdown)


def _config(listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.backlog = BACKLOG
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = GRACE_S + LINGER_S
    config.include_server_header = False
    config.websocket_max_message_size = INBOUND_MAX_BYTES
    config.logger_class = _Log
    config.accesslog = logging.getLogger("api.access")
    config.errorlog = logging.getLogger("api.server")
    return config


class _Log(Logger):
    """One line a request, without its query, where tokens may stand."""

    async def access(self, request: Any, response: Any, request_time: float) -> None:
        path = request["raw_path"].decode("ascii", "backslashreplace")
        status = response["status"] if response else "aborted"
        method = request.get("method", "SOCKET")
        host = (request.get("client") or ["-"])[0]
        logging.getLogger("api.access").info("%s %s %s %s %.3f s", host, method, path, status, request_time)


def _allow_many_connections() -> None:
    """A thousand observers and more: the usual soft limit is 1,024 files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _exit_in_time() -> None:
    """The last resort: a thread that waits for a silent Redis keeps no process alive."""
    last_resort = threading.Timer(EXIT_S, os._exit, [0])
    last_resort.daemon = True
    last_resort.start()


class _Connection(TCPServer):
    """Hypercorn's connection, with two habits of ours.

    A socket's handler finds the transport in its scope's state, to drop it when a close frame cannot pass. And
    a client whose body is refused still sends it: closed at once, it would be reset before it reads why.
    """

    _open: ClassVar[set[asyncio.WriteTransport]] = set()
    _lingers = False
    _own_task: asyncio.Task[Any] | None = None

    @classmethod
    def drop_all(cls) -> None:
        """End every connection, also of clients that read nothing any more: no close frame would reach them."""
        for transport in list(cls._open):
            transport.abort()

    async def run(self) -> None:
        self.state = self.state | {"transport": self.writer.transport}
        self._own_task = asyncio.current_task()
        self._open.add(self.writer.transport)
        try:
            await super().run()
        except asyncio.CancelledError:
            if not self._lingers:
                raise
        finally:
            self._open.discard(self.writer.transport)

    async def _close(self) -> None:
        protocol = getattr(self, "protocol", None)  # none yet where the client was gone at once
        connection = getattr(protocol and protocol.protocol, "connection", None)
        if self._lingers:  # `run` is about to end
            await self._drop_what_comes()
        elif getattr(connection, "their_state", None) is h11.SEND_BODY and self._own_task is not None:
            self._lingers = True
            self._own_task.cancel()  # it may wait for ever to hand on what nobody takes any more
            return
        await super()._close()

    async def _drop_what_comes(self) -> None:
        with suppress(OSError, RuntimeError, TimeoutError):
            self.writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                while await self.reader.read(64 * 1024):
                    pass


class _Stream(WSStream):
    """Hypercorn's socket, with three faults mended.

    It answers a frame that is too large with 1009, but then keeps all that still comes, and tells nobody. Bytes
    that are not ASCII in a list that it reads from the handshake are an exception to it, logged at length. And a
    handshake that it refuses itself leaves the connection open for ever.
    """

    async def handle(self, event: Event) -> None:
        if isinstance(event, Request):
            legible = [each for each in event.headers if each[0].lower() not in _LISTS or each[1].isascii()]
            event = replace(event, headers=legible)
        await super().handle(event)
        if isinstance(event, Request) and self.closed:
            await self.send(StreamClosed(stream_id=self.stream_id))

    async def _handle_events(self) -> None:
        told = self.buffer.length > self.buffer.max_length
        await super()._handle_events()
        if self.buffer.length > self.buffer.max_length:
            self.buffer.value = None
            if not told:
                self.task_group.spawn(self._disconnect)

    async def _disconnect(self) -> None:
        """Once the client has had the time to answer the close frame."""
        await self.context.sleep(CLOSE_TIMEOUT_S)
        if not self.closed and self.app_put is not None:
            await self.app_put({"type": "websocket.disconnect", "code": 1009})


def _mend() -> None:
    """Hypercorn has no settings for these.

    - No permessage-deflate: it costs 100 MB for a thousand observers.
    - A handler may drop its connection, and a refused body does not hide the answer.
    - A frame that is too large ends the connection, and costs no memory; a hostile handshake is no exception.
    """
    for module, name, ours in (
        (hypercorn.protocol.ws_stream, "server_extensions_handshake", lambda _offered, _known: None),
        (hypercorn.asyncio.run, "TCPServer", _Connection),
        (hypercorn.protocol.h11, "WSStream", _Stream),
        (hypercorn.protocol.h2, "WSStream", _Stream),
    ):
        assert hasattr(module, name), f"{module.__name__}.{name} has moved"
        setattr(module, name, ours)
