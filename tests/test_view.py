"""The picture of a job: however one came to it, it is the same picture.

The server is a pure model here: it makes a job move at random, remembers every event, and can tell at any
moment a catchup, whole or since a cursor, as contract §1 says.
"""

import copy
import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Catchup, JobState, Keepalive, Message, Progress, Row, ending
from protocol.view import CURSORS_KEPT, JobView
from protocol.words import DocumentStatus, ErrorType, JobStatus

JOB = "a"
TOTAL = 3


@dataclasses.dataclass
class Model:
    """A job on a server: what `moves` did to it, and all that was told of it."""

    status: JobStatus = JobStatus.PENDING
    results: dict[int, Row] = dataclasses.field(default_factory=dict)
    out: dict[int, Row] = dataclasses.field(default_factory=dict)
    told: list[Message] = dataclasses.field(default_factory=list)

    @property
    def cursor(self) -> str:
        return f"run.{len(self.told)}"

    @property
    def state(self) -> JobState:
        good = sum(row.status is DocumentStatus.SUCCESS for row in self.results.values())
        return JobState(
            status=self.status,
            progress=len(self.results) / TOTAL,
            processed_count=good,
            failed_count=len(self.results) - good,
            total=TOTAL,
        )

    def tell(self, make: Callable[[str], Message]) -> None:
        self.told.append(make(f"run.{len(self.told) + 1}"))

    def move(self, row: Row) -> None:
        if self.status.over or row.row_id in self.results:
            return
        if self.status is JobStatus.PENDING:
            self.status = JobStatus.PROCESSING
        self.out.pop(row.row_id, None)
        (self.results if row.status.final else self.out)[row.row_id] = row
        self.tell(lambda cursor: Progress.of(JOB, row, len(self.results) / TOTAL, cursor))
        if len(self.results) == TOTAL:
            self.end(JobStatus.COMPLETED)

    def become(self, status: JobStatus) -> None:
        if not self.status.over:
            self.status = status
            self.tell(lambda cursor: Keepalive(job_id=JOB, status=status, cursor=cursor))

    def end(self, status: JobStatus) -> None:
        if not self.status.over:
            self.status, self.out = status, {}
            state = self.state
            self.tell(
                lambda cursor: ending(status).of(
                    JOB, processed=state.processed_count, failed=state.failed_count, message=status, cursor=cursor
                )
            )

    def catchup(self, since: int | None = None) -> list[Message]:
        """What a new connection hears at once: whole, or since that many events."""
        fresh = {
            event.row_id for event in self.told[since or 0 :] if isinstance(event, Progress) and event.status.final
        }
        catchup = Catchup(
            job_id=JOB,
            state=self.state,
            results=[row for row_id, row in sorted(self.results.items()) if since is None or row_id in fresh],
            rows=[
                Progress.of(JOB, later(row), self.state.progress, None) for row in self.out.values() if moves_on(row)
            ],
            resumed=None if since is None else True,
            cursor=self.cursor,
        )
        return [catchup, self.told[-1]] if self.status.over else [catchup]


def moves_on(row: Row) -> bool:
    """Whether a row runs or waits for a retry: a catchup is silent about one that merely waits for its turn."""
    return row.status is DocumentStatus.PROCESSING or row.error is not None


def later(row: Row) -> Row:
    """A row as a catchup tells it after some time: less is left of its wait."""
    left = None if row.retry_after_ms is None else row.retry_after_ms // 2
    return Row(**{name: getattr(row, name) for name in Row.__struct_fields__} | {"retry_after_ms": left})


