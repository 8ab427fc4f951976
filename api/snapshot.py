"""A job as it stands: read from Redis in one step, said in the messages of the protocol.

Position   a place in a job's stream of events; as text it is a `cursor`
Snapshot   what an observer is told first, and the position from which it goes on
Reader     the calls to Redis
"""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self, cast

import msgspec
from redis.asyncio import Redis

from actors.records import JobMissing
from actors.store import key, script_keys, script_text
from api.facts import FACTS, Facts, progress
from api.frames import Frame
from protocol.messages import Catchup, JobState, Progress, Row, to_json
from protocol.requests import valid_job_id
from protocol.words import DocumentStatus, JobStatus

_CURSOR = re.compile(r"([0-9a-f]{1,64})\.(\d{1,19}-\d{1,19})", re.ASCII)
ROWS_READ_MIN = 500
"""Rows read in one command: a small page of a rare status must not ask Redis once a row."""
read_row = msgspec.json.Decoder(Row).decode


class _Outcome(msgspec.Struct):
    status: DocumentStatus


class _State(msgspec.Struct):
    l: str | None = None  # noqa: E741 - as the script calls it


_read_state = msgspec.json.Decoder(_State).decode
_read_outcome = msgspec.json.Decoder(_Outcome).decode


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the entry `entry_id` of the stream of one run."""

    run: str
    entry_id: str

    @classmethod
    def parse(cls, cursor: str | None) -> Self | None:
        """The position that a client names; None: it names none that could be."""
        known = _CURSOR.fullmatch(cursor or "")
        return cls(*known.groups()) if known else None

    def __str__(self) -> str:
        return f"{self.run}.{self.entry_id}"


@dataclass(frozen=True)
class Snapshot:
    """A job and the place in its stream at the same moment."""

    facts: Facts
    position: Position
    catchup: Catchup

    @cached_property
    def frames(self) -> list[Frame]:
        """What to send: the catchup, and the ending where there is one. Encoded once for all observers.

        Before an ending the catchup is no place to go on from: who heard only it has not heard the ending.
        """
        cursor = str(self.position)
        last = self.facts.ending(cursor)
        catchup = Frame(to_json(self.catchup), None if last else cursor)
        return [catchup, Frame(to_json(last), cursor)] if last else [catchup]


class Pulse(NamedTuple):
    """How a job fares: enough to notice that it changed in a way that its stream does not tell."""

    run: str
    status: JobStatus
    seq: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some results of a job, by `row_id`."""

    job_id: str
    results: list[Row]
    next: int | None
    """Give it as `after` for the next page; null: this was the last."""


class JobReport(JobState, frozen=True, kw_only=True):
    """The whole job in numbers."""

    job_id: str
    run: str
    """Another after each retry; opaque."""
    results_count: int
    """Rows that have ended."""


class StoredRow(NamedTuple):
    """One row with its document, whether it has ended or not."""

    row_id: int
    document: dict[str, Any]
    """As it was stored, without its password."""
    told: dict[str, Any]
    """What observers were last told of it; of a row that nobody has come to yet that it is pending."""


