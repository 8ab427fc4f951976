"""What an owner does to a job: pause, resume, retry, delete; cancel is tried in test_store."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from actors.records import JobMissing, JobOver, JobRunning, NewRun, NothingToRun, RowUnknown
from actors.store import ACTIVE_KEY, key
from protocol.messages import Row
from tests.jobs import OWNER, Bench, Event, check_invariants, failure, success, waiting
from tests.served import play
from tests.test_invariants import STEPS, History

AGAIN = NewRun(model_name="local/keywords", api_key_from="none")


def again(*row_ids: int) -> NewRun:
    """A further run of these rows."""
    return NewRun(row_ids=row_ids, model_name="local/keywords", api_key_from="none")


def last(bench: Bench) -> Event:
    """The last event."""
    return bench.events()[-1]


def test_a_paused_job_begins_nothing_and_what_runs_may_end(bench: Bench) -> None:
    first, second, *_ = bench.start(rows=3)
    running = bench.claim(first)
    bench.store.pause("job", OWNER)
    assert (last(bench).type, last(bench).row, bench.facts()["status"]) == ("status", "paused", "paused")
    assert bench.store.claim(second, "another") is None
    bench.make_due()
    assert bench.tick() == ([], [])
    assert bench.store.begin(running, "tag")
    assert bench.store.finish(running, success(running)) == []
    assert (bench.facts()["processed"], bench.facts()["status"]) == ("1", "paused")
    check_invariants(bench)


def test_a_resumed_job_goes_on_where_it_was(bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 1)
    bench.store.pause("job", OWNER)
    bench.store.resume("job", OWNER)
    assert (last(bench).type, last(bench).row) == ("status", "processing")
    bench.make_due()
    assert {address.row_id for address in bench.tick().send} == {1, 2}
    play(bench, "job")
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)


def test_a_job_paused_before_its_first_row_is_pending_again(bench: Bench) -> None:
    bench.start()
    bench.store.pause("job", OWNER)
    bench.store.resume("job", OWNER)
    assert bench.facts()["status"] == "pending"


def test_the_last_row_that_ends_in_a_pause_completes_the_job(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    claim = bench.claim(address)
    bench.store.pause("job", OWNER)
    bench.store.finish(claim, success(claim))
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)


def test_a_wait_stands_still_in_a_pause_and_a_released_row_waits_for_its_end(bench: Bench) -> None:
    first, second = bench.start(rows=2)
    waits, back = bench.claim(first), bench.claim(second)
    bench.store.retrying(waits, waiting(waits), delay_ms=1, counts=True)
    bench.store.pause("job", OWNER)
    bench.store.release(back, Row.waiting(1, "T"))
    assert bench.redis.zscore(ACTIVE_KEY, "job") is None
    bench.store.resume("job", OWNER)
    bench.make_due()
    assert {address.row_id for address in bench.tick().send} == {0, 1}
    check_invariants(bench)


def test_a_row_whose_message_came_in_a_pause_is_sent_again_as_soon_as_the_job_goes_on(bench: Bench) -> None:
    _, second = bench.start(rows=2)
    bench.store.pause("job", OWNER)
    assert bench.store.claim(second, "in the pause") is None
    bench.store.resume("job", OWNER)
    assert [address.row_id for address in bench.tick(queued=1000).send] == [1]
    check_invariants(bench)


def test_a_paused_job_lives_from_the_pause_on(bench: Bench) -> None:
    first, *_ = bench.start(rows=2)
    claim = bench.claim(first)
    bench.store.pause("job", OWNER)
    bench.redis.pexpire(key("job"), 5_000)
    bench.store.finish(claim, success(claim))
    assert 0 < bench.redis.pttl(key("job")) <= 5_000
    bench.store.resume("job", OWNER)
    assert bench.redis.pttl(key("job")) > 5_000


@pytest.mark.parametrize("name", ["pause", "resume", "cancel"])
def test_again_changes_nothing(bench: Bench, name: str) -> None:
    bench.start()
    act: Callable[[str, str], None] = getattr(bench.store, name)
    act("job", OWNER)
    events = bench.events()
    act("job", OWNER)
    assert bench.events() == events


@pytest.mark.parametrize("name", ["pause", "resume", "cancel", "delete"])
def test_a_foreign_job_and_none_are_refused_alike(bench: Bench, name: str) -> None:
    bench.start()
    act: Callable[[str, str], None] = getattr(bench.store, name)
    for job_id, owner in (("job", "bob"), ("nothing", OWNER), ("job", "")):
        with pytest.raises(JobMissing):
            act(job_id, owner)


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_a_job_that_is_over_can_be_neither_paused_nor_resumed(bench: Bench, name: str) -> None:
    bench.start(rows=1)
    play(bench, "job")
    with pytest.raises(JobOver):
        getattr(bench.store, name)("job", OWNER)


def test_a_retry_runs_what_has_not_succeeded_under_a_new_run(bench: Bench) -> None:
    bench.start(rows=4)
    play(bench, "job", 2)
    play(bench, "job", 2, failure)
    before = bench.facts()
    assert bench.store.retry("job", OWNER, AGAIN) == 2
    facts = bench.facts()
    assert facts["run"] != before["run"]
    assert (facts["status"], facts["processed"], facts["failed"]) == ("pending", "2", "0")
    assert [address.row_id for address in bench.store.refill("job")] == [2, 3]
    check_invariants(bench)
    play(bench, "job")
    assert (bench.facts()["status"], bench.facts()["processed"]) == ("completed", "4")
    check_invariants(bench)


def test_a_retry_of_a_job_that_failed_runs_what_it_left_undone(bench: Bench) -> None:
    addresses = bench.start(rows=6)
    play(bench, "job", 1)
    claim = bench.claim(addresses[1])
    bench.store.fail_job(claim, Row.waiting(1, "T"), "the key was refused")
    assert bench.store.retry("job", OWNER, AGAIN) == 5
    bench.store.refill("job")
    play(bench, "job")
    assert (bench.facts()["status"], bench.facts()["processed"]) == ("completed", "6")
    check_invariants(bench)


def test_rows_that_are_named_run_again_even_if_they_had_succeeded(bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job")
    assert bench.store.retry("job", OWNER, again(2, 0, 2)) == 2
    assert [address.row_id for address in bench.store.refill("job")] == [0, 2]
    play(bench, "job")
    assert (bench.facts()["status"], bench.facts()["processed"]) == ("completed", "3")
    check_invariants(bench)


def test_a_run_of_some_rows_of_a_cancelled_job_ends_as_the_job_had(bench: Bench) -> None:
    bench.start(rows=5)
    bench.store.cancel("job", OWNER)
    assert bench.store.retry("job", OWNER, again(3)) == 1
    bench.store.refill("job")
    play(bench, "job")
    assert (last(bench).type, bench.facts()["status"]) == ("cancelled", "cancelled")
    assert last(bench).body == "The rows that were asked for have ended; 4 others have not been run"
    check_invariants(bench)
    assert bench.store.retry("job", OWNER, AGAIN) == 4


def test_what_a_retry_cannot_do_changes_nothing(bench: Bench) -> None:
    bench.start(rows=2)
    with pytest.raises(JobRunning):
        bench.store.retry("job", OWNER, AGAIN)
    play(bench, "job")
    events = bench.events()
    with pytest.raises(NothingToRun):
        bench.store.retry("job", OWNER, AGAIN)
    with pytest.raises(RowUnknown, match="no row 2"):
        bench.store.retry("job", OWNER, again(0, 2))
    with pytest.raises(JobMissing):
        bench.store.retry("job", "bob", AGAIN)
    assert bench.events() == events


def test_a_retry_whose_reply_was_lost_is_not_refused_when_it_is_sent_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.start(rows=3)
    play(bench, "job", end=failure)
    monkeypatch.setattr("actors.store.secrets.token_hex", lambda _: "a run")
    assert bench.store.retry("job", OWNER, AGAIN) == 3
    events = bench.events()
    assert bench.store.retry("job", OWNER, AGAIN) == 3
    assert bench.events() == events


def test_a_retry_takes_another_key_and_model(bench: Bench) -> None:
    [address] = bench.start(rows=1, model_name="one", api_key_from="caller", sealed_api_key="first")
    claim = bench.claim(address)
    assert claim.sealed_api_key == "first"
    bench.store.finish(claim, failure(claim))
    bench.store.retry("job", OWNER, NewRun(model_name="other", api_key_from="caller", sealed_api_key="second"))
    [address] = bench.store.refill("job")
    claim = bench.claim(address, "again")
    assert (claim.model_name, claim.sealed_api_key, claim.attempt) == ("other", "second", 1)


def test_a_message_of_the_run_before_does_nothing(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    claim = bench.claim(address)
    bench.store.cancel("job", OWNER)
    bench.store.retry("job", OWNER, AGAIN)
    bench.store.refill("job")
    assert bench.store.claim(address, "late") is None
    assert bench.store.finish(claim, success(claim)) == []
    assert bench.facts()["processed"] == "0"


def test_a_deleted_job_is_nobodys_at_once_and_gone_soon(bench: Bench) -> None:
    bench.start()
    bench.store.delete("job", OWNER)
    assert (last(bench).type, last(bench).body) == ("cancelled", "Job deleted by its owner")
    for act in (bench.store.delete, bench.store.cancel, bench.store.pause):
        with pytest.raises(JobMissing):
            act("job", OWNER)
    assert bench.redis.zscore(f"owner:{{{OWNER}}}:jobs", "job") is None
    assert all(0 < bench.redis.pttl(name) <= 60_000 for name in bench.redis.keys("job:*"))


def test_a_deleted_jobs_id_is_free(bench: Bench) -> None:
    bench.start(rows=2)
    play(bench, "job")
    bench.store.delete("job", OWNER)
    bench.start(rows=3, owner="bob")
    facts = bench.facts()
    assert (facts["owner"], facts["processed"], facts["total"]) == ("bob", "0", "3")


CONTROLS = ("pause", "resume", "cancel", "retry", "retry some", "delete")


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from((*STEPS, *CONTROLS)), st.integers(0, 7)), max_size=70))
def test_no_order_of_controls_and_steps_breaks_a_job(bench: Bench, steps: list[tuple[str, int]]) -> None:
    bench.redis.flushall()
    history = History(bench, bench.start(rows=6))
    for step, choice in steps:
        if step in CONTROLS:
            control(history, step, choice)
        else:
            history.take(step, choice)
        check_invariants(bench)
    if bench.facts()["status"] == "paused":
        bench.store.resume("job", OWNER)
    if bench.facts()["status"] in ("pending", "processing"):
        history.drain()
    assert bench.facts()["status"] in ("completed", "cancelled")
    check_invariants(bench)


def control(history: History, step: str, choice: int) -> None:
    """One call of the owner; what is refused must change nothing."""
    bench = history.bench
    before = bench.events()
    try:
        if step.startswith("retry"):
            bench.store.retry("job", OWNER, again(choice % 6) if step == "retry some" else AGAIN)
            history.queue += bench.store.refill("job")
        elif step == "delete":
            bench.store.delete("job", OWNER)
            history.queue += bench.start(rows=6)
        else:
            getattr(bench.store, step)("job", OWNER)
    except (JobOver, JobRunning, NothingToRun):
        assert bench.events() == before
