"""One batch from `POST /start` to its ending, seen by an observer on the socket."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench.report import Broken
from bench.rig import Rig
from protocol.messages import Catchup, Completed, Ending, Message, Progress, Refusal, parse
from protocol.words import DocumentStatus

START_TIMEOUT_S = 60.0
BATCH_LIMIT_S = 600.0
"""A batch that has not ended by then never will."""
MESSAGE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Observed:
    """What one observer saw of a job."""

    messages: int = 0
    endings: Counter[int] = field(default_factory=Counter)
    """How often each row ended, by `row_id`."""
    waits: int = 0
    """Messages about a row that waits for its next attempt."""
    delays_ms: list[float] = field(default_factory=list)
    """Of rows that ended under its eyes: from the commit, by the event's id, to the observer."""
    ending: Ending | None = None

    def take(self, message: Message) -> None:
        """Note one message."""
        self.messages += 1
        if isinstance(message, Catchup):
            self.endings.update(row.row_id for row in message.results)
        elif isinstance(message, Progress):
            self._progress(message)
        elif isinstance(message, Ending):
            self.ending = message

    def _progress(self, message: Progress) -> None:
        self.waits += message.status is DocumentStatus.PENDING
        if message.status.final:
            self.endings[message.row_id] += 1
            self.delays_ms.append(time.time() * 1000 - committed_ms(message.cursor or ""))

    def check(self, documents: int) -> None:
        """Raise Broken unless every row ended exactly once, with success."""
        lost = [row for row in range(documents) if not self.endings[row]]
        doubled = [row for row, times in self.endings.items() if times > 1]
        if lost or doubled:
            raise Broken(f"rows lost: {lost}; rows that ended more than once: {doubled}")
        if not isinstance(self.ending, Completed) or self.ending.processed_count != str(documents):
            raise Broken(f"{documents} documents ended with {self.ending}")


def committed_ms(cursor: str) -> int:
    """When the event was written, in ms since 1970 by Redis's clock, cut to whole ones; a cursor is `run.ms-seq`."""
    return int(cursor.partition(".")[2].partition("-")[0])


class Caller:
    """Speaks HTTP to the rig's API."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._headers = {"Authorization": f"Bearer {rig.token}"}
        self.http = httpx2.AsyncClient(
            base_url=rig.stack.url, headers=self._headers, timeout=START_TIMEOUT_S, trust_env=False
        )

    async def start(self, body: bytes) -> str:
        """Start a batch; its job id."""
        answer = await self.http.post("/api/batch/start", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 202:
            raise Broken(f"POST /api/batch/start: {answer.status_code} {answer.text[:500]}")
        return str(msgspec.json.decode(answer.content, type=dict[str, Any])["job_id"])

    async def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        answer = await self.http.post(f"/api/batch/jobs/{job_id}/cancel")
        if answer.status_code != 200:
            raise Broken(f"cancel: {answer.status_code} {answer.text[:500]}")

    async def observe(self, job_id: str) -> Observed:
        """Watch a job to its ending, on a single connection."""
        observed = Observed()
        address = self._rig.stack.url.replace("http", "ws", 1) + f"/api/batch/ws/{job_id}"
        socket_to = connect(
            address, additional_headers=self._headers, proxy=None, compression=None, max_size=MESSAGE_MAX_BYTES
        )
        async with asyncio.timeout(BATCH_LIMIT_S), socket_to as socket:
            async for frame in socket:
                message = parse(frame)
                if isinstance(message, Refusal):
                    raise Broken(f"the observer was refused: {message.error}")
                observed.take(message)
        return observed


@asynccontextmanager
async def calling(rig: Rig) -> AsyncIterator[Caller]:
    """A caller for the length of a block.

    Raises:
        Broken: the API broke off, or did not answer in time.
    """
    caller = Caller(rig)
    try:
        async with caller.http:
            yield caller
    except (httpx2.HTTPError, WebSocketException, OSError) as fault:  # a TimeoutError is an OSError
        raise Broken(f"the API broke off: {fault!r}") from fault


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that completed, every row once and with success."""

    documents: int
    seconds: float
    """From the start's first byte to the ending at the observer."""
    observed: Observed

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds


async def run_batch(caller: Caller, rig: Rig, documents: int) -> Batch:
    """Start so many documents and watch them to the ending.

    Raises:
        Broken: a row was lost, doubled, or failed.
    """
    body = rig.request(documents)
    started = time.perf_counter()
    observed = await caller.observe(await caller.start(body))
    seconds = time.perf_counter() - started
    observed.check(documents)
    return Batch(documents, seconds, observed)