row_ids = st.integers(0, TOTAL - 1)
titles = st.just("T")
errors = {"error": st.just("Away"), "error_type": st.sampled_from([ErrorType.NETWORK, ErrorType.RATE_LIMIT])}
waits = st.integers(0, 9_000)
rows = st.one_of(
    st.builds(Row.processing, row_ids, titles, retry_count=st.integers(1, 3)),
    st.builds(Row.waiting, row_ids, titles),
    st.builds(Row.waiting, row_ids, titles, retry_after_ms=waits, **errors),
    st.builds(Row.success, row_ids, titles, tags=st.just(["a"])),
    st.builds(Row.failed, row_ids, titles, retry_after_ms=st.none() | waits, **errors),
)
moves = st.one_of(
    rows.map(lambda row: lambda model: model.move(row)),
    rows.map(lambda row: lambda model: model.move(row)),
    st.sampled_from([JobStatus.PAUSED, JobStatus.PROCESSING]).map(lambda status: lambda model: model.become(status)),
    st.sampled_from([JobStatus.CANCELLED, JobStatus.FAILED]).map(lambda status: lambda model: model.end(status)),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Model]:
    """A job at each moment of its life."""
    model, moments = Model(), [Model()]
    for move in draw(st.lists(moves, max_size=12)):
        move(model)
        moments.append(copy.copy(model))
        model.results, model.out, model.told = dict(model.results), dict(model.out), list(model.told)
    return moments


def seen(*messages: Message) -> JobView:
    view = JobView(JOB)
    for message in messages:
        view.apply(message)
    return view


@given(histories(), st.data())
def test_a_catchup_and_the_events_since_equal_a_later_catchup(moments: list[Model], data: st.DataObject) -> None:
    now = moments[-1]
    before = data.draw(st.sampled_from(moments))
    assert seen(*before.catchup(), *now.told[len(before.told) :]) == seen(*now.catchup())


@given(histories(), st.data())
def test_any_number_of_reconnections_leads_to_the_same_picture(moments: list[Model], data: st.DataObject) -> None:
    now = moments[-1]
    stops = sorted(data.draw(st.sets(st.integers(0, len(moments) - 1))))
    view, known = seen(*moments[0].catchup()), 0
    for stop in stops:
        cut = data.draw(st.integers(known, len(moments[stop].told)))
        for message in [*moments[stop].told[known:cut], *moments[stop].catchup(since=cut)]:
            view.apply(message)
        known = len(moments[stop].told)
    for message in now.told[known:]:
        view.apply(message)
    assert view == seen(*now.catchup())


@given(histories(), st.data())
def test_repeated_messages_are_harmless(moments: list[Model], data: st.DataObject) -> None:
    now = moments[-1]
    view = seen(*moments[0].catchup())
    for count, message in enumerate(now.told, 1):
        view.apply(message)
        for again in data.draw(st.lists(st.sampled_from(now.told[:count]), max_size=3)):
            view.apply(again)
    assert view == seen(*now.catchup())


@given(histories(), st.data())
def test_progress_never_falls(moments: list[Model], data: st.DataObject) -> None:
    view, shares = JobView(JOB), [0.0]
    known = data.draw(st.integers(0, len(moments) - 1))
    for message in [*moments[known].catchup(), *moments[-1].told, *moments[-1].catchup(since=0)]:
        view.apply(message)
        assert view.state
        shares.append(view.state.progress)
    assert shares == sorted(shares)


@given(histories())
def test_counts_agree_with_the_rows(moments: list[Model]) -> None:
    view = seen(*moments[0].catchup(), *moments[-1].told)
    assert view.state
    statuses = [row.status for row in view.rows.values()]
    assert view.state.processed_count == statuses.count(DocumentStatus.SUCCESS)
    assert view.state.failed_count == statuses.count(DocumentStatus.FAILED)


def progress(row: Row, share: float = 0.0, cursor: str | None = None) -> Progress:
    return Progress.of(JOB, row, share, cursor)


