"""A message on its way to observers: encoded once, and the same bytes are sent to all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

PIECE_BYTES = 64 * 1024
"""A large message goes out in pieces of this size, so that others get their turn between any two of them."""

_TEXT = 0x81
"""The first byte of a text frame that is the whole message (RFC 6455 §5.2)."""


@dataclass(frozen=True)
class Frame:
    """One message as JSON, in the dress of either wire."""

    body: bytes
    """One line of JSON."""
    cursor: str | None = None
    """What a client that heard this goes on behind; None: it changes nothing."""

    @property
    def size_bytes(self) -> int:
        """What it weighs while it waits."""
        return len(self.body)

    @property
    def is_large(self) -> bool:
        """Whether it goes out in pieces."""
        return len(self.body) > PIECE_BYTES

    @cached_property
    def as_socket_frame(self) -> bytes:
        """The whole WebSocket frame; a server's are not masked, so it is the same for all (RFC 6455 §5.1)."""
        return _head(len(self.body)) + self.body

    def socket_pieces(self) -> Iterator[bytes | memoryview]:
        """The WebSocket frame in pieces; those of a large one are views of the one body."""
        if self.is_large:
            yield _head(len(self.body))
            yield from _pieces(self.body)
        else:
            yield self.as_socket_frame

    def event_pieces(self) -> Iterator[bytes]:
        """The message as an unnamed Server-Sent Event, in pieces."""
        head = f"id: {self.cursor}\ndata: ".encode() if self.cursor else b"data: "
        if self.is_large:
            yield head
            yield from map(bytes, _pieces(self.body))
            yield b"\n\n"
        else:
            yield head + self.body + b"\n\n"


def _head(size_bytes: int) -> bytes:
    """What stands before the payload of a text frame (RFC 6455 §5.2)."""
    if size_bytes < 126:
        return bytes((_TEXT, size_bytes))
    if size_bytes < 1 << 16:
        return bytes((_TEXT, 126)) + size_bytes.to_bytes(2, "big")
    return bytes((_TEXT, 127)) + size_bytes.to_bytes(8, "big")


def _pieces(body: bytes) -> Iterator[memoryview]:
    view = memoryview(body)
    return (view[start : start + PIECE_BYTES] for start in range(0, len(body), PIECE_BYTES))
