"""What people see: bounded by their terminal, harmless to it."""

import io

import pytest
from rich.console import Console

from protocol.failures import Unreachable
from protocol.livepicture import Picture
from protocol.messages import Catchup, Completed, Evidence, JobState, Keepalive, Message, Progress, Row
from protocol.terminal import (
    LOST_AGAIN_S,
    TABLE_ROWS_MAX,
    Lines,
    Losses,
    OfRun,
    all_rows,
    make_console,
    print_rows,
    report,
)
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


def tell(show: type[Lines | Picture], shown: Console, *messages: Message, of_run: OfRun = all_rows) -> None:
    view = JobView(JOB)
    with show(shown, view, of_run) as display:
        for message in messages:
            view.apply(message)
            display.hear(message)
    if view.ending:
        display.end()


def completed(processed: int, failed: int) -> Completed:
    return Completed.of(JOB, processed=processed, failed=failed, message="Job completed")


def squeezed(shown: Console) -> list[str]:
    return [" ".join(line.split()) for line in text_of(shown).splitlines()]


def failed(row_id: int, kind: ErrorType = ErrorType.SOURCE) -> Row:
    return Row.failed(row_id, f"F{row_id}", error="Not there", error_type=kind)


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
    quoted = [Evidence(tag=evil, page=1, quote=evil)]
    ended = Row.success(0, evil, tags=[evil], evidence=quoted)
    last = Completed.of(JOB, processed=1, failed=0, message=evil)
    tell(show, shown, catchup(2), progress(ended), progress(Row.processing(1, evil)), last)
    written = text_of(shown)
    assert "[red]bold[/]" in written
    assert "\x1b]0" not in written
    assert "\x9b" not in written
    assert "\x07" not in written


@pytest.mark.parametrize("show", [Lines, Picture])
def test_a_lost_connection_is_told(show: type[Lines | Picture]) -> None:
    shown = console(terminal=show is Picture)
    view = JobView(JOB)
    view.apply(catchup(2))
    with show(shown, view) as display:
        display.lost(Unreachable("the server cannot be reached"))
    assert (": processing; " * (show is Picture)) + "connecting again: the server cannot be reached" in text_of(shown)


def test_without_a_terminal_each_row_is_told_once() -> None:
    shown = console()
    again = [Row.success(0, "A", tags=["a"]), failed(1), failed(2)]
    messages: list[Message] = [catchup(3), *map(progress, again[:2]), catchup(3, *again), completed(1, 2)]
    tell(Lines, shown, *messages)
    start = f"job {JOB}: processing, 0 of 3 done: 0 tagged, 0 failed"
    assert text_of(shown).splitlines() == [
        start,
        "1/3 success    A: a",
        "2/3 failed     F1: Not there (source)",
        start,
        "3/3 failed     F2: Not there (source)",
        "Job completed: 1 tagged, 2 failed (2 source)",
    ]


@pytest.mark.parametrize("show", [Lines, Picture])
def test_of_a_further_run_only_its_own_rows_are_shown(show: type[Lines | Picture]) -> None:
    shown = console(terminal=show is Picture)
    old = [Row.success(0, "Old", tags=["a"]), failed(1)]
    new = Row.success(2, "New", tags=["b"])
    tell(show, shown, catchup(3, *old), progress(new), completed(2, 1), of_run={2}.__contains__)
    assert "New" in text_of(shown)
    assert "Old" not in text_of(shown)
    assert "2 tagged, 1 failed (1 source)" in text_of(shown)


def test_a_row_with_nothing_to_say_has_no_colon() -> None:
    shown = console()
    tell(Lines, shown, catchup(2), progress(Row.waiting(0, "A")), progress(Row.success(1, "B", tags=[])))
    assert text_of(shown).splitlines()[1:] == ["1/2 pending    A", "2/2 success    B"]


EVIDENCE = [Evidence(tag="a", page=3, quote="An a stands here."), Evidence(tag="b", page=1, quote="B")]


