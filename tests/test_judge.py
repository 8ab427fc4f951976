"""The judge of chaos notices what it is there for, and finds no fault with a good job."""

from collections.abc import Sequence

import pytest

from bench.judge import Entry, Job, judge, read
from bench.recovery import Orphan, held, recoveries
from protocol.messages import Row, to_json
from protocol.words import ErrorType
from tests.jobs import OWNER, Bench, success
from tests.served import play
from tests.test_control import AGAIN, again

Told = Row | str
"""What an entry tells: of a row, or the type of another event."""
END = "completed"


def begun(row: int, attempt: int = 1) -> Row:
    return Row.processing(row, "T", retry_count=attempt)


def ended(row: int) -> Row:
    return Row.success(row, "T", tags=["x"])


def failed(row: int, why: ErrorType) -> Row:
    return Row.failed(row, "T", error="no", error_type=why)


def job(*told: Told, status: str = END, total: int = 2, miscounted: int = 0) -> Job:
    """A job with this stream, and the results that go with it."""
    entries, results = [Entry(0, 0, "created", "", 0, "")], dict[int, Row]()
    for seq, each in enumerate(told, 1):
        if isinstance(each, Row) and each.status.final:
            results[each.row_id] = each
        body, row = (to_json(each).decode(), str(each.row_id)) if isinstance(each, Row) else ("", "")
        kind = "progress" if isinstance(each, Row) else each
        entries.append(Entry(seq, seq, kind, row, len(results) + miscounted * (seq == len(told)), body))
    counted = len(results)
    return Job({"total": str(total), "processed": str(counted), "failed": "0", "status": status}, results, entries)


GOOD = [begun(0), ended(0), begun(1), ended(1)]


@pytest.mark.parametrize(
    "told",
    [
        [*GOOD, END],
        [begun(0), Row.waiting(0, "T"), begun(0), ended(0), begun(1), ended(1), END],
        [begun(0), begun(0, 2), failed(0, ErrorType.NETWORK), begun(1), ended(1), END],
        [begun(0), "status", ended(0), "cancelled"],
    ],
    ids=["plain", "given back", "a provider that fails", "paused and cancelled"],
)
def test_a_good_job_is_found_good(told: Sequence[Told]) -> None:
    verdict = judge(job(*told), [2])
    assert verdict.good, verdict


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([begun(0), ended(0), END], (1, 0, 0)),
        ([*GOOD, ended(1), END], (0, 1, 2)),
        (GOOD, (0, 0, 1)),
        ([*GOOD, END, END], (0, 0, 1)),
        ([END, *GOOD], (0, 0, 1)),
        ([begun(0), begun(0, 3), ended(0), begun(1), ended(1), END], (0, 0, 1)),
        ([begun(0, 2), begun(0, 1), ended(0), begun(1), ended(1), END], (0, 0, 1)),
        ([begun(0), failed(0, ErrorType.INTERNAL), begun(1), ended(1), END], (0, 0, 1)),
    ],
    ids=[
        "a row is missing",
        "a row ends twice",
        "no ending",
        "two endings",
        "rows behind the ending",
        "an attempt is missing",
        "attempts out of order",
        "a row fails of our own fault",
    ],
)
def test_faults_are_noticed(told: Sequence[Told], found: tuple[int, int, int]) -> None:
    verdict = judge(job(*told), [2])
    assert (verdict.lost, verdict.doubled, len(verdict.faults)) == found


def test_counts_numbers_and_results_that_do_not_fit_are_noticed() -> None:
    good = job(*GOOD, END)
    gap = good._replace(entries=[*good.entries[:2], *good.entries[3:]])
    no_result = good._replace(results={0: ended(0)})
    other_result = good._replace(results=good.results | {1: failed(1, ErrorType.NETWORK)})
    for each in (gap, no_result, other_result, job(*GOOD, END, miscounted=1)):
        assert judge(each, [2]).faults
    assert judge(good, [2, None]).faults == ["2 runs were asked for, and there were 1"]


def test_a_real_job_is_judged_run_by_run(bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 1)
    bench.store.cancel("job", OWNER)
    bench.store.retry("job", OWNER, again(2))
    bench.store.refill("job")
    play(bench, "job")
    bench.store.retry("job", OWNER, AGAIN)
    bench.store.refill("job")
    play(bench, "job")
    verdict = judge(read(bench.redis, "job"), [3, 1, None])
    assert (verdict.good, verdict.rows, verdict.attempts) == (True, 3, 3), verdict
    assert judge(read(bench.redis, "job"), [3, 2, None]).lost == 1


def test_a_killed_workers_rows_are_known_by_leases_that_nobody_renews(bench: Bench) -> None:
    first, second = bench.start(rows=2)
    kept, orphaned = bench.claim(first), bench.claim(second)
    before = held(bench.redis, ["job"])
    bench.make_due()
    bench.store.renew([kept])
    bench.redis.zadd("job:{job}:due", {"1": next(each.lease_ends_ms for each in before if each.row == "1")})
    assert [each.row for each in before & held(bench.redis, ["job"])] == [str(orphaned.row_id)]
    bench.store.finish(kept, success(kept))
    assert len(held(bench.redis, ["job"])) == 1


def test_a_recovery_takes_from_the_kill_to_the_next_attempt_and_outages_are_told_apart() -> None:
    one = job(begun(0), begun(1), begun(0, 2), ended(0), "status", begun(1, 2), ended(1), END)
    later = one._replace(entries=[entry._replace(at_ms=entry.at_ms * 1000) for entry in one.entries])
    orphans = [Orphan("job", "0", 2500), Orphan("job", "1", 2500)]
    assert list(recoveries(later, orphans, [], 10_000)) == [(0.5, True)]
    assert list(recoveries(later, orphans, [(2600, 2700)], 0)) == [(0.5, False)]
    assert list(recoveries(later, orphans, [(0, 2000)], 1000)) == [(0.5, False)]
    assert list(recoveries(later, orphans, [(0, 1000), (3500, 4000)], 1000)) == [(0.5, True)]
