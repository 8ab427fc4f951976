"""What was told once is not told again, whichever way it comes."""

from collections.abc import Sequence

from protocol.messages import Catchup, JobState, Keepalive, Message, Progress, Row
from protocol.told import Told
from protocol.words import DocumentStatus, ErrorType, JobStatus

JOB = "job-1"


def good(row_id: int) -> Row:
    return Row.success(row_id, "T", tags=["a"])


def bad(row_id: int) -> Row:
    return Row.failed(row_id, "T", error="no", error_type=ErrorType.SOURCE)


def state(good: int = 0, bad: int = 0, status: JobStatus = JobStatus.PROCESSING) -> JobState:
    return JobState(status=status, progress=0.5, processed_count=good, failed_count=bad, total=9)


def catchup(*rows: Row, resumed: bool | None = None, cursor: str | None = None) -> Catchup:
    return Catchup(job_id=JOB, state=state(), results=rows, resumed=resumed, cursor=cursor)


def progress(row: Row, cursor: str | None = None) -> Progress:
    return Progress.of(JOB, row, 0.5, cursor)


def after(*messages: Message, cursor: str | None = None) -> Told:
    told = Told(cursor)
    for message in messages:
        told.news(message)
    return told


def rows_of(message: Message | None) -> Sequence[int]:
    assert isinstance(message, Catchup)
    return [row.row_id for row in message.results]


def test_a_row_that_ended_is_told_once_whoever_tells_it() -> None:
    told = after(catchup(good(0)), progress(good(1)))
    assert told.news(progress(good(0), "r.1")) is None
    assert told.news(progress(good(1), "r.2")) is None
    assert told.news(progress(bad(2))) == progress(bad(2))
    assert told.rows == dict.fromkeys([0, 1], DocumentStatus.SUCCESS) | {2: DocumentStatus.FAILED}


def test_a_row_that_has_not_ended_may_be_told_again() -> None:
    told = after(catchup())
    for attempt in (1, 2):
        message = progress(Row.processing(0, "T", retry_count=attempt))
        assert told.news(message) == message


def test_a_catchup_that_goes_on_tells_only_what_is_new() -> None:
    told = after(catchup(good(0), cursor="r.1"), catchup(good(3), resumed=True))
    assert rows_of(told.news(catchup(good(2), good(3), resumed=True, cursor="r.4"))) == [2]
    assert told.cursor == "r.4"


def test_a_first_socket_after_polling_goes_on_where_it_holds_all_that_was_told() -> None:
    told = after(catchup(good(1)), progress(bad(2)))
    news = told.news(catchup(good(0), good(1), bad(2), cursor="r.7"))
    assert rows_of(news) == [0]
    assert isinstance(news, Catchup)
    assert news.resumed is True


def test_a_first_socket_after_polling_begins_anew_where_it_does_not() -> None:
    told = after(catchup(good(1)), progress(bad(2)))
    news = told.news(catchup(good(1), good(2), cursor="r.7"))
    assert rows_of(news) == [1, 2]
    assert isinstance(news, Catchup)
    assert news.resumed is False
    assert told.rows == dict.fromkeys([1, 2], DocumentStatus.SUCCESS)


def test_a_catchup_that_tells_everything_again_is_left_as_it_is() -> None:
    told = after(catchup(good(0), bad(1), cursor="r.1"))
    again = catchup(good(0), resumed=False, cursor="s.1")
    assert told.news(again) == again
    assert told.news(progress(good(1), "s.2")) is not None


def test_behind_a_cursor_that_the_caller_brought_nobody_knows_the_whole() -> None:
    told = after(catchup(good(4), resumed=True, cursor="r.5"), progress(good(5), "r.6"), cursor="r.4")
    assert not told.whole
    assert told.goes_on is False
    assert told.rows == {}


def test_what_a_catchup_made_here_says_of_itself() -> None:
    assert Told().goes_on is None
    assert Told("r.1").goes_on is False
    told = after(catchup(good(0)))
    assert told.goes_on is True
    told.forget()
    assert (told.goes_on, told.cursor, told.rows) == (False, None, {})


def test_fewer_rows_than_were_told_are_another_run() -> None:
    told = after(catchup(good(0), good(1), bad(2)))
    assert not told.contradicts(state(good=2, bad=1), None)
    assert not told.contradicts(state(good=3, bad=1), None)
    assert told.contradicts(state(good=2, bad=0), None)
    assert told.contradicts(state(good=1, bad=4), None)


def test_another_name_of_the_run_is_another_run_whatever_it_counts() -> None:
    told = after(catchup(good(0)))
    assert not told.contradicts(state(good=1), "a run")  # nobody has said which it was
    told.run = "a run"
    assert not told.contradicts(state(good=1), "a run")
    assert told.contradicts(state(good=1), "another")


def test_the_status_is_the_last_that_was_told() -> None:
    began = Catchup(job_id=JOB, state=state(status=JobStatus.PENDING), results=[])
    paused = Keepalive(job_id=JOB, status=JobStatus.PAUSED)
    assert after(began).status is JobStatus.PENDING
    assert after(began, progress(Row.processing(0, "T"))).status is JobStatus.PROCESSING
    assert after(began, paused, progress(good(0))).status is JobStatus.PAUSED


def test_a_repeat_of_the_stream_is_no_news() -> None:
    told = after(catchup(cursor="r.0"), progress(Row.processing(0, "T"), "r.1"), progress(good(0), "r.2"))
    assert told.news(progress(Row.processing(0, "T"), "r.1")) is None
