"""Jobs for tests, and the store's state as a test wants to see it."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import msgspec
import redis

from actors.records import Claim, NewJob, RowAddress
from actors.settings import Settings
from actors.store import ACTIVE_KEY, JobStore, connect, key
from protocol.messages import Row
from protocol.requests import Document, TaggingConfig
from protocol.words import DocumentStatus, ErrorType, SourceType

OWNER = "alice"


class Event(NamedTuple):
    """One entry of a job's stream."""

    id: str
    seq: int
    type: str
    row: str
    processed: int
    failed: int
    body: str

    @property
    def told(self) -> Row:
        """The row that a progress event tells of."""
        return msgspec.json.decode(self.body, type=Row)


def new_job(job_id: str = "job", rows: int = 3, **changes: Any) -> NewJob:
    """A job of local documents that nobody will read."""
    documents = [
        Document(title=f"Title {row}", file_path=f"{row}.pdf", file_source_type=SourceType.LOCAL) for row in range(rows)
    ]
    known: dict[str, Any] = {
        "job_id": job_id,
        "owner": OWNER,
        "fingerprint": f"{job_id}/{rows}",
        "model_name": "local/keywords",
        "config": TaggingConfig(),
        "api_key_from": "none",
        "documents": documents,
    }
    return NewJob(**known | changes)


class Bench:
    """A store, and a look behind it."""

    def __init__(self, settings: Settings) -> None:
        self.redis: Any = redis.Redis.from_url(settings.redis_url, decode_responses=True)
        self._client = connect(settings.redis_url, max_connections=40)
        self.store = JobStore(self._client, settings)

    def close(self) -> None:
        """Let go of the connections."""
        self.redis.close()
        self._client.connection_pool.disconnect()

    def start(self, job_id: str = "job", rows: int = 3, **changes: Any) -> list[RowAddress]:
        """Create a job and take its first chunk."""
        self.store.create(new_job(job_id, rows, **changes))
        return self.store.refill(job_id)

    def claim(self, address: RowAddress, claim_id: str = "claim") -> Claim:
        """A claim that must succeed."""
        claim = self.store.claim(address, f"{claim_id}/{address.row_id}")
        assert claim is not None
        return claim

    def make_due(self, job_id: str = "job") -> None:
        """What waits waits no longer; leases have run out."""
        due = key(job_id, "due")
        for row in self.redis.zrange(due, 0, -1):
            self.redis.zadd(due, {row: 1})
        self.redis.zadd(ACTIVE_KEY, {job_id: 1})

    def tick(self, *, queued: int = 0, judge_leases: bool = True) -> Any:
        """A step of the scheduler of a worker with eight threads."""
        return self.store.tick("worker/8", queued=queued, judge_leases=judge_leases)

    def facts(self, job_id: str = "job") -> dict[str, str]:
        """The job hash."""
        return cast("dict[str, str]", self.redis.hgetall(key(job_id)))

    def state(self, row: int, job_id: str = "job") -> dict[str, Any]:
        """The state of a row that is out."""
        text = self.redis.hget(key(job_id, "rows"), str(row))
        return cast("dict[str, Any]", msgspec.json.decode(text)) if text else {}

    def events(self, job_id: str = "job") -> list[Event]:
        """The whole stream."""
        return list(self._events(job_id))

    def _events(self, job_id: str) -> Iterator[Event]:
        for number, known in self.redis.xrange(key(job_id, "events")):
            yield Event(
                id=number,
                seq=int(known["seq"]),
                type=known["type"],
                row=known["row"],
                processed=int(known["processed"]),
                failed=int(known["failed"]),
                body=known["body"],
            )


def success(claim: Claim) -> Row:
    """The row's good end."""
    return Row.success(claim.row_id, claim.document.title, tags=["tag"], retry_count=claim.attempt)


def failure(claim: Claim) -> Row:
    """The row's bad end."""
    return Row.failed(
        claim.row_id, claim.document.title, error="no", error_type=ErrorType.SOURCE, retry_count=claim.attempt
    )


def waiting(claim: Claim, delay_ms: int = 60_000) -> Row:
    """The row waits for a retry."""
    return Row.waiting(
        claim.row_id,
        claim.document.title,
        error="try again",
        error_type=ErrorType.NETWORK,
        retry_after_ms=delay_ms,
        retry_count=claim.attempt,
    )


def check_invariants(bench: Bench, job_id: str = "job") -> None:
    """What holds of every job at every moment (the house's invariants 1, 3, 6 and 7), of the run that it is in."""
    facts, events = bench.facts(job_id), bench.events(job_id)
    processed, failed, total = (int(facts[name]) for name in ("processed", "failed", "total"))
    assert [event.seq for event in events] == list(range(len(events)))
    begun = max(place for place, event in enumerate(events) if event.type == "created")
    kept, events = events[begun].processed + events[begun].failed, events[begun:]
    told = [event.told for event in events if event.type == "progress"]
    finals = [row.row_id for row in told if row.status.final]
    assert len(finals) == len(set(finals)) == processed + failed - kept
    assert {int(row) for row in bench.redis.hkeys(key(job_id, "results"))} >= set(finals)
    assert bench.redis.hlen(key(job_id, "results")) == processed + failed
    assert (processed + failed == total) == (facts["status"] == "completed")
    endings = [place for place, event in enumerate(events) if event.type in ("completed", "cancelled", "error")]
    assert endings == ([len(events) - 1] if facts["status"] in ("completed", "cancelled", "failed") else [])
    counts = [event.processed + event.failed for event in events]
    assert counts == sorted(counts)
    for row_id in {row.row_id for row in told}:
        tries = [row.retry_count for row in told if row.row_id == row_id and row.status is DocumentStatus.PROCESSING]
        assert tries == sorted(filter(None, tries))
        assert set(tries) == set(range(1, max(filter(None, tries), default=0) + 1))
    for name in bench.redis.keys("*"):
        assert bench.redis.pttl(name) > 0, name
