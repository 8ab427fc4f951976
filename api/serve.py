"""Serving by Hypercorn: the listener, the log and the end."""

import asyncio
import logging
import os
import resource
import signal
import socket
import threading
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from hypercorn.logging import Logger

from actors.settings import Settings
from api import parts
from api.app import create_app
from api.transport import LINGER_S, Connection, mend

BACKLOG = 1024
KEEP_ALIVE_S = 75.0
"""Above what load balancers wait (60 s), so that no request meets a connection that we are just closing."""
SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel holds for one client (it doubles this); by default 4 MiB pile up for one that does not read."""
USER_TIMEOUT_MS = 15_000
"""The kernel drops a connection whose peer takes nothing for so long."""
PROBE_AFTER_S, PROBE_EVERY_S, PROBES_MAX = 8, 3, 2
"""The kernel asks a silent peer whether it is there, and drops one that has vanished after 14 s. It stops asking when
there is something to send, and begins to count anew: all in all, a vanished peer is gone within 30 s."""
GRACE_S = 5.0
"""Requests and sockets have so long to end after SIGTERM; then their connections are dropped."""
EXIT_S = 9.0
"""Whatever has not ended then is abandoned."""


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
    mend(compression=settings.observer_compression)
    _allow_many_connections()
    app, stopped = create_app(settings), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    async def shutdown() -> None:
        await stopped.wait()
        _exit_in_time()
        asyncio.get_running_loop().call_later(GRACE_S, Connection.drop_all)
        parts.of(app).feed.stop()

    await hypercorn_serve(app, _config(listener), shutdown_trigger=shutdown)


def _config(listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.backlog = BACKLOG
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = GRACE_S + LINGER_S
    config.include_server_header = False
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
