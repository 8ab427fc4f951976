"""What happened to a job, found out by asking: in the messages that a socket would have brought.

A poll asks for the job's numbers, and for rows only where these say that more have ended than were told. Rows end
out of order, so it looks wherever rows are still missing, from the last to the first, since most end near the last,
and only until it has found as many as the numbers promise.
"""

import random
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from protocol.lookup import JobSummary, Lookup
from protocol.messages import Catchup, Ending, JobState, Keepalive, Message, Progress, Row, ending
from protocol.told import Told
from protocol.words import DocumentStatus

PAGE_ROWS_MAX = 1_000
"""What the server gives at once."""
NEAR_ROWS = 100
"""Missing rows that lie so near to each other are asked for at once, with those told between them: another request
costs more than these."""
GROWTH = 1.5


class Pace:
    """The waits between polls: short after news, longer and longer up to `max_s` after none; half of each at random."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s, self._max_s, self._bound_s = first_s, max_s, first_s

    def next_s(self, *, news: bool) -> float:
        """How long to wait before the next poll."""
        self._bound_s = self._first_s if news else min(self._max_s, self._bound_s * GROWTH)
        return random.uniform(self._bound_s / 2, self._bound_s)  # noqa: S311 - spreads load, no secret


class Polled(NamedTuple):
    """What one poll brought."""

    messages: list[Message]
    lacking: int
    """Rows that the job counts and that were not to be found: more than 0 only where it changed in between."""


class Stretch(NamedTuple):
    """Rows `first` to `last`, `missing` of them not told yet."""

    first: int
    last: int
    missing: int


class Poller:
    """Asks about one job; `told` is what its caller told so far, by whatever way."""

    def __init__(self, lookup: Lookup, told: Told) -> None:
        self._lookup, self._told = lookup, told
        self.caught_up = False
        """Whether messages go on from the last poll; otherwise the next begins with a catchup."""

    async def poll(self) -> Polled:
        """What is new. Raises as the calls do; then nothing counts as told."""
        now = await self._lookup.summary()
        if self._told.contradicts(now, now.run):  # another run, or one of which the store lost the end
            self._told.forget()
        self._told.run = now.run
        rows = await self._find(now)
        lacking = now.results_count - len(self._told.rows) - len(rows)
        messages: list[Message] = self._changes(now, rows) if self._goes_on() else [self._catchup(now, rows)]
        if now.status.over and lacking <= 0:
            messages.append(_ending(now))
        self.caught_up = True
        return Polled(messages, max(0, lacking))

    def _goes_on(self) -> bool:
        return self.caught_up and self._told.whole

    async def _find(self, now: JobSummary) -> list[Row]:
        """The rows that have ended and were not told, by `row_id`."""
        found: dict[int, Row] = {}
        wanted = now.results_count - len(self._told.rows)
        if wanted > 0:
            for stretch in reversed(stretches(self._told.rows, now.total)):
                await self._search(stretch, wanted, found)
        return [found[row_id] for row_id in sorted(found)]

    async def _search(self, stretch: Stretch, wanted: int, found: dict[int, Row]) -> None:
        """Add to `found` what has ended in a stretch, until there are as many as `wanted`."""
        after: int | None = stretch.first - 1
        told = stretch.last - stretch.first + 1 - stretch.missing
        while after is not None and after < stretch.last and len(found) < wanted:
            limit = min(PAGE_ROWS_MAX, wanted - len(found) + told)
            page = await self._lookup.page(limit, after if after >= 0 else None)
            found |= {row.row_id: row for row in page.results if row.row_id not in self._told.rows}
            after = page.next if page.next is None or page.next > after else None

    def _changes(self, now: JobSummary, rows: Sequence[Row]) -> list[Message]:
        changed = not now.status.over and now.status is not self._told.status
        pulse = Keepalive(job_id=now.job_id, status=now.status, message=now.message)
        first: list[Message] = [pulse] if changed else []
        before = len(self._told.rows)
        return first + [
            Progress.of(now.job_id, row, _share(before + count, now), None) for count, row in enumerate(rows, 1)
        ]

    def _catchup(self, now: JobSummary, rows: Sequence[Row]) -> Catchup:
        """The state in it counts the rows that were told, which may be more than there were when it was asked for."""
        statuses = [*self._told.rows.values(), *(row.status for row in rows)]
        known = {name: getattr(now, name) for name in JobState.__struct_fields__}
        counted = {
            "progress": _share(len(statuses), now),
            "processed_count": statuses.count(DocumentStatus.SUCCESS),
            "failed_count": statuses.count(DocumentStatus.FAILED),
        }
        return Catchup(job_id=now.job_id, state=JobState(**known | counted), results=rows, resumed=self._told.goes_on)


def stretches(told: Container[int], total: int) -> list[Stretch]:
    """Where rows are missing, by `row_id`: runs of them, joined where fewer than `NEAR_ROWS` lie between."""
    found: list[Stretch] = []
    for row_id in _missing(told, total):
        if found and row_id - found[-1].last <= NEAR_ROWS:
            first, _, missing = found.pop()
            found.append(Stretch(first, row_id, missing + 1))
        else:
            found.append(Stretch(row_id, row_id, 1))
    return found


def _missing(told: Container[int], total: int) -> Iterable[int]:
    return (row_id for row_id in range(total) if row_id not in told)


def _share(ended: int, now: JobSummary) -> float:
    return ended / max(1, now.total)


def _ending(now: JobSummary) -> Ending:
    return ending(now.status).of(
        now.job_id, processed=now.processed_count, failed=now.failed_count, message=now.message or ""
    )
