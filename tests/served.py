"""The API as a process of its own, and small clients of it."""

import asyncio
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx2
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from actors.records import Claim, RowAddress
from actors.settings import Settings
from actors.store import key
from api.auth import mint
from protocol.messages import Row
from tests.jobs import OWNER, Bench, success

ROOT = Path(__file__).parent.parent
START_LIMIT_S = 30.0
LIMIT_S = 10.0
"""No single wait of a test is longer."""

Frame = dict[str, Any]


class Served:
    """`python -m api` on a port of its own."""

    def __init__(self, settings: Settings, log: Path, **environ: str) -> None:
        self.settings = settings
        self.log = log
        self.url = f"http://127.0.0.1:{settings.port}"
        self._environ = os.environ | {
            "TAGSTREAM_SECRET_KEY": settings.secret_key,
            "TAGSTREAM_HOST": "127.0.0.1",
            "PORT": str(settings.port),
            "REDIS_URL": settings.redis_url,
        } | environ  # fmt: skip

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api"], stdout=log, stderr=log, env=self._environ, cwd=ROOT
            )
        self.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT_S)

    def wait_until_ready(self) -> None:
        """Wait until Redis answers through the API."""
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                if httpx2.get(f"{self.url}/api/ready", timeout=2).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def token(self, subject: str = OWNER, ttl_s: float = 600) -> str:
        """A token for this API."""
        return mint(self.settings, subject, ttl_s)

    def client(self, subject: str = OWNER) -> httpx2.AsyncClient:
        """An HTTP client of `subject`."""
        headers = {"Authorization": f"Bearer {self.token(subject)}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=LIMIT_S)

    @asynccontextmanager
    async def observe(
        self, job_id: str, *, token: str | None = None, query: str = "", **options: Any
    ) -> AsyncIterator["Observer"]:
        """An observer of a job."""
        headers = {} if token == "" else {"Authorization": f"Bearer {token or self.token()}"}
        address = f"{self.url.replace('http', 'ws')}/api/batch/ws/{job_id}{query}"
        known = {"additional_headers": headers, "max_size": None, "open_timeout": LIMIT_S, "close_timeout": 1}
        async with connect(address, **known | options) as socket:
            yield Observer(socket)


class Observer:
    """Reads frames; every wait is bounded."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self) -> Frame:
        """The next frame."""
        return frame_of(await asyncio.wait_for(self.socket.recv(), LIMIT_S))

    async def until(self, kind: str) -> list[Frame]:
        """All frames up to one of this type."""
        frames = [await self.next()]
        while frames[-1].get("type") != kind:
            frames.append(await self.next())
        return frames

    async def rest(self) -> tuple[list[Frame], int | None, str | None]:
        """All frames until the socket closes, and how it closes."""
        frames: list[Frame] = []
        try:
            while True:
                frames.append(await self.next())
        except ConnectionClosed:
            return frames, self.socket.close_code, self.socket.close_reason


def frame_of(text: str | bytes) -> Frame:
    """A frame as a client sees it."""
    frame: Frame = msgspec.json.decode(text)
    return frame


def play(bench: Bench, job_id: str, count: int | None = None, end: Callable[[Claim], Row] = success) -> None:
    """Play the workers: end the rows of a job that are sent and those that come in their place, `count` at most."""
    run = bench.facts(job_id)["run"]
    rows = sorted(int(row) for row in bench.redis.hkeys(key(job_id, "rows")))
    queue = deque(RowAddress(job_id, run, row) for row in rows if bench.state(row, job_id)["s"] == "sent")
    while queue and (count is None or count > 0):
        claim = bench.claim(queue.popleft())
        queue.extend(bench.store.finish(claim, end(claim)))
        count = None if count is None else count - 1


def start_body(rows: int = 3, **changes: Any) -> dict[str, Any]:
    """The body of a start that will do."""
    documents = [{"file_path": f"https://example.org/{row}.pdf", "title": f"Title {row}"} for row in range(rows)]
    return {"documents": documents, "config": {}} | changes


def handshake(api: Served, job_id: str) -> bytes:
    """What opens a socket."""
    return (
        f"GET /api/batch/ws/{job_id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {api.token()}\r\n\r\n"
    ).encode()
