"""Plays the worker, so that events come exactly when a measurement wants them: through the real store, row by row.

Each row is two events, its beginning and its end, one row after the other: `crowd.number_of` counts them.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from actors.records import Claim, NewJob, RowAddress
from actors.settings import Settings
from actors.store import JobStore, connect
from bench.report import Broken
from protocol.messages import Row
from protocol.requests import LOCAL_MODEL, Document, TaggingConfig
from protocol.words import SourceType

OWNER = "bench"
WORKER = "bench/1"
CONNECTIONS = 4
TAGS = ["quarterly-report", "supply-chain", "risk-assessment", "compliance", "logistics", "forecast", "audit", "policy"]
METADATA = {
    "extraction_method": "pypdf",
    "is_scanned": False,
    "page_count": 12,
    "pages_read": 3,
    "processing_time": 1.234,
    "structured": True,
    "prompt_tokens": 1_834,
    "completion_tokens": 61,
}


class Source(Protocol):
    """Where events come from."""

    def create(self, job_id: str, rows: int) -> None:
        """A job, before its first event."""

    def step(self, job_id: str) -> int:
        """Write the job's next event; its number, as `crowd.number_of` counts."""
        ...

    def cancel(self, job_id: str) -> None:
        """No more events of this job."""


@dataclass
class _Play:
    """Where one job stands."""

    total: int
    rows: deque[RowAddress]
    claim: Claim | None = None
    ended: set[int] = field(default_factory=set)


class Player:
    """The source of our own side."""

    def __init__(self, settings: Settings) -> None:
        self._client = connect(settings.redis_url, max_connections=CONNECTIONS)
        self._store = JobStore(self._client, settings)
        self._plays: dict[str, _Play] = {}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.connection_pool.disconnect()

    def create(self, job_id: str, rows: int) -> None:
        """A job of rows with titles and nothing to fetch."""
        self._store.create(new_job(job_id, rows))
        self._plays[job_id] = _Play(rows, deque(self._store.refill(job_id)))

    def step(self, job_id: str) -> int:
        """A row begins, or the one that has begun ends."""
        play = self._plays[job_id]
        if play.claim is None:
            claim = play.claim = self._claim(play.rows.popleft())
            if claim is None:
                raise Broken(f"a row of job {job_id} cannot be claimed")
            return 2 * claim.row_id
        claim, play.claim = play.claim, None
        play.rows.extend(self._finish(claim))
        return 2 * claim.row_id + 1

    def move(self, job_id: str) -> bool:
        """As `step`, also where Redis is away: then simply again. True: all rows of the job have ended.

        Rows whose messages were in a reply that never came are sent again, as a worker's scheduler does it.
        """
        play = self._plays[job_id]
        if play.claim is not None:
            play.rows.extend(self._finish(play.claim))
            play.ended.add(play.claim.row_id)
            play.claim = None
        elif play.rows:
            play.claim = self._claim(play.rows[0])  # None: it came twice
            play.rows.popleft()
        else:
            self._send_again()
        return len(play.ended) == play.total

    def _send_again(self) -> None:
        for address in self._store.tick(WORKER, queued=0, judge_leases=False).send:
            if address.job_id in self._plays:
                self._plays[address.job_id].rows.append(address)

    def _claim(self, address: RowAddress) -> Claim | None:
        """The same claim each time, so that one whose reply was lost is granted again."""
        return self._store.claim(address, f"{address.run}/{address.row_id}")

    def _finish(self, claim: Claim) -> list[RowAddress]:
        return self._store.finish(claim, result(claim.row_id, claim.document.title))

    def cancel(self, job_id: str) -> None:
        """End the job: nothing of it is due any more."""
        self._store.cancel(job_id, OWNER)
        del self._plays[job_id]


def result(row_id: int, title: str) -> Row:
    """A row's good end, of the usual weight."""
    return Row.success(row_id, title, tags=TAGS, retry_count=1, model_name=LOCAL_MODEL, metadata=METADATA)


def title(row_id: int) -> str:
    """The title of a row."""
    return f"Document {row_id + 1}: annual report on supply chains and logistics, with forecasts by region"


def new_job(job_id: str, rows: int) -> NewJob:
    """A job of rows with titles and nothing to fetch."""
    documents = [
        Document(title=title(row), file_path=f"{row}.pdf", file_source_type=SourceType.LOCAL) for row in range(rows)
    ]
    return NewJob(
        job_id=job_id,
        owner=OWNER,
        fingerprint=job_id,
        model_name=LOCAL_MODEL,
        config=TaggingConfig(),
        api_key_from="none",
        documents=documents,
    )


@dataclass(frozen=True, slots=True)
class Written:
    """What was written when."""

    began_s: dict[tuple[str, int], float]
    """By job and number of the event: just before the call that commits it, by the monotonic clock."""
    seconds: float

    @property
    def events(self) -> int:
        """How many."""
        return len(self.began_s)


def write(source: Source, job_ids: Iterator[str], rate: float, seconds: float) -> Written:
    """`rate` events a second for so long, each of the next job."""
    began_s: dict[tuple[str, int], float] = {}
    started = time.monotonic()
    for count, job_id in enumerate(islice(job_ids, round(rate * seconds))):
        time.sleep(max(0.0, started + count / rate - time.monotonic()))
        before_s = time.monotonic()
        began_s[job_id, source.step(job_id)] = before_s
    return Written(began_s, time.monotonic() - started)
