"""What polling finds out, against a real HTTP server whose job goes on between any two requests."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from http import HTTPStatus
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import polling
from protocol.client import Client, JobNotFound, NotAuthenticated, RequestRefused, Unreachable
from protocol.messages import Cancelled, Catchup, Completed, Ending, Keepalive, Message, Progress, Row
from protocol.polling import Pace, Stretch, stretches
from protocol.view import JobView
from protocol.words import DocumentStatus, ErrorType, JobStatus
from tests.ledger import JOB, Again, Ledger, Move, ledger

LIMIT_S = 20


def good(row_id: int, tag: str = "a") -> Row:
    return Row.success(row_id, f"Title {row_id}", tags=[tag])


def bad(row_id: int, error: str = "no") -> Row:
    return Row.failed(row_id, f"Title {row_id}", error=error, error_type=ErrorType.SOURCE)


def poller(url: str, patience_s: float = 300.0) -> Client:
    return Client(url, "t", transport="polling", poll_s=(0, 0), backoff_s=(0, 0), patience_s=patience_s)


async def heard(book: Ledger, cursor: str | None = None) -> list[Message]:
    """All that polling tells of the job."""
    async with poller(book.url) as client, asyncio.timeout(LIMIT_S):
        return [message async for message in client.watch(JOB, cursor)]


def view_of(messages: Sequence[Message]) -> JobView:
    view = JobView(JOB)
    for message in messages:
        view.apply(message)
    return view


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[list[Move]]]:
    """Rows that end in any order, and a status that changes, parted anyhow between the requests; then an ending."""
    total = draw(st.integers(1, 9))
    count = draw(st.integers(0, total))
    moves: list[Move] = [draw(st.sampled_from([good, bad]))(row) for row in draw(st.permutations(range(total)))[:count]]
    for _ in range(draw(st.integers(0, 3))):
        moves.insert(draw(st.integers(0, max(0, count - 1))), draw(st.sampled_from(list(JobStatus)[1:3])))
    if count < total:
        moves.append(draw(st.sampled_from([JobStatus.CANCELLED, JobStatus.FAILED])))
    cuts = sorted(draw(st.lists(st.integers(0, len(moves)), max_size=12)))
    return total, [moves[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(moves)], strict=True)]


@given(histories(), st.integers(1, 4), st.integers(0, 3))
def test_the_picture_is_that_of_a_socket_however_rows_end_between_requests(
    history: tuple[int, list[list[Move]]], page_rows: int, near_rows: int
) -> None:
    async def play() -> tuple[list[Message], list[Message]]:
        async with ledger(*history) as book:
            return await heard(book), book.told

    with mock.patch.multiple(polling, PAGE_ROWS_MAX=page_rows, NEAR_ROWS=near_rows):
        told, as_by_socket = asyncio.run(play())
    assert view_of(told) == view_of(as_by_socket)
    assert isinstance(told[0], Catchup)
    assert [isinstance(message, Ending) for message in told].count(True) == isinstance(told[-1], Ending) == 1
    rows = [row.row_id for row in told[0].results]
    rows += [message.row_id for message in told if isinstance(message, Progress)]
    assert len(rows) == len(set(rows))


@given(histories())
def test_at_every_moment_the_counts_are_those_of_the_rows_told(history: tuple[int, list[list[Move]]]) -> None:
    async def play() -> None:
        async with ledger(*history) as book:
            view, shares = JobView(JOB), [0.0]
            for message in await heard(book):
                view.apply(message)
                assert view.state is not None
                ended = [row.status for row in view.rows.values() if row.status.final]
                assert view.state.processed_count == ended.count(DocumentStatus.SUCCESS)
                assert view.state.failed_count == ended.count(DocumentStatus.FAILED)
                shares.append(len(ended) / history[0])
                assert shares == sorted(shares)
                assert view.state.progress == shares[-1]

    asyncio.run(play())


async def test_what_happens_is_told_in_the_messages_of_a_socket() -> None:
    history: list[list[Move]] = [
        [good(1)],
        [],
        [JobStatus.PAUSED],
        [],
        [JobStatus.PROCESSING, bad(0)],
        [],
        [JobStatus.CANCELLED],
    ]
    async with ledger(3, history) as book:
        first, *rest = await heard(book)
    assert isinstance(first, Catchup)
    assert (first.results, first.resumed, first.cursor) == ([good(1)], None, None)
    assert rest == [
        Keepalive(job_id=JOB, status=JobStatus.PAUSED, message="No tokens are left"),
        Keepalive(job_id=JOB, status=JobStatus.PROCESSING),
        Progress.of(JOB, bad(0), 2 / 3, None),
        Cancelled.of(JOB, processed=1, failed=1, message="Job cancelled"),
    ]


async def test_a_cursor_that_only_a_socket_could_honour_brings_everything() -> None:
    async with ledger(1, [[good(0)]]) as book:
        first, last = await heard(book, "run.1-0")
    assert isinstance(first, Catchup)
    assert (first.results, first.resumed) == ([good(0)], False)
    assert isinstance(last, Completed)


async def test_where_nothing_changed_only_the_numbers_are_asked_for() -> None:
    idle: list[Sequence[Move]] = [[]] * 20
    async with ledger(10_000, [[*map(good, range(3_000))], [], [], [], *idle, [JobStatus.CANCELLED]]) as book:
        await heard(book)
        results = [path for path in book.asked if path != "/status"]
    assert [path.partition("?")[2] for path in results] == [
        "limit=1000",
        "limit=1000&after=999",
        "limit=1000&after=1999",
    ]
    assert book.rows_given == 3_000


async def test_rows_that_end_late_are_found_without_reading_what_was_told() -> None:
    """Rows 7 and 2500 of ten thousand come last: each costs a request for one row, not a reading of the whole."""
    early = [good(row) for row in range(5_000) if row not in (7, 2_500)]
    caught_up: list[Sequence[Move]] = [early, [], [], [], [], []]
    async with ledger(10_000, [*caught_up, [good(5_000), good(7)], [], [], [], [JobStatus.CANCELLED]]) as book:
        told = await heard(book)
        late = [path for path in book.asked if path != "/status"][-3:]
    assert [message.row_id for message in told if isinstance(message, Progress)] == [7, 5_000]
    assert [path.partition("?")[2] for path in late] == ["limit=2&after=4999", "limit=1&after=2499", "limit=1&after=6"]
    assert book.rows_given == len(early) + 3


async def test_rows_that_lie_near_to_each_other_are_one_request() -> None:
    early = [good(row) for row in range(100) if row not in (10, 50)]
    async with ledger(100, [early, [], [JobStatus.PROCESSING], [good(10), good(50)]]) as book:
        await heard(book)
        late = [path for path in book.asked if path != "/status"][1:]
    assert [path.partition("?")[2] for path in late] == ["limit=41&after=9"]


async def test_a_new_run_is_told_from_its_beginning() -> None:
    first = [good(0), bad(1, "then"), bad(2, "then")]
    async with ledger(4, [first[:2], [], [first[2], good(3), Again()], [], [], [bad(1, "now"), good(2)]]) as book:
        told = await heard(book)
    again = [message for message in told if isinstance(message, Catchup)][1]
    assert again.resumed is False
    assert view_of(told) == view_of(book.told)
    assert {row.error for row in view_of(told).rows.values()} == {None, "now"}


async def test_an_ending_is_not_told_of_rows_that_a_new_run_has_taken_away() -> None:
    history: list[list[Move]] = [[], [good(0), bad(1, "then")], [Again()], [], [], [bad(1, "now")]]
    async with ledger(2, history) as book:
        told = await heard(book)
    assert [type(message) for message in told if isinstance(message, Ending)] == [Completed]
    assert view_of(told) == view_of(book.told)


async def test_numbers_that_promise_rows_which_never_come_are_given_up() -> None:
    async with ledger(2, [[good(0)]]) as book, poller(book.url, patience_s=0) as client:
        book.forgets_rows = True
        watching = client.watch(JOB)
        assert isinstance(await anext(watching), Catchup)
        with pytest.raises(Unreachable, match="1 rows more than it gives"):
            await anext(watching)


async def test_a_request_that_fails_in_the_middle_loses_and_repeats_nothing() -> None:
    rows = [good(row) for row in range(6)]
    async with ledger(6, [rows[3:5], [], [rows[1]], [], [], [], [rows[0], rows[2], rows[5]]]) as book:
        book.refusals = {1: HTTPStatus.BAD_GATEWAY, 4: HTTPStatus.SERVICE_UNAVAILABLE, 6: HTTPStatus.TOO_MANY_REQUESTS}
        with mock.patch.object(polling, "PAGE_ROWS_MAX", 2):
            told = await heard(book)
    assert view_of(told) == view_of(book.told)
    found = [row for each in told if isinstance(each, Catchup) for row in each.results]
    found += [each.row for each in told if isinstance(each, Progress)]
    assert sorted(row.row_id for row in found) == list(range(6))
    assert [each.resumed for each in told if isinstance(each, Catchup)] == [None, True]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HTTPStatus.UNAUTHORIZED, NotAuthenticated),
        (HTTPStatus.NOT_FOUND, JobNotFound),
        (HTTPStatus.FORBIDDEN, RequestRefused),
    ],
)
async def test_a_refusal_ends_it(status: HTTPStatus, error: type[RequestRefused]) -> None:
    async with ledger(2, [[good(0)]]) as book:
        book.refusals = {3: status}
        with pytest.raises(error):
            await heard(book)
        assert len(book.asked) == 3


async def test_a_fresh_token_is_asked_for_before_each_request() -> None:
    tokens = iter(range(100))
    async with ledger(1, [[], [], [good(0)]]) as book:
        asked = Client(book.url, lambda: f"t{next(tokens)}", transport="polling", poll_s=(0, 0))
        async with asked, aclosing(asked.watch(JOB)) as messages:
            async for _ in messages:
                pass
    assert next(tokens) == len(book.asked)


def test_a_pace_is_quick_after_news_and_slows_down_to_a_bound() -> None:
    pace = Pace(1.0, 15.0)
    waits = [pace.next_s(news=False) for _ in range(50)]
    assert 0.5 <= pace.next_s(news=True) <= 1.0
    assert all(0.5 <= wait <= 15.0 for wait in waits)
    assert all(wait >= 7.5 for wait in waits[10:])
    assert len(set(waits)) > 40


@given(st.sets(st.integers(0, 30)), st.integers(1, 31), st.integers(0, 5))
def test_stretches_hold_all_that_is_missing_and_begin_and_end_with_it(told: set[int], total: int, near: int) -> None:
    with mock.patch.object(polling, "NEAR_ROWS", near):
        found = stretches(told, total)
    missing = set(range(total)) - told
    assert {row for first, last, _ in found for row in range(first, last + 1)} >= missing
    assert sum(stretch.missing for stretch in found) == len(missing)
    assert all(first in missing and last in missing for first, last, _ in found)


def test_stretches_that_lie_far_apart_are_asked_for_apart() -> None:
    told = set(range(1_000)) - {5, 90, 500}
    assert stretches(told, 1_001) == [Stretch(5, 90, 2), Stretch(500, 500, 1), Stretch(1_000, 1_000, 1)]
