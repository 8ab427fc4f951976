"""Scripts in a real browser: headless Chromium, on a page of the very origin where the API answers."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.needs import lacking

LIMIT_S = 30.0
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)
PAGE = """<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script>
{
  let told = Promise.resolve();
  const tell = (...said) => {
    const line = said.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join(" ");
    told = told.then(() => fetch("/console", { method: "POST", body: line, keepalive: true }));
  };
  console.log = console.error = tell;
  addEventListener("error", ({ message }) => tell("Uncaught", message));
}
</script>
<script>
SCRIPT
</script>
"""
"""What the script prints is sent home line by line, in order; the script itself stands there as it was given."""


def program() -> str:
    """The browser of this machine; without one the test ends."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    raise lacking("install chromium: apt-get install chromium")


class Page:
    """An origin: a page, what its script prints, and for all other addresses the API."""

    def __init__(self, script: str, api_port: int | None) -> None:
        self.lines: list[str] = []
        self._page = PAGE.replace("SCRIPT", script).encode()
        self._api_port = api_port
        self._printed = asyncio.Event()

    def shown(self, words: list[str]) -> str:
        """A list as its console shows it."""
        return json.dumps(words, separators=(",", ":"))

    async def until(self, start: str) -> None:
        """Wait until a line is printed that starts so."""
        await self.until_so(lambda lines: any(line.startswith(start) for line in lines))

    async def until_so(self, condition: Callable[[list[str]], bool]) -> None:
        """Wait until the lines are so."""
        async with asyncio.timeout(LIMIT_S):
            while not condition(self.lines):
                self._printed.clear()
                await self._printed.wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one request."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1]
            if path == b"/":
                writer.write(_answer(self._page))
            elif path == b"/console":
                self._print((await reader.readexactly(_length(head))).decode())
                writer.write(_answer(b""))
            elif self._api_port is not None:
                await self._ask_the_api(head, reader, writer)
            await writer.drain()
        writer.close()

    def _print(self, line: str) -> None:
        self.lines.append(line)
        self._printed.set()

    async def _ask_the_api(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests without a body; the answer comes as it is, and whoever ends ends it for both."""
        there, back = await asyncio.open_connection("127.0.0.1", self._api_port)
        gone = asyncio.create_task(reader.read())
        gone.add_done_callback(lambda _: back.transport.abort())
        back.write(head.replace(b"Connection: keep-alive", b"Connection: close"))
        try:
            while content := await there.read(65_536):
                writer.write(content)
                await writer.drain()
        finally:
            gone.cancel()
            writer.transport.abort()


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _length(head: bytes) -> int:
    lines = head.decode("latin1").lower().split("\r\n")
    return next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))


@asynccontextmanager
async def page(script: str, folder: Path, api_port: int | None = None) -> AsyncIterator[Page]:
    """Open a page with this script in a browser of its own, whose profile lies in `folder`."""
    shown = Page(script, api_port)
    async with await asyncio.start_server(shown.answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        command = [program(), *FLAGS, f"--user-data-dir={folder}", f"http://127.0.0.1:{port}/"]
        with (folder.parent / f"{folder.name}.log").open("wb") as log:
            browser = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield shown
        finally:
            with suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGKILL)
            await browser.wait()
