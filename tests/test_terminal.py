"""What people see: bounded by their terminal, harmless to it."""

import io
import re

import pytest
from rich.console import Console

from protocol.failures import Unreachable
from protocol.messages import Cancelled, Catchup, Completed, JobState, Keepalive, Message, Progress, Row
from protocol.terminal import TABLE_ROWS_MAX, Lines, Picture, make_console, print_ending, print_rows
from protocol.view import JobView
from protocol.words import ErrorType, JobStatus

JOB = "job-1"
HEIGHT = 24


def console(*, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=100, height=HEIGHT, force_terminal=terminal, highlight=False, color_system=None
    )


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def catchup(total: int, *rows: Row) -> Catchup:
    state = JobState(status=JobStatus.PROCESSING, progress=0.0, processed_count=0, failed_count=0, total=total)
    return Catchup(job_id=JOB, state=state, results=rows)


def progress(row: Row) -> Progress:
    return Progress.of(JOB, row, 0.5, None)


def tell(show: type[Lines | Picture], shown: Console, *messages: Message) -> JobView:
    view = JobView(JOB)
    with show(shown, view) as display:
        for message in messages:
            view.apply(message)
            display.hear(message)
    return view


wait = {"error": "Too many requests", "error_type": ErrorType.RATE_LIMIT, "retry_count": 1}


def test_lines_tell_what_ends_and_what_waits() -> None:
    shown = console()
    tell(
        Lines,
        shown,
        catchup(10, Row.success(0, "A", tags=["a", "b"])),
        progress(Row.processing(1, "B", retry_count=1)),
        progress(Row.waiting(1, "B", retry_after_ms=2_500, **wait)),
        progress(Row.failed(2, "C", error="Not there", error_type=ErrorType.SOURCE)),
        Keepalive(job_id=JOB, status=JobStatus.PROCESSING),
        Keepalive(job_id=JOB, status=JobStatus.PAUSED, cursor="c"),
    )
    assert text_of(shown).splitlines() == [
        "job job-1: processing, 0 of 10 done: 0 tagged, 0 failed",
        " 1/10 success    A: a, b",
        " 2/10 pending    B: Too many requests (rate-limit); again in 2.5 s",
        " 3/10 failed     C: Not there (source)",
        "job job-1: paused",
    ]


@pytest.mark.parametrize("show", [Lines, Picture])
def test_text_from_outside_cannot_play_with_the_terminal(show: type[Lines | Picture]) -> None:
    shown = console(terminal=show is Picture)
    evil = "\x1b]0;title\x07\x9b31m[red]bold[/]\nnext"
    view = tell(show, shown, catchup(2), progress(Row.success(0, evil, tags=[evil])), progress(Row.processing(1, evil)))
    print_ending(shown, view)
    written = text_of(shown)
    assert "[red]bold[/]" in written
    assert "\x1b]0" not in written
    assert "\x9b" not in written
    assert "\x07" not in written


def test_the_live_picture_fits_the_terminal_however_many_rows_there_are() -> None:
    rows = [Row.processing(n, f"Document {n}") for n in range(5_000)]
    ended = [Row.success(n, f"Document {n}", tags=["tag"] * 50) for n in range(5_000, 10_000)]
    shown, view = console(terminal=True), JobView(JOB)
    picture = Picture(shown, view)
    messages: list[Message] = [catchup(10_000, *ended), *map(progress, rows)]
    for message in messages:
        view.apply(message)
        picture.hear(message)
    shown.print(picture._draw())
    lines = text_of(shown).splitlines()
    assert len(lines) < HEIGHT
    assert "in motion (8 of 5,000)" in lines
    assert sum("success" in line for line in lines) > 5


def test_the_live_picture_counts_down_to_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, view = console(terminal=True), JobView(JOB)
    picture = Picture(shown, view)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    message = progress(Row.waiting(0, "A", retry_after_ms=3_000, **wait))
    for each in (catchup(1), message):
        view.apply(each)
        picture.hear(each)
    monkeypatch.setattr("time.monotonic", lambda: 102.0)
    shown.print(picture._draw())
    assert "again in 1.0 s; Too many requests (rate-limit)" in text_of(shown)


def test_the_live_picture_shows_the_counts_below_the_bar() -> None:
    shown = console(terminal=True)
    tell(Picture, shown, catchup(60), progress(Row.success(0, "A", tags=["a"])))
    assert re.search(r"^1 of 60 done: 1 tagged, 0 failed", text_of(shown), re.MULTILINE)


@pytest.mark.parametrize("show", [Lines, Picture])
def test_a_lost_connection_is_told(show: type[Lines | Picture]) -> None:
    shown = console(terminal=show is Picture)
    view = JobView(JOB)
    view.apply(catchup(2))
    with show(shown, view) as display:
        display.lost(Unreachable("the server cannot be reached"))
    assert (": processing; " * (show is Picture)) + "connecting again: the server cannot be reached" in text_of(shown)


def test_the_live_picture_says_that_it_connects() -> None:
    shown = console(terminal=True)
    shown.print(Picture(shown, JobView(JOB))._draw())
    assert "connecting" in text_of(shown)


@pytest.mark.parametrize(("kind", "good"), [(Completed, True), (Cancelled, False)])
def test_the_end_is_a_table_and_the_jobs_last_word(kind: type[Completed | Cancelled], good: bool) -> None:
    shown = console()
    last = kind.of(JOB, processed=1, failed=1, message="Over")
    failed = Row.failed(1, "B", error="Not there", error_type=ErrorType.SOURCE)
    view = tell(Picture, console(), catchup(2, failed, Row.success(0, "A", tags=["a", "b"])), last)
    assert print_ending(shown, view) is good
    lines = [" ".join(line.split()) for line in text_of(shown).splitlines()]
    assert lines == [
        "# title status tags",
        "1 A success a, b",
        "2 B failed Not there (source)",
        "Over: 1 tagged, 1 failed",
    ]


def test_more_rows_than_a_table_holds_are_lines() -> None:
    shown = console()
    print_rows(shown, [Row.success(n, "A", tags=["a"]) for n in range(TABLE_ROWS_MAX + 1)])
    lines = text_of(shown).splitlines()
    assert len(lines) == TABLE_ROWS_MAX + 1
    assert lines[0] == "   1  success     A: a"


def test_without_a_terminal_lines_are_wide_enough_to_read() -> None:
    assert make_console().width >= 80
