"""A document host for the bench: a real HTTP server that hands out distinct PDFs.

    GET /0.pdf ... /199.pdf     the documents
    GET /stats                  {"served": how many were handed out}

It shares its cores with what is measured: every answer is made beforehand and sent with one write.

    python -m bench.host --documents 200 --pages 3
"""

import argparse
import asyncio
import signal
import sys

from bench.documents import text_pdf

HEAD_LIMIT_BYTES = 16 * 1024
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Shelf:
    """The documents by path, as whole answers."""

    def __init__(self, documents: int, pages: int) -> None:
        self._answers = {
            f"/{number}.pdf".encode(): _answer(text_pdf(number, pages), b"application/pdf")
            for number in range(documents)
        }
        self._served = 0

    def answer(self, path: bytes) -> bytes:
        """What is sent for a path."""
        if path == b"/stats":
            return _answer(b'{"served": %d}' % self._served, b"application/json")
        found = self._answers.get(path)
        self._served += found is not None
        return found or _NOT_FOUND


def _answer(body: bytes, content_type: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (content_type, len(body), body)


class _Connection(asyncio.Protocol):
    """One client: GETs without a body, kept alive."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            _, path, *_ = [*self._buffer[:end].split(b" ", 2), b"", b""]
            self._buffer = self._buffer[end + 4 :]
            self._transport.write(self._shelf.answer(path))
        if len(self._buffer) > HEAD_LIMIT_BYTES:
            self._transport.abort()


async def serve(shelf: Shelf) -> None:
    """Run until SIGTERM, SIGINT or the end of standard input; the first line printed is the origin."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    server = await loop.create_server(lambda: _Connection(shelf), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    loop.remove_reader(sys.stdin.fileno())
    server.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.host", description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--pages", type=int, default=3)
    asked = parser.parse_args()
    asyncio.run(serve(Shelf(asked.documents, asked.pages)))


if __name__ == "__main__":
    main()
