"""How soon the rows of a killed worker run again."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from actors.store import key
from bench.judge import Job
from protocol.words import DocumentStatus


class Held(NamedTuple):
    """A row that some worker holds; another claim has another fence, and each renewal another end."""

    job_id: str
    row: str
    fence: int
    lease_ends_ms: float


class Orphan(NamedTuple):
    """A row whose worker was killed."""

    job_id: str
    row: str
    killed_ms: int


def held(client: Any, job_ids: Iterable[str]) -> set[Held]:
    """The rows that run now."""
    found = set()
    for job_id in job_ids:
        ends = dict(client.zrange(key(job_id, "due"), 0, -1, withscores=True))
        for row, text in client.hgetall(key(job_id, "rows")).items():
            state = msgspec.json.decode(text)
            if state["s"] == "running" and row in ends:
                found.add(Held(job_id, row, state["f"], ends[row]))
    return found


def recovered_ms(job: Job, orphan: Orphan) -> int | None:
    """When the row's next attempt began; None: its job was paused or over before."""
    for entry in job.entries:
        if entry.at_ms <= orphan.killed_ms:
            continue
        if entry.type != "progress":
            return None
        if entry.row == orphan.row and entry.told.status is DocumentStatus.PROCESSING:
            return entry.at_ms
    return None


def recoveries(
    job: Job, orphans: Iterable[Orphan], away_ms: Iterable[tuple[float, float]], lease_ms: float
) -> Iterator[tuple[float, bool]]:
    """Seconds from the kill to the next attempt, and whether Redis was there all the time.

    A worker that has lost Redis judges no lease for as long as one lasts: so an outage that ended so long before the
    kill still counts as one.
    """
    away = list(away_ms)
    for orphan in orphans:
        if again_ms := recovered_ms(job, orphan):
            disturbed = any(start < again_ms and end > orphan.killed_ms - lease_ms for start, end in away)
            yield (again_ms - orphan.killed_ms) / 1000, not disturbed
