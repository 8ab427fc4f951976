"""What became of a job, run by run, judged from its own stream and results: nothing lost, nothing twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import redis

from actors.schedule import LAPSED
from actors.store import key
from protocol.messages import Row
from protocol.words import DocumentStatus, ErrorType

ENDINGS = ("completed", "cancelled", "error")
ASKED_FOR = "The rows that were asked for have ended"
"""How the ending of a run of named rows begins."""
FORGIVEN = frozenset({ErrorType.MODEL_ERROR, ErrorType.NETWORK, ErrorType.RATE_LIMIT})
"""What a row may fail of when the provider is unwell; all else would be our own doing."""


class Entry(NamedTuple):
    """One entry of a job's stream."""

    at_ms: int
    """By Redis's clock."""
    seq: int
    type: str
    row: str
    ended: int
    """Rows that have a result, as the entry counts them."""
    body: str

    @property
    def told(self) -> Row:
        """What a progress event tells."""
        return msgspec.json.decode(self.body, type=Row)


class Job(NamedTuple):
    """All that Redis knows of a job."""

    facts: dict[str, str]
    results: dict[int, Row]
    entries: list[Entry]

    @property
    def runs(self) -> Iterator[list[Entry]]:
        """The stream in pieces, one for each run."""
        begun = [place for place, entry in enumerate(self.entries) if entry.type == "created"]
        for start, end in zip(begun, [*begun[1:], len(self.entries)], strict=True):
            yield self.entries[start:end]


def read(client: "redis.Redis", job_id: str) -> Job:
    """Read a job; `client` decodes replies."""
    known: Any = client
    results = {
        int(row): msgspec.json.decode(text, type=Row) for row, text in known.hgetall(key(job_id, "results")).items()
    }
    return Job(known.hgetall(key(job_id)), results, [_entry(*each) for each in known.xrange(key(job_id, "events"))])


def _entry(number: str, told: dict[str, str]) -> Entry:
    ended = int(told["processed"]) + int(told["failed"])
    return Entry(int(number.partition("-")[0]), int(told["seq"]), told["type"], told["row"], ended, told["body"])


@dataclass
class Verdict:
    """What was found, in one job or in many."""

    rows: int = 0
    """That ended."""
    lost: int = 0
    doubled: int = 0
    attempts: int = 0
    deaths: int = 0
    """Attempts that ended with their worker."""
    failed: Counter[str] = field(default_factory=Counter)
    """Rows that failed, by the reason."""
    faults: list[str] = field(default_factory=list)

    def __iadd__(self, other: "Verdict") -> "Verdict":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.faults)


def judge(job: Job, asked: Sequence[int | None]) -> Verdict:
    """`asked`: how many rows each run was of; None: its owner was not told."""
    verdict, runs = Verdict(), list(job.runs)
    if [entry.seq for entry in job.entries] != list(range(len(job.entries))):
        verdict.faults.append("the stream's numbers have gaps")
    if len(runs) != len(asked):
        verdict.faults.append(f"{len(asked)} runs were asked for, and there were {len(runs)}")
    for entries, rows in zip(runs, asked, strict=False):
        verdict += _judge_run(entries, rows, int(job.facts["total"]))
    verdict.faults += _judge_results(job, runs[-1])
    return verdict


def _judge_run(entries: list[Entry], asked: int | None, total: int) -> Verdict:
    told = [entry.told for entry in entries if entry.type == "progress"]
    ends = Counter(row.row_id for row in told if row.status.final)
    verdict = Verdict(rows=len(ends), doubled=sum(ends.values()) - len(ends))
    if _ran_to_its_end(entries[-1]):
        verdict.lost = (total - entries[0].ended if asked is None else asked) - len(ends)
    verdict.deaths = sum((row.error or "").startswith(LAPSED) for row in told)
    verdict.failed.update(str(row.error_type) for row in told if row.status is DocumentStatus.FAILED)
    verdict.faults += [
        f"row {row.row_id} failed of no fault of the provider: {row.error}"
        for row in told
        if row.status is DocumentStatus.FAILED and row.error_type not in FORGIVEN
    ]
    verdict.faults += [*_judge_order(entries), *_judge_attempts(told, verdict)]
    return verdict


def _ran_to_its_end(last: Entry) -> bool:
    return last.type == "completed" or (last.type in ENDINGS and last.body.startswith(ASKED_FOR))


def _judge_order(entries: list[Entry]) -> Iterator[str]:
    endings = [place for place, entry in enumerate(entries) if entry.type in ENDINGS]
    if endings != [len(entries) - 1]:
        yield f"{len(endings)} endings, at {endings} of {len(entries)}"
    counted = entries[0].ended
    for entry in entries:
        counted += entry.type == "progress" and entry.told.status.final
        if entry.ended != counted:
            yield f"event {entry.seq} counts {entry.ended} rows, and {counted} have ended"


def _judge_attempts(told: list[Row], verdict: Verdict) -> Iterator[str]:
    tries: dict[int, list[int]] = defaultdict(list)
    for row in told:
        if row.status is DocumentStatus.PROCESSING:
            tries[row.row_id].append(row.retry_count or 0)
    for row_id, numbers in tries.items():
        verdict.attempts += len(numbers)
        if numbers != sorted(numbers) or set(numbers) != set(range(1, numbers[-1] + 1)):
            yield f"the attempts at row {row_id} were {numbers}"


def _judge_results(job: Job, last_run: list[Entry]) -> Iterator[str]:
    facts, ends = job.facts, {entry.told.row_id: entry.told for entry in job.entries if _ends_a_row(entry)}
    if len(job.results) != int(facts["processed"]) + int(facts["failed"]):
        yield f"{len(job.results)} results, and {facts['processed']} + {facts['failed']} are counted"
    if {entry.told.row_id for entry in last_run if _ends_a_row(entry)} - set(job.results):
        yield "rows ended without a result"
    if any(ends.get(row) != result for row, result in job.results.items()):
        yield "a result differs from what observers were told"


def _ends_a_row(entry: Entry) -> bool:
    return entry.type == "progress" and entry.told.status.final
