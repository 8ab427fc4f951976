"""What the messages about a job add up to: the client's picture. No clock, no socket, no file.

    view = JobView(job_id)
    for message in messages:
        view.apply(message)

Two views are equal when they show the same picture, however they came to it: `catchup(t0)` and the events
after it equal `catchup(t1)`. What only time changes (`retry_after_ms`, `expires_at`) and where the stream
stands (`cursor`) are no part of the picture; a row that merely waits for its turn looks like one not heard of.
"""

from collections import OrderedDict

import msgspec

from protocol.messages import Cancelled, Catchup, Completed, Ending, Failed, JobState, Keepalive, Message, Progress, Row
from protocol.words import DocumentStatus, JobStatus

CURSORS_KEPT = 1_024
"""How many messages back a repeat is recognised."""

_STATUS_OF: dict[type[Ending], JobStatus] = {
    Completed: JobStatus.COMPLETED,
    Cancelled: JobStatus.CANCELLED,
    Failed: JobStatus.FAILED,
}


class Heard:
    """The cursors of the last messages, so that a repeat is known as one. Bounded by `CURSORS_KEPT`."""

    def __init__(self) -> None:
        self._cursors: OrderedDict[str, None] = OrderedDict()

    def repeats(self, message: Message) -> bool:
        """Whether this message tells nothing new; from now on it was heard.

        A full catchup never does: the server may have lost what it told last, and tells what it knows now.
        """
        if isinstance(message, Catchup) and not message.resumed:
            self._cursors.clear()
        if message.cursor is None:
            return False
        if message.cursor in self._cursors:
            return isinstance(message, Progress) or message.cursor != next(reversed(self._cursors))
        self._cursors[message.cursor] = None
        if len(self._cursors) > CURSORS_KEPT:
            self._cursors.popitem(last=False)
        return False


class JobView:
    """What one job looks like now, as far as messages told. Repeats change nothing; progress never falls."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.state: JobState | None = None
        """None until the first catchup."""
        self.rows: dict[int, Row] = {}
        """The latest word on each row that was heard of, by `row_id`; of all others: it waits for its turn."""
        self.ending: Ending | None = None
        self.cursor: str | None = None
        """Where to go on after a lost connection."""
        self._heard = Heard()

    def apply(self, message: Message) -> None:
        """Fold in the next message.

        Raises:
            ValueError: it is about another job.
        """
        if message.job_id != self.job_id:
            raise ValueError("a message of another job")
        if self._heard.repeats(message):
            return
        self.cursor = message.cursor or self.cursor
        match message:
            case Catchup():
                self._catch_up(message)
            case Progress():
                self._move(message)
            case Keepalive():
                self._become(message)
            case _:
                self._end(message)

    def __eq__(self, other: object) -> bool:
        return self._picture() == other._picture() if isinstance(other, JobView) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def _catch_up(self, told: Catchup) -> None:
        now = {row.row_id: row for row in told.results} | {each.row_id: each.row for each in told.rows}
        if told.resumed:
            asleep = {row_id: _asleep(row) for row_id, row in self.rows.items()}
            self.rows = asleep | {row_id: row for row_id, row in now.items() if not self._is_final(row_id)}
            self.state = _further(self.state, told.state)
        else:
            self.rows, self.state, self.ending = now, told.state, None

    def _move(self, told: Progress) -> None:
        if self.ending is not None or self._is_final(told.row_id):
            return
        row = told.row
        self.rows[row.row_id] = row
        if self.state is not None:
            self.state = _counted(self.state, row, told.progress)

    def _become(self, told: Keepalive) -> None:
        if self.state is not None and self.ending is None and told.status is not self.state.status:
            self.state = msgspec.structs.replace(self.state, status=told.status, message=told.message)

    def _end(self, told: Ending) -> None:
        self.ending = told
        self.rows = {row_id: _asleep(row) for row_id, row in self.rows.items()}
        if self.state is not None:
            self.state = _ended(self.state, told)

    def _is_final(self, row_id: int) -> bool:
        known = self.rows.get(row_id)
        return known is not None and known.status.final

    def _picture(self) -> object:
        state = self.state
        numbers = state and (state.status, state.progress, state.processed_count, state.failed_count, state.total)
        ending = self.ending and msgspec.structs.replace(self.ending, cursor=None)
        return self.job_id, numbers, ending, {row.row_id: _timeless(row) for row in self.rows.values() if _told(row)}


def _asleep(row: Row) -> Row:
    """The row when nobody works on it any more: final rows stay, others wait for their turn."""
    if row.status.final:
        return row
    return Row.waiting(row.row_id, row.title, model_name=row.model_name, id=row.id)


def _told(row: Row) -> bool:
    """Whether there is more to say of a row than that it waits for its turn."""
    return row.status is not DocumentStatus.PENDING or row.error is not None


def _timeless(row: Row) -> Row:
    return row if row.status.final else msgspec.structs.replace(row, retry_after_ms=None)


def _further(before: JobState | None, now: JobState) -> JobState:
    return now if before is None else msgspec.structs.replace(now, progress=max(before.progress, now.progress))


def _counted(state: JobState, row: Row, progress: float) -> JobState:
    return msgspec.structs.replace(
        state,
        status=JobStatus.PROCESSING if state.status is JobStatus.PENDING else state.status,
        progress=max(state.progress, progress),
        processed_count=state.processed_count + (row.status is DocumentStatus.SUCCESS),
        failed_count=state.failed_count + (row.status is DocumentStatus.FAILED),
    )


def _ended(state: JobState, told: Ending) -> JobState:
    return msgspec.structs.replace(
        state,
        status=_STATUS_OF[type(told)],
        progress=1.0 if isinstance(told, Completed) else state.progress,
        processed_count=int(told.processed_count),
        failed_count=int(told.failed_count),
        message=told.message,
    )