def test_a_view_knows_nothing_before_the_first_catchup() -> None:
    view = JobView(JOB)
    assert (view.state, view.rows, view.ending, view.cursor) == (None, {}, None, None)


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.FAILED])
def test_rows_that_had_not_ended_wait_again_when_the_job_stops(status: JobStatus) -> None:
    view = seen(
        *Model().catchup(),
        progress(Row.processing(0, "A", retry_count=2, model_name="m", id="7")),
        progress(Row.waiting(1, "B", error="Away", error_type=ErrorType.NETWORK, retry_after_ms=5)),
        progress(Row.success(2, "C", tags=["c"]), 1 / 3),
        ending(status).of(JOB, processed=1, failed=0, message="Stopped"),
    )
    assert view.rows == {
        0: Row.waiting(0, "A", model_name="m", id="7"),
        1: Row.waiting(1, "B"),
        2: Row.success(2, "C", tags=["c"]),
    }
    assert view.state
    assert (view.state.status, view.state.message) == (status, "Stopped")


def test_a_row_that_ended_stays_as_it_ended() -> None:
    view = seen(
        *Model().catchup(),
        progress(Row.success(0, "A", tags=["a"]), 1 / 3),
        progress(Row.processing(0, "A", retry_count=1)),
        progress(Row.failed(0, "A", error="No", error_type=ErrorType.INTERNAL), 1 / 3),
    )
    assert view.rows == {0: Row.success(0, "A", tags=["a"])}
    assert view.state
    assert (view.state.processed_count, view.state.failed_count) == (1, 0)


def test_a_row_that_was_given_back_unheard_waits_again() -> None:
    model = Model()
    model.move(Row.processing(0, "A", retry_count=1))
    model.move(Row.waiting(0, "A"))
    view = seen(*Model().catchup(), model.told[0], *model.catchup(since=1))
    assert view.rows == {0: Row.waiting(0, "A")}
    assert view == seen(*model.catchup())


def test_a_whole_catchup_replaces_what_was_known_be_it_less() -> None:
    view = seen(*Model().catchup(), progress(Row.success(0, "A", tags=["a"]), 1 / 3, "run.9"))
    (fresh,) = Model().catchup()
    view.apply(fresh)
    assert view == seen(fresh)
    view.apply(progress(Row.success(0, "A", tags=["b"]), 1 / 3, "run.9"))
    assert view.rows[0].tags == ["b"]


def test_a_new_run_begins_a_new_picture() -> None:
    model = Model()
    model.end(JobStatus.CANCELLED)
    view = seen(*model.catchup())
    assert view.ending
    view.apply(Model().catchup()[0])
    assert view.ending is None


def test_the_cursor_is_the_last_one_told() -> None:
    view = seen(*Model().catchup(), progress(Row.processing(0, "A"), cursor="run.5"))
    view.apply(Keepalive(job_id=JOB, status=JobStatus.PROCESSING))
    assert view.cursor == "run.5"


def test_the_reason_of_a_pause_is_kept_until_it_is_over() -> None:
    view = seen(*Model().catchup())
    for status, message in [(JobStatus.PAUSED, "No tokens"), (JobStatus.PAUSED, None)]:
        view.apply(Keepalive(job_id=JOB, status=status, message=message))
        assert view.state
        assert (view.state.status, view.state.message) == (JobStatus.PAUSED, "No tokens")
    view.apply(Keepalive(job_id=JOB, status=JobStatus.PROCESSING))
    assert view.state
    assert view.state.message is None


def test_only_so_many_cursors_are_remembered() -> None:
    view = seen(*Model().catchup())
    for number in range(CURSORS_KEPT + 10):
        view.apply(progress(Row.processing(0, "A"), cursor=f"run.{number + 1}"))
    assert len(view._heard._cursors) == CURSORS_KEPT


def test_a_message_of_another_job_is_refused() -> None:
    with pytest.raises(ValueError, match="another job"):
        JobView("b").apply(Model().catchup()[0])


def test_a_view_differs_from_a_view_of_something_else() -> None:
    assert seen(*Model().catchup()) != JobView(JOB)
    assert seen(*Model().catchup()) != "a"
