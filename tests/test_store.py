"""The job store: what each write does, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from actors.records import Due, JobConflict, JobMissing, JobOver, RowAddress
from actors.settings import Settings
from actors.store import key
from protocol.messages import Row
from protocol.requests import Document
from protocol.words import DocumentStatus, ErrorType, JobStatus, SourceType
from tests.jobs import OWNER, Bench, check_invariants, failure, new_job, success, waiting
from tests.spec import proves
from tests.waiting import until


def test_a_created_job_is_pending_and_has_its_first_event(bench: Bench) -> None:
    assert bench.store.create(new_job(rows=3)) == 3
    facts = bench.facts()
    assert (facts["status"], facts["total"], facts["processed"], facts["failed"]) == ("pending", "3", "0", "0")
    assert [event.type for event in bench.events()] == ["created"]
    check_invariants(bench)


def test_the_same_request_ten_times_at_once_is_one_job(bench: Bench) -> None:
    with ThreadPoolExecutor(10) as pool:
        totals = list(pool.map(bench.store.create, [new_job(rows=50)] * 10))
    assert totals == [50] * 10
    assert len(bench.events()) == 1


@pytest.mark.parametrize("change", [{"fingerprint": "another"}, {"owner": "bob"}])
def test_a_job_id_that_is_taken_is_a_conflict(bench: Bench, change: dict[str, Any]) -> None:
    bench.store.create(new_job())
    with pytest.raises(JobConflict):
        bench.store.create(new_job(**change))


def test_ten_thousand_rows_are_created_in_one_step(bench: Bench) -> None:
    assert bench.store.create(new_job(rows=10_000)) == 10_000
    assert bench.redis.hlen(key("job", "documents")) == 10_000


def test_a_chunk_is_out_at_a_time_and_refilled_as_rows_end(bench: Bench) -> None:
    out = bench.start(rows=10)
    assert [address.row_id for address in out] == [0, 1, 2, 3]
    assert bench.store.refill("job") == []
    claim = bench.claim(out[2])
    assert [address.row_id for address in bench.store.finish(claim, success(claim))] == [4]


def test_the_chunk_grows_with_the_living_threads_and_is_shared_by_jobs(bench: Bench) -> None:
    bench.tick()
    assert len(bench.start("first", rows=100)) == 10
    assert len(bench.start("second", rows=100)) == 5


def test_a_chunk_that_has_grown_is_filled_before_a_row_ends(settings: Settings) -> None:
    with closing(Bench(replace(settings, lease_s=3600.0))) as bench:
        claims = [bench.claim(address) for address in bench.start(rows=30)]
        assert len(claims) == 4

        def work_goes_on() -> list[RowAddress]:
            assert all(bench.store.renew(claims))
            due: Due = bench.tick()
            return due.send

        sent = until(work_goes_on)
    assert [address.row_id for address in sent] == list(range(4, 10))


def test_a_claim_brings_everything_the_worker_needs(bench: Bench) -> None:
    secret = Document(title="T/é", file_path="a.pdf", file_source_type=SourceType.LOCAL, password="sealed", id="x-1")
    [address] = bench.start(rows=1, documents=[secret], sealed_api_key="sealed key", api_key_from="caller")
    claim = bench.claim(address)
    assert (claim.attempt, claim.faults, claim.waited_ms, claim.deaths) == (1, 0, 0, 0)
    assert claim.document == msgspec.structs.replace(secret, password=None)
    assert (claim.sealed_api_key, claim.sealed_password, claim.api_key_from) == ("sealed key", "sealed", "caller")
    assert bench.facts()["status"] == "processing"
    assert bench.events()[-1].told == Row.processing(0, "T/é", retry_count=1, model_name="local/keywords", id="x-1")


def test_only_one_of_many_workers_gets_a_row(bench: Bench) -> None:
    [address, *_] = bench.start()
    with ThreadPoolExecutor(16) as pool:
        claims = list(pool.map(lambda name: bench.store.claim(address, f"worker {name}"), range(16)))
    assert len([claim for claim in claims if claim]) == 1
    check_invariants(bench)


def test_a_claim_whose_reply_was_lost_is_granted_again(bench: Bench) -> None:
    [address, *_] = bench.start()
    assert bench.store.claim(address, "mine") == bench.store.claim(address, "mine")
    assert len(bench.events()) == 2
    assert bench.store.claim(address, "another's") is None


def test_a_message_of_another_run_claims_nothing(bench: Bench) -> None:
    [address, *_] = bench.start()
    assert bench.store.claim(address._replace(run="another"), "claim") is None
    assert bench.store.claim(RowAddress("unknown", address.run, 0), "claim") is None
    assert bench.store.claim(address._replace(row_id=7), "claim") is None


def test_a_message_that_comes_again_for_a_finished_row_does_nothing(bench: Bench) -> None:
    [address, *_] = bench.start()
    bench.store.finish(claim := bench.claim(address), success(claim))
    before = bench.events()
    assert bench.store.claim(address, "again") is None
    assert bench.events() == before


def test_a_waiting_row_is_claimed_only_when_its_time_has_come(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    claim = bench.claim(address)
    assert bench.store.retrying(claim, waiting(claim), delay_ms=60_000, counts=True)
    assert bench.store.claim(address, "too early") is None
    assert bench.tick().send == []
    bench.make_due()
    assert bench.tick().send == [address]
    again = bench.claim(address, "in time")
    assert (again.attempt, again.faults) == (2, 1)


def test_waits_for_rate_limits_add_up_and_do_not_count_as_faults(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    for number, delay_ms in enumerate([1_500, 2_500]):
        claim = bench.claim(address, str(number))
        bench.store.retrying(claim, waiting(claim), delay_ms=delay_ms, counts=False)
        bench.make_due()
        bench.tick()
    claim = bench.claim(address, "last")
    assert (claim.attempt, claim.faults, claim.waited_ms) == (3, 0, 4_000)


def test_an_attempt_that_did_not_begin_gives_its_number_back(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    claim = bench.claim(address)
    bench.store.retrying(claim, waiting(claim), delay_ms=1_500, counts=False, begun=False)
    bench.make_due()
    bench.tick()
    again = bench.claim(address, "in time")
    assert (again.attempt, again.faults, again.waited_ms) == (1, 0, 1_500)
    check_invariants(bench)


def test_what_was_extracted_is_kept_for_the_next_attempt_and_gone_at_the_end(bench: Bench) -> None:
    [address, *_] = bench.start()
    claim = bench.claim(address)
    assert bench.store.begin(claim, "tag", b"the text " * 1000)
    bench.store.retrying(claim, waiting(claim), delay_ms=1, counts=True)
    bench.make_due()
    bench.tick()
    again = bench.claim(address, "again")
    assert again.checkpoint == b"the text " * 1000
    bench.store.finish(again, success(again))
    assert not bench.redis.exists(key("job", "texts"))


def test_the_first_end_of_a_row_is_its_only_one(bench: Bench) -> None:
    [address, *_] = bench.start()
    claim = bench.claim(address)
    bench.store.finish(claim, success(claim))
    assert bench.store.finish(claim, failure(claim)) == []
    assert bench.events()[-1].told == success(claim)
    check_invariants(bench)


def test_the_last_row_completes_the_job(bench: Bench) -> None:
    first, second = bench.start(rows=2)
    bench.store.finish(claim := bench.claim(first), success(claim))
    assert bench.facts()["status"] == "processing"
    bench.store.finish(claim := bench.claim(second), failure(claim))
    ending = bench.events()[-1]
    assert (ending.type, ending.processed, ending.failed, ending.body) == ("completed", 1, 1, "Job completed")
    check_invariants(bench)


def test_a_released_row_has_lost_no_attempt(bench: Bench) -> None:
    [address, *_] = bench.start()
    claim = bench.claim(address)
    assert bench.store.release(claim, Row.waiting(0, "Title 0")) == address
    assert bench.store.release(claim, Row.waiting(0, "Title 0")) is None
    assert bench.claim(address, "next").attempt == 1
    check_invariants(bench)


def test_cancel_ends_the_job_and_nothing_begins_afterwards(bench: Bench) -> None:
    running, waits, sent = bench.start(rows=3)
    first, second = bench.claim(running), bench.claim(waits)
    bench.store.retrying(second, waiting(second), delay_ms=1, counts=True)
    bench.store.cancel("job", OWNER)
    assert not bench.store.begin(first, "tag")
    assert bench.store.finish(first, success(first)) == []
    assert bench.store.renew([first]) == [False]
    assert bench.store.claim(sent, "late") is None
    bench.make_due()
    assert bench.tick() == ([], [])
    bench.store.cancel("job", OWNER)
    check_invariants(bench)


def test_only_the_owner_cancels_and_only_what_is_not_over(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    with pytest.raises(JobMissing):
        bench.store.cancel("job", "bob")
    with pytest.raises(JobMissing):
        bench.store.cancel("nothing", OWNER)
    bench.store.finish(claim := bench.claim(address), success(claim))
    with pytest.raises(JobOver) as over:
        bench.store.cancel("job", OWNER)
    assert over.value.status is JobStatus.COMPLETED


@proves("ws:summary:error")
def test_a_refused_key_ends_the_job_and_leaves_its_rows_pending(bench: Bench) -> None:
    first, second, _third = bench.start(rows=3)
    bench.store.finish(claim := bench.claim(first), success(claim))
    claim = bench.claim(second)
    row = Row.waiting(1, "T", error="the key was refused", error_type=ErrorType.AUTH, retry_count=1)
    bench.store.fail_job(claim, row, "the key was refused")
    told, ending = bench.events()[-2:]
    assert told.told.status is DocumentStatus.PENDING
    assert (ending.type, ending.processed, ending.body) == ("error", 1, "the key was refused")
    check_invariants(bench)


def test_secrets_are_gone_at_every_ending(bench: Bench) -> None:
    locked = Document(title="T", file_path="a.pdf", file_source_type=SourceType.LOCAL, password="sealed")
    for job_id in ("completes", "is cancelled", "fails"):
        [address] = bench.start(job_id, documents=[locked], sealed_api_key="sealed", api_key_from="caller")
        assert bench.redis.hlen(key(job_id, "secrets")) == 2
        claim = bench.claim(address)
        if job_id == "completes":
            bench.store.finish(claim, success(claim))
        elif job_id == "fails":
            bench.store.fail_job(claim, waiting(claim), "no")
        else:
            bench.store.cancel(job_id, OWNER)
        assert not bench.redis.exists(key(job_id, "secrets"))


@proves("ws:notes:ttl", "ws:notes:retention")
def test_a_job_lives_its_ttl_from_the_last_write_and_its_retention_from_the_ending(settings: Settings) -> None:
    with closing(Bench(replace(settings, job_ttl_s=1000, retention_s=50))) as bench:
        [address] = bench.start(rows=1)
        for part in ("", "documents", "rows", "due", "events"):
            bench.redis.expire(key("job", part), 10)
        claim = bench.claim(address)
        for part in ("", "documents", "rows", "due", "events"):
            assert 990_000 < bench.redis.pttl(key("job", part)) <= 1_000_000
        bench.store.finish(claim, success(claim))
        for part in ("", "documents", "results", "events"):
            assert 40_000 < bench.redis.pttl(key("job", part)) <= 50_000
        check_invariants(bench)
