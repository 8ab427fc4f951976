"""What goes out to one observer, past what would encode it for each: bytes that are the same for all."""

import asyncio
from contextlib import suppress

from api.frames import Frame
from api.transport import Connection, Socket

PIECE_TIMEOUT_S = 10.0


class Line:
    """What goes out to one observer, past Quart and Hypercorn: frames that are the same bytes for all.

    Only for a socket that is `plain`.
    """

    def __init__(self, stream: Socket, connection: Connection) -> None:
        self._stream, self._connection = stream, connection
        self._transport = connection.writer.transport

    def offer(self, frame: Frame) -> bool:
        """Send at once, where nothing else waits to be sent and the kernel has room; False: not now."""
        if self._transport.get_write_buffer_size() or self._transport.is_closing() or not self._stream.is_open:
            return False
        self._transport.write(frame.as_socket_frame)
        return True

    async def send(self, frame: Frame) -> None:
        """Send as fast as the client reads; nothing where it has gone: its handler is told in another way.

        Raises:
            TimeoutError: it did not take even one piece within `PIECE_TIMEOUT_S`.
        """
        async with self._connection.send_lock:  # no pong between the pieces of a frame
            if not self._stream.is_open:
                return
            try:
                with suppress(ConnectionError, RuntimeError):
                    await self._write(frame)
            except (TimeoutError, asyncio.CancelledError):
                if frame.is_large:  # a close would be taken for the rest of it
                    self._connection.cut_off()
                raise

    async def _write(self, frame: Frame) -> None:
        writer = self._connection.writer
        for piece in frame.socket_pieces():
            writer.write(piece)
            async with asyncio.timeout(PIECE_TIMEOUT_S):
                await writer.drain()
            if frame.is_large:
                await asyncio.sleep(0)