class Reader:
    """Reads jobs; every call may raise `redis.RedisError`."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._script = client.register_script(script_text())

    async def ping(self) -> None:
        """Raises where Redis does not answer."""
        await self._client.ping()

    async def check_owner(self, job_id: str, owner: str) -> None:
        """Check whose a job is.

        Raises:
            JobMissing: no such job of this owner.
        """
        await self._owned(job_id, owner, ())

    async def report(self, job_id: str, owner: str) -> JobReport:
        """The job in numbers.

        Raises:
            JobMissing: no such job of this owner.
        """
        facts = Facts.of(job_id, await self._owned(job_id, owner, FACTS))
        expires_ms = _now_ms() + await self._client.pttl(key(job_id))
        return JobReport(
            job_id=job_id, run=facts.run, results_count=facts.processed + facts.failed, **facts.state(expires_ms)
        )

    async def results(self, job_id: str, owner: str, *, after: int, limit: int, status: DocumentStatus | None) -> Page:
        """At most `limit` results of rows behind row `after`, only those of `status` if it is given.

        Raises:
            JobMissing: no such job of this owner.
        """
        total = int((await self._owned(job_id, owner, ("total",)))[0] or 0)
        found: list[tuple[int, bytes]] = []
        step = max(limit, ROWS_READ_MIN)
        for first in range(after + 1, total, step):
            rows = range(first, min(first + step, total))
            stored = await self._values(key(job_id, "results"), [str(row) for row in rows])
            found += [(row, text) for row, text in zip(rows, stored, strict=True) if text and _is(status, text)]
            if len(found) >= limit:
                break
        page = found[:limit]
        more = len(page) == limit and page[-1][0] + 1 < total
        return Page(job_id=job_id, results=_stored(text for _, text in page), next=page[-1][0] if more else None)

    async def documents(self, job_id: str, owner: str, rows: range) -> tuple[str, list[dict[str, Any]]]:
        """The run that the job is in, and what the caller said of these rows; fewer where the job has fewer.

        Raises:
            JobMissing: no such job of this owner.
        """
        run, (stored,) = await self._parts(job_id, owner, rows, "documents")
        return run, [msgspec.json.decode(text) for text in stored if text]

    async def rows(self, job_id: str, owner: str, rows: range) -> tuple[str, list[StoredRow]]:
        """The run that the job is in and these rows of it, all at the same moment; fewer where it has fewer.

        Raises:
            JobMissing: no such job of this owner.
        """
        run, parts = await self._parts(job_id, owner, rows, "documents", "results", "rows")
        stored = zip(rows, *parts, strict=True)
        return run, [StoredRow(row, msgspec.json.decode(text), _known(*known)) for row, text, *known in stored if text]

    async def pulse(self, job_ids: Sequence[str]) -> list[Pulse | None]:
        """How each job fares; None: it is gone."""
        pipeline = self._client.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hmget(key(job_id), ["run", "status", "seq"])
        return [
            Pulse(run.decode(), JobStatus(status.decode()), int(seq)) if run else None
            for run, status, seq in await pipeline.execute()
        ]

    async def ended_at(self, job_id: str, cursor: str) -> bool:
        """Whether `cursor` is that of the ending which this run of the job has had."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hmget(key(job_id), ["run", "status"])
        pipeline.xrevrange(key(job_id, "events"), count=1)
        (run, status), last = await pipeline.execute()
        if not run or not last or not JobStatus(status.decode()).over:
            return False
        return cursor == str(Position(run.decode(), last[0][0].decode()))

    async def snapshot(self, job_id: str, cursor: str | None = None) -> Snapshot:
        """The job with all its results, or those since `cursor` where that is still known.

        Raises:
            JobMissing: there is no such job.
        """
        since = Position.parse(cursor)
        asked = (since.run, since.entry_id) if since else ("", "")
        word, *rest = await self._script(keys=script_keys(job_id), args=["snapshot", *asked])
        if word == b"missing":
            raise JobMissing(job_id)
        flat, ttl_ms, now_ms, entry_id, extent, results, told = rest
        known = dict(_pairs(flat))
        facts = Facts.of(job_id, [known.get(name.encode()) for name in FACTS])
        position = Position(facts.run, entry_id.decode())
        catchup = Catchup(
            job_id=job_id,
            state=JobState(**facts.state(now_ms + ttl_ms)),
            results=_stored(text for _, text in sorted(_pairs(results), key=_by_row)),
            rows=[_told(facts, text, int(due), now_ms) for due, text in _pairs(told)],
            resumed=None if cursor is None else extent == b"since",
            cursor=str(position),
        )
        return Snapshot(facts, position, catchup)

    async def _owned(self, job_id: str, owner: str, names: Sequence[str]) -> list[bytes | None]:
        """Fields of a job, read in the same time whether it is missing or somebody else's."""
        if not valid_job_id(job_id):
            raise JobMissing(job_id)
        found, *values = await self._values(key(job_id), ["owner", *names])
        if found is None or found.decode() != owner:
            raise JobMissing(job_id)
        return values

    async def _parts(self, job_id: str, owner: str, rows: range, *parts: str) -> tuple[str, list[list[bytes | None]]]:
        """The run that a job is in and, of the same moment, what parts of it hold of these rows."""
        if not valid_job_id(job_id):
            raise JobMissing(job_id)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hmget(key(job_id), ["owner", "run"])
        for part in parts:
            pipeline.hmget(key(job_id, part), [str(row) for row in rows])
        (whose, run), *found = await pipeline.execute()
        if not whose or whose.decode() != owner:
            raise JobMissing(job_id)
        return run.decode(), found

    async def _values(self, name: str, fields: list[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", await self._client.hmget(name, fields))


def _known(result: bytes | None, state: bytes | None) -> dict[str, Any]:
    """What observers were last told of a row, by its result or its state."""
    told: dict[str, Any] | None = msgspec.json.decode(result or (_read_state(state).l if state else None) or b"null")
    return told or {"status": DocumentStatus.PENDING}


def _told(facts: Facts, text: bytes, due_ms: int, now_ms: int) -> Progress:
    """What observers were last told of a row that is out; `due_ms` is 0 unless it waits."""
    row = read_row(text)
    if due_ms:
        row = msgspec.structs.replace(row, retry_after_ms=max(0, due_ms - now_ms))
    return Progress.of(facts.job_id, row, progress(facts.processed, facts.failed, facts.total), None)


def _stored(texts: Iterable[bytes]) -> list[Row]:
    """Rows that go out exactly as they were stored: they are encoded `Row`s already."""
    return cast("list[Row]", [msgspec.Raw(text) for text in texts])


def _is(status: DocumentStatus | None, text: bytes) -> bool:
    return status is None or _read_outcome(text).status is status


def _by_row(pair: tuple[bytes, bytes]) -> int:
    return int(pair[0])


def _pairs(flat: list[bytes]) -> Iterable[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
