"""As much of WebSockets (RFC 6455) as a cheap observer needs: asking for one, and reading what a server sends."""

import base64
import secrets
from collections.abc import Iterator
from typing import NamedTuple

TEXT, CLOSE = 0x1, 0x8
KEPT_BYTES = 4 * 1024
"""What is kept of a frame: enough to recognise it."""
LARGE_BYTES = 64 * 1024
"""Larger frames are not gathered; only their beginning is looked at."""


class Frame(NamedTuple):
    """One frame, whole."""

    opcode: int
    beginning: bytes
    """The first `KEPT_BYTES` of its payload, or fewer."""
    size_bytes: int
    """Of the whole payload."""


def upgrade(path: str, token: str = "") -> bytes:
    """The request that opens a socket."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "host: bench", "connection: upgrade", "upgrade: websocket"]
    lines += ["sec-websocket-version: 13", f"sec-websocket-key: {key}"]
    lines += [f"authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "\r\n"]).encode()


class Frames:
    """Takes a server's bytes as they come, and gives its frames. Servers neither mask nor split what ours send."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._large = Frame(0, b"", 0)
        self._missing_bytes = 0
        """Of the large frame that is coming in."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole with these bytes. Use it up before the next call."""
        if self._missing_bytes:
            taken = min(self._missing_bytes, len(data))
            self._missing_bytes -= taken
            if self._missing_bytes:
                return
            yield self._large
            data = data[taken:]
        self._buffer += data
        yield from self._whole()

    def _whole(self) -> Iterator[Frame]:
        buffer = self._buffer
        while (place := _place(buffer)) is not None:
            start, end = place
            frame = Frame(buffer[0] & 0x0F, bytes(buffer[start : min(end, start + KEPT_BYTES)]), end - start)
            if len(buffer) >= end:
                del buffer[:end]
                yield frame
            elif frame.size_bytes > LARGE_BYTES:
                self._large, self._missing_bytes = frame, end - len(buffer)
                buffer.clear()
            else:
                return


def _place(buffer: bytearray) -> tuple[int, int] | None:
    """Where the payload of the first frame begins and ends; None: its head is not whole."""
    if len(buffer) < 2:
        return None
    size = buffer[1] & 0x7F
    width = {126: 2, 127: 8}.get(size, 0)
    start = 2 + width
    if len(buffer) < start:
        return None
    return start, start + (int.from_bytes(buffer[2:start], "big") if width else size)
