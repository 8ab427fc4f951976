"""A job in words, line by line or in a table. Text from outside is made harmless."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

from protocol.document import one_line
from protocol.failures import ClientError
from protocol.messages import Catchup, JobState, Keepalive, Message, Progress, Row
from protocol.view import JobView
from protocol.words import DocumentStatus, JobStatus

WIDTH_WITHOUT_TERMINAL = 120
TABLE_ROWS_MAX = 1_000
LOST_AGAIN_S = 15.0
"""How long the same is not said again of a connection that stays lost."""
STYLES = {
    DocumentStatus.PENDING: "yellow",
    DocumentStatus.PROCESSING: "cyan",
    DocumentStatus.SUCCESS: "green",
    DocumentStatus.FAILED: "red",
}


OfRun = Callable[[int], bool]
"""Whether a row, by its `row_id`, is one of those that run now."""


def all_rows(_: int) -> bool:
    """The first run of a job is of all its rows."""
    return True


def make_console() -> Console:
    """The console on standard output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """Rows with their tags, or why they have none: a table, or where that would take seconds, lines."""
    if len(rows) <= TABLE_ROWS_MAX:
        console.print(rows_table(rows))
        return
    width = len(str(rows[-1].row_id + 1))
    for row in rows:
        line = f"{row.row_id + 1:>{width}}  {row.status:<10}  {_titled(row)}"
        console.file.writelines(f"{each}\n" for each in (line, *_support(row)))


def rows_table(rows: Sequence[Row]) -> Table:
    """Rows with their tags, what supports these, or why there are none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("title", ratio=2, overflow="fold")
    table.add_column("status")
    table.add_column("tags", ratio=3, overflow="fold")
    for row in rows:
        status, told = Text(row.status, STYLES[row.status]), "\n".join((outcome(row), *_support(row)))
        table.add_row(str(row.row_id + 1), Text(one_line(row.title)), status, Text(told))
    return table


def _titled(row: Row) -> str:
    return ": ".join(filter(None, (one_line(row.title), outcome(row))))


def _support(row: Row) -> Iterator[str]:
    """A line for each tag that the document is quoted for."""
    for each in row.evidence or ():
        yield "    " + one_line(f"{each.tag}, page {each.page}: “{each.quote}”")


def outcome(row: Row) -> str:
    """What there is to say of a row behind its status: its tags, and whether they are a makeshift; or its error."""
    if row.tags is not None:
        degraded = " (degraded)" if row.metadata and row.metadata.get("degraded") else ""
        return one_line(", ".join(row.tags)) + degraded
    return one_line(f"{row.error} ({row.error_type})") if row.error else ""


def summary(state: JobState) -> str:
    """The job in numbers."""
    done = state.processed_count + state.failed_count
    return f"{done:,} of {state.total:,} done: {state.processed_count:,} tagged, {state.failed_count:,} failed"


def standing(job_id: str, state: JobState) -> str:
    """The job and its status, and why it is paused or has failed."""
    return one_line(f"job {job_id}: {state.status}{_why(state)}")


def report(job_id: str, state: JobState) -> str:
    """How the job stands, and its numbers."""
    return f"{standing(job_id, state)}{'; ' if _why(state) else ', '}{summary(state)}"


def _why(state: JobState) -> str:
    if not state.message or state.status not in (JobStatus.PAUSED, JobStatus.FAILED):
        return ""
    return f": {state.message.rstrip('.')}" + (f" ({state.error_type})" if state.error_type else "")


def closing(view: JobView) -> str:
    """The job's last word, and how many rows failed for which reason."""
    if view.ending is None:
        return ""
    kinds = Counter(row.error_type for row in view.rows.values() if row.status is DocumentStatus.FAILED)
    why = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    counts = f"{view.ending.processed_count} tagged, {view.ending.failed_count} failed"
    return one_line(f"{view.ending.message}: {counts}" + (f" ({why})" if why else ""))


def connecting(fault: ClientError) -> str:
    """That there is no connection, why, and how much longer it is tried."""
    left = f" (gives up in {fault.gives_up_in_s:.0f} s)" if math.isfinite(fault.gives_up_in_s) else ""
    return one_line(f"connecting again{left}: {fault}")


class Losses:
    """What there is to say of lost connections: the first, each other reason, and the same every `LOST_AGAIN_S`."""

    def __init__(self) -> None:
        self._reason, self._again_at = "", 0.0

    def line(self, fault: ClientError) -> str | None:
        """What to say of this one; None: it was said just now."""
        now_s, reason = time.monotonic(), str(fault)
        if reason == self._reason and now_s < self._again_at:
            return None
        self._reason, self._again_at = reason, now_s + LOST_AGAIN_S
        return connecting(fault)

    def over(self) -> None:
        """There is a connection."""
        self._reason = ""


class Lines:
    """One line for each thing that people want to know."""

    def __init__(self, console: Console, view: JobView, of_run: OfRun = all_rows) -> None:
        self._console, self._view, self._of_run = console, view, of_run
        self._status: JobStatus | None = None
        self._losses = Losses()
        self._said: dict[int, Row] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def hear(self, message: Message) -> None:
        """Called with each message when the view has taken it in."""
        self._losses.over()
        for line in self._lines(message):
            self._say(line)
        self._status = self._view.state.status if self._view.state else None

    def lost(self, fault: ClientError) -> None:
        """Called when there is no connection: another one is being made."""
        if line := self._losses.line(fault):
            self._say(line)

    def end(self) -> None:
        """Called when the job is over: its last word. Its rows have been told."""
        self._say(closing(self._view))

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def _lines(self, message: Message) -> Iterator[str]:
        match message:
            case Catchup(state=state):
                yield report(message.job_id, state)
                for row in message.results:
                    yield from self._row(row)
            case Progress(status=DocumentStatus.PROCESSING):
                return
            case Progress():
                yield from self._row(message.row)
            case Keepalive(status=status):
                if status is not self._status and self._view.state:
                    yield standing(message.job_id, self._view.state)

    def _row(self, row: Row) -> Iterator[str]:
        """A row and its evidence, unless it was told so before: a catchup repeats."""
        if not self._of_run(row.row_id) or self._said.get(row.row_id) == row:
            return
        self._said[row.row_id] = row
        total = self._view.state.total if self._view.state else 0
        wait = f"; {again(row.retry_after_ms / 1000)}" if row.retry_after_ms and not row.status.final else ""
        yield f"{row.row_id + 1:>{len(str(total))}}/{total} {row.status:<10} {_titled(row)}{wait}"
        yield from _support(row)


def again(seconds: float) -> str:
    """When a row is tried again."""
    return f"again in {seconds:.1f} s" if seconds else "again at once"
