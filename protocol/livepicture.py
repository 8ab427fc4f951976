"""A job on a terminal, live: a picture as high as the screen, and a table of what became of its rows."""

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from protocol.document import one_line
from protocol.failures import ClientError
from protocol.messages import Catchup, JobState, Message, Progress, Row
from protocol.terminal import (
    STYLES,
    OfRun,
    again,
    all_rows,
    closing,
    connecting,
    outcome,
    rows_table,
    standing,
    summary,
)
from protocol.view import JobView
from protocol.words import DocumentStatus

REFRESHES_PER_S = 8.0
LINES_AROUND = 7
"""What the live picture shows beside rows: the job, the bar, headings, space."""
ENDED_ROWS_MAX = 30
"""What the table at the end shows, failures first."""


class Picture:
    """A live picture as high as the terminal: the job, its rows in motion, the last that ended."""

    def __init__(self, console: Console, view: JobView, of_run: OfRun = all_rows) -> None:
        self._console, self._view, self._of_run = console, view, of_run
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
                self._ended.extend(row for row in message.results if self._of_run(row.row_id))
                for waiting in message.rows:
                    self._note(waiting.row)
            case Progress():
                self._note(message.row)

    def lost(self, fault: ClientError) -> None:
        """Called when there is no connection: another one is being made."""
        self._lost = f"; {connecting(fault)}"

    def end(self) -> None:
        """Called behind the picture: the rows, those first that failed, and the job's last word."""
        rows = sorted(filter(self._is_shown, self._view.rows.values()), key=_worst_first)
        self._console.print(rows_table(rows[:ENDED_ROWS_MAX]))
        if len(rows) > ENDED_ROWS_MAX:
            more = f"... and {len(rows) - ENDED_ROWS_MAX:,} more: python -m protocol results {self._view.job_id}"
            self._console.print(Text(more), soft_wrap=True)
        self._console.print(Text(closing(self._view), style="bold"), soft_wrap=True)

    def _is_shown(self, row: Row) -> bool:
        return self._of_run(row.row_id)

    def _note(self, row: Row) -> None:
        self._due.pop(row.row_id, None)
        if row.status.final:
            self._ended.append(row)
        elif row.retry_after_ms is not None:
            self._due[row.row_id] = time.monotonic() + row.retry_after_ms / 1000

    def _draw(self) -> RenderableType:
        state = self._view.state
        if state is None:
            return Text(f"job {self._view.job_id}: {self._lost.removeprefix('; ') or 'connecting …'}")
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
        known = (standing(self._view.job_id, state), "bold")
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
        wait = again(max(0.0, due - time.monotonic())) + "; " if due is not None and not row.status.final else ""
        return wait + outcome(row)


def _bar(progress: float) -> Table:
    """A line of its own: Rich's bar alone ends without one."""
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=1.0, completed=progress))
    return bar


def _waits(row: Row) -> bool:
    return row.status is DocumentStatus.PENDING and row.error is not None


def _worst_first(row: Row) -> tuple[bool, int]:
    return row.status is not DocumentStatus.FAILED, row.row_id
