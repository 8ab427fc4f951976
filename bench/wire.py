"""As much of HTTP/1.1 as the bench's servers need, at little CPU: an asyncio protocol that parses by hand."""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, Protocol

HEAD_LIMIT_BYTES = 64 * 1024

_TARGET = re.compile(rb"([A-Z]+) ([^ ?]+)[^ ]* HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class Request(NamedTuple):
    """One request, whole."""

    method: str
    path: str
    head: bytes
    """From the request line to the last header's line end."""
    body: bytes

    def header(self, name: str) -> str:
        """A header's value; empty if it is not there."""
        found = re.search(rb"\r\n%s: *([^\r]*)" % name.encode(), self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""


class Site(Protocol):
    """Who answers."""

    def opened(self, connection: "Connection") -> None:
        """A client has connected."""

    def asked(self, connection: "Connection", request: Request) -> None:
        """Answer now or later by `connection.respond`; no other request of it comes before that."""

    def closed(self, connection: "Connection") -> None:
        """The client has gone, perhaps without its answer."""


class Connection(asyncio.Protocol):
    """One client: a request at a time, kept alive between them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._buffer = bytearray()
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._site.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Called by asyncio."""
        self._site.closed(self)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        self._read()

    def respond(self, status: int, headers: Mapping[str, str], body: bytes, *, cut: bool = False) -> None:
        """Send the answer as JSON. `cut`: only half of the body that the head promises, then the end."""
        reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
        lines = [f"HTTP/1.1 {status} {reason}", "content-type: application/json", f"content-length: {len(body)}"]
        head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "\r\n"]).encode()
        self._transport.write(head + (body[: len(body) // 2] if cut else body))
        self._busy = False
        if cut:
            self.close()
        elif self._buffer:
            self._read()

    def close(self) -> None:
        """Close once what was written is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _read(self) -> None:
        """Take one whole request out of the buffer, if it is there and none is being answered."""
        end = self._buffer.find(b"\r\n\r\n")
        if self._busy or self._transport.is_closing() or (end < 0 and len(self._buffer) <= HEAD_LIMIT_BYTES):
            return
        head = bytes(self._buffer[: end + 2])
        target, length = _TARGET.match(head), _LENGTH.search(head)
        if end < 0 or target is None or _CHUNKED.search(head):
            self.abort()
            return
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) >= whole:
            request = Request(target[1].decode(), target[2].decode(), head, bytes(self._buffer[end + 4 : whole]))
            del self._buffer[:whole]
            self._busy = True
            self._site.asked(self, request)
