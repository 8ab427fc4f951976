"""A job on a terminal: live, or line by line where there is none. Text from outside is made harmless."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from protocol.document import one_line
from protocol.failures import ClientError
from protocol.messages import Catchup, Completed, Ending, JobState, Keepalive, Message, Progress, Row
from protocol.view import JobView
from protocol.words import DocumentStatus, JobStatus

WIDTH_WITHOUT_TERMINAL = 120
TABLE_ROWS_MAX = 1_000
REFRESHES_PER_S = 8.0
LINES_AROUND = 7
"""What the live picture shows beside rows: the job, the bar, headings, space."""
STYLES = {
    DocumentStatus.PENDING: "yellow",
    DocumentStatus.PROCESSING: "cyan",
    DocumentStatus.SUCCESS: "green",
    DocumentStatus.FAILED: "red",
}


def make_console() -> Console:
    """The console on standard output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """Rows with their tags, or why they have none: a table, or where that would take seconds, lines."""
    if len(rows) <= TABLE_ROWS_MAX:
        console.print(_table(rows))
        return
    width = len(str(rows[-1].row_id + 1))
    for row in rows:
        line = f"{row.row_id + 1:>{width}}  {row.status:<10}  {one_line(row.title)}: {outcome(row)}\n"
        console.file.write(line)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("title", ratio=2, overflow="fold")
    table.add_column("status")
    table.add_column("tags", ratio=3, overflow="fold")
    for row in rows:
        status = Text(row.status, STYLES[row.status])
        table.add_row(str(row.row_id + 1), Text(one_line(row.title)), status, Text(outcome(row)))
    return table


def outcome(row: Row) -> str:
    """What there is to say of a row behind its status: its tags, or its error."""
    if row.tags is not None:
        return one_line(", ".join(row.tags))
    return one_line(f"{row.error} ({row.error_type})") if row.error else ""


def summary(state: JobState) -> str:
    """The job in numbers."""
    done = state.processed_count + state.failed_count
    return f"{done:,} of {state.total:,} done: {state.processed_count:,} tagged, {state.failed_count:,} failed"


def closing(ending: Ending) -> str:
    """The job's last word."""
    return one_line(f"{ending.message}: {ending.processed_count} tagged, {ending.failed_count} failed")


class Lines:
    """One line for each thing that people want to know."""

    def __init__(self, console: Console, view: JobView) -> None:
        self._console, self._view = console, view
        self._status: JobStatus | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def hear(self, message: Message) -> None:
        """Called with each message when the view has taken it in."""
        for line in self._lines(message):
            self._console.print(Text(line), soft_wrap=True)
        self._status = self._view.state.status if self._view.state else None

    def lost(self, fault: ClientError) -> None:
        """Called when there is no connection: another one is being made."""
        self._console.print(Text(one_line(f"connecting again: {fault}")), soft_wrap=True)

    def _lines(self, message: Message) -> Iterator[str]:
        match message:
            case Catchup():
                yield f"job {message.job_id}: {message.state.status}, {summary(message.state)}"
                yield from map(self._line, message.results)
            case Progress(status=DocumentStatus.PROCESSING):
                return
            case Progress():
                yield self._line(message.row)
            case Keepalive(status=status):
                if status is not self._status:
                    yield f"job {message.job_id}: {status}"

    def _line(self, row: Row) -> str:
        total = self._view.state.total if self._view.state else 0
        wait = f"; {_again(row.retry_after_ms / 1000)}" if row.retry_after_ms and not row.status.final else ""
        return (
            f"{row.row_id + 1:>{len(str(total))}}/{total} {row.status:<10} {one_line(row.title)}: {outcome(row)}{wait}"
        )


class Picture:
    """A live picture as high as the terminal: the job, its rows in motion, the last that ended."""

    def __init__(self, console: Console, view: JobView) -> None:
        self._console, self._view = console, view
        self._ended: deque[Row] = deque(maxlen=console.size.height)
        self._due: dict[int, float] = {}
        self._lost = ""
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def hear(self, message: Message) -> None:
        """Called with each message when the view has taken it in."""
        self._lost = ""
        match message:
            case Catchup():
                self._ended.extend(message.results)
                for waiting in message.rows:
                    self._note(waiting.row)
            case Progress():
                self._note(message.row)

    def lost(self, fault: ClientError) -> None:
        """Called when there is no connection: another one is being made."""
        self._lost = "; " + one_line(f"connecting again: {fault}")

    def _note(self, row: Row) -> None:
        self._due.pop(row.row_id, None)
        if row.status.final:
            self._ended.append(row)
        elif row.retry_after_ms is not None:
            self._due[row.row_id] = time.monotonic() + row.retry_after_ms / 1000

    def _draw(self) -> RenderableType:
        state = self._view.state
        if state is None:
            return Text(f"job {self._view.job_id}: connecting …")
        room = max(2, self._console.size.height - LINES_AROUND)
        # A copy: this is another thread than the one that hears.
        rows = list(self._view.rows.values())
        moving = [row for row in rows if row.status is DocumentStatus.PROCESSING or _waits(row)]
        ended = list(self._ended)[-max(1, room - min(len(moving), room // 2)) :]
        return Group(
            self._headline(state),
            _bar(state.progress),
            Text(summary(state)),
            *self._section("in motion", moving[: room - len(ended)], len(moving)),
            *self._section("last ended", ended[::-1], len(ended)),
        )

    def _headline(self, state: JobState) -> Text:
        known = (f"job {self._view.job_id}: {state.status}", "bold")
        return Text.assemble(known, (self._lost, "yellow"), no_wrap=True, overflow="ellipsis")

    def _section(self, name: str, rows: list[Row], count: int) -> Iterator[RenderableType]:
        if not rows:
            return
        yield Text(name if count == len(rows) else f"{name} ({len(rows)} of {count:,})", style="dim")
        table = Table.grid(padding=(0, 1), expand=True)
        for ratio in (None, None, 2, 3):
            table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
        for row in rows:
            status = Text(row.status, STYLES[row.status])
            table.add_row(f"{row.row_id + 1:>6}", status, Text(one_line(row.title)), Text(self._fate(row)))
        yield table

    def _fate(self, row: Row) -> str:
        due = self._due.get(row.row_id)
        again = _again(max(0.0, due - time.monotonic())) + "; " if due is not None and not row.status.final else ""
        return again + outcome(row)


def _bar(progress: float) -> Table:
    """A line of its own: Rich's bar alone ends without one."""
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=1.0, completed=progress))
    return bar


def _waits(row: Row) -> bool:
    return row.status is DocumentStatus.PENDING and row.error is not None


def _again(seconds: float) -> str:
    return f"again in {seconds:.1f} s" if seconds else "again at once"


def print_ending(console: Console, view: JobView) -> bool:
    """The table of tags and the job's last word; whether it is a good one."""
    print_rows(console, [row for _, row in sorted(view.rows.items())])
    if view.ending:
        console.print(Text(closing(view.ending), style="bold"))
    return isinstance(view.ending, Completed)