def test_lines_tell_what_supports_the_tags() -> None:
    shown = console()
    tell(Lines, shown, catchup(1, Row.success(0, "A", tags=["a", "b"], evidence=EVIDENCE)))
    assert text_of(shown).splitlines()[1:] == [
        "1/1 success    A: a, b",
        "    a, page 3: “An a stands here.”",
        "    b, page 1: “B”",
    ]


@pytest.mark.parametrize("degraded", [True, False])
def test_tags_that_are_a_makeshift_say_so(degraded: bool) -> None:
    shown, row = console(), Row.success(0, "A", tags=["a", "b"], metadata={"degraded": True} if degraded else {})
    tell(Lines, shown, catchup(1, row))
    print_rows(shown, [row])
    assert text_of(shown).count("a, b (degraded)") == (2 if degraded else 0)


@pytest.mark.parametrize("count", [1, TABLE_ROWS_MAX + 1], ids=["table", "lines"])
def test_results_tell_what_supports_the_tags(count: int) -> None:
    shown = console()
    print_rows(shown, [Row.success(n, "A", tags=["a", "b"], evidence=EVIDENCE) for n in range(count)])
    assert squeezed(shown).count("a, page 3: “An a stands here.”") == count


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ((JobStatus.PAUSED, "The budget is used up", None), "paused: The budget is used up; 3 of 9 done: 2 tagged, 1"),
        ((JobStatus.FAILED, "Refused.", ErrorType.AUTH), "failed: Refused (auth); 3 of 9 done: 2 tagged, 1 failed"),
        ((JobStatus.PAUSED, None, None), "paused, 3 of 9 done: 2 tagged, 1 failed"),
        ((JobStatus.COMPLETED, "Job completed", None), "completed, 3 of 9 done: 2 tagged, 1 failed"),
    ],
)
def test_a_report_says_why_a_job_is_paused_or_has_failed(
    state: tuple[JobStatus, str | None, ErrorType | None], line: str
) -> None:
    status, message, kind = state
    numbers = {"progress": 0.3, "processed_count": 2, "failed_count": 1, "total": 9}
    told = report("j", JobState(status=status, message=message, error_type=kind, **numbers))  # type: ignore[arg-type]
    assert told.startswith(f"job j: {line}")


@pytest.mark.parametrize("show", [Lines, Picture])
def test_a_pause_says_why(show: type[Lines | Picture]) -> None:
    shown = console(terminal=show is Picture)
    tell(show, shown, catchup(2), Keepalive(job_id=JOB, status=JobStatus.PAUSED, message="No tokens are left"))
    assert f"job {JOB}: paused: No tokens are left" in text_of(shown)


def test_a_connection_that_is_lost_anew_is_told_anew() -> None:
    shown, view = console(), JobView(JOB)
    lines = Lines(shown, view)
    for _ in range(2):
        lines.lost(Unreachable("away"))
        view.apply(catchup(2))
        lines.hear(catchup(2))
    assert text_of(shown).count("connecting again: away") == 2


def test_the_same_loss_is_told_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    losses, away, other = Losses(), Unreachable("away"), Unreachable("other")
    away.gives_up_in_s = 300.0

    def told(fault: Unreachable, after_s: float) -> bool:
        now[0] += after_s
        return losses.line(fault) is not None

    assert losses.line(away) == "connecting again (gives up in 300 s): away"
    assert [told(away, LOST_AGAIN_S / 2), told(away, LOST_AGAIN_S / 2), told(away, 1)] == [False, True, False]
    assert [told(other, 0), told(other, 0), told(away, 0)] == [True, False, True]
    losses.over()
    assert told(away, 0)


def test_more_rows_than_a_table_holds_are_lines() -> None:
    shown = console()
    print_rows(shown, [Row.success(n, "A", tags=["a"]) for n in range(TABLE_ROWS_MAX + 1)])
    lines = text_of(shown).splitlines()
    assert len(lines) == TABLE_ROWS_MAX + 1
    assert lines[0] == "   1  success     A: a"


def test_without_a_terminal_lines_are_wide_enough_to_read() -> None:
    assert make_console().width >= 80
