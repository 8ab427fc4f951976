"""The live picture and what stays of it: bounded by the terminal, however big the job is."""

import re

import pytest

from protocol.failures import Unreachable
from protocol.livepicture import ENDED_ROWS_MAX, Picture
from protocol.messages import Cancelled, Message, Row
from protocol.view import JobView
from protocol.words import ErrorType
from tests.test_terminal import (
    HEIGHT,
    JOB,
    catchup,
    completed,
    console,
    failed,
    progress,
    squeezed,
    tell,
    text_of,
    wait,
)


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


def test_the_live_picture_says_that_it_connects() -> None:
    shown = console(terminal=True)
    shown.print(Picture(shown, JobView(JOB))._draw())
    assert "connecting" in text_of(shown)


def test_the_live_picture_says_why_it_cannot_connect_and_how_long_it_tries() -> None:
    shown, fault = console(terminal=True), Unreachable("nobody listens")
    fault.gives_up_in_s = 42.4
    picture = Picture(shown, JobView(JOB))
    picture.lost(fault)
    shown.print(picture._draw())
    assert "connecting again (gives up in 42 s): nobody listens" in text_of(shown)


def test_on_a_terminal_the_end_is_a_table_and_the_jobs_last_word() -> None:
    shown = console()
    last = Cancelled.of(JOB, processed=1, failed=1, message="Over")
    tell(Picture, shown, catchup(2, Row.success(0, "A", tags=["a", "b"]), failed(1)), last)
    assert squeezed(shown)[-4:] == [
        "# title status tags",
        "2 F1 failed Not there (source)",
        "1 A success a, b",
        "Over: 1 tagged, 1 failed (1 source)",
    ]


def test_on_a_terminal_the_end_of_a_big_job_is_its_failures_first_and_no_flood() -> None:
    shown = console()
    rows = [Row.success(n, f"S{n}", tags=["a"]) for n in range(298)]
    bad = [failed(298), failed(299, ErrorType.TIMEOUT)]
    tell(Picture, shown, catchup(300, *rows, *bad), completed(298, 2))
    lines = squeezed(shown)
    end = lines[lines.index("# title status tags") + 1 :]
    assert len(end) == ENDED_ROWS_MAX + 2
    assert [line.split()[0] for line in end[:3]] == ["299", "300", "1"]
    assert end[-2:] == [
        f"... and 270 more: python -m protocol results {JOB}",
        "Job completed: 298 tagged, 2 failed (1 source, 1 timeout)",
    ]
