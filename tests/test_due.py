"""What the scheduler finds: leases that ran out, messages that were lost, rows whose time has come."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import msgspec
import pytest

from actors.records import Claim, Lapsed
from actors.settings import Settings
from actors.store import key
from protocol.messages import Row
from tests.jobs import OWNER, Bench, check_invariants, failure, new_job, success, waiting


def test_a_holder_whose_lease_ran_out_may_write_until_another_has_the_row(bench: Bench) -> None:
    [address, *_] = bench.start()
    old = bench.claim(address)
    bench.make_due()
    assert bench.store.begin(old, "tag")
    [lapsed] = bench.tick().lapsed
    assert bench.store.lapse(lapsed, again=Row.waiting(0, "T"), failed=failure(old)) == [address]
    new = bench.claim(address, "new")
    assert new.fence > old.fence
    assert not bench.store.begin(old, "tag")
    assert not bench.store.retrying(old, waiting(old), delay_ms=1, counts=True)
    assert bench.store.finish(old, failure(old)) == []
    assert bench.store.renew([old, new]) == [False, True]
    bench.store.finish(new, success(new))
    check_invariants(bench)


def test_a_renewed_lease_does_not_lapse(bench: Bench) -> None:
    [address, *_] = bench.start()
    claim = bench.claim(address)
    bench.make_due()
    [lapsed] = bench.tick().lapsed
    assert bench.store.renew([claim]) == [True]
    assert bench.store.lapse(lapsed, again=Row.waiting(0, "T"), failed=failure(claim)) == []
    assert bench.tick().lapsed == []


def test_the_third_death_while_extracting_ends_the_row_whatever_died_before(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    for number in range(4):
        claim = bench.claim(address, str(number))
        if number > 0:
            bench.store.begin(claim, "extract")
        assert (claim.deaths, claim.deaths_elsewhere) == (max(0, number - 1), min(number, 1))
        assert claim.dangerous == (number == 3)
        lapsed = let_die(bench, claim)
        assert (lapsed.attempt, lapsed.document.title) == (number + 1, "Title 0")
    assert bench.events()[-1].type == "completed"
    assert bench.events()[-1].failed == 1
    check_invariants(bench)


def test_a_row_with_which_workers_die_at_other_stages_ends_too_but_much_later(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    for number in range(20):
        assert bench.events()[-1].type == "progress" or number == 0
        claim = bench.claim(address, str(number))
        assert claim.dangerous == (number >= 5)
        if number % 2:
            bench.store.begin(claim, "tag", b"[]")
        assert let_die(bench, claim).stage == ("tag" if number % 2 else "fetch")
    assert bench.events()[-1].type == "completed"
    assert bench.events()[-1].failed == 1
    check_invariants(bench)


def let_die(bench: Bench, claim: Claim) -> Lapsed:
    """The worker that has the claim dies, and the scheduler notices."""
    bench.make_due()
    lapsed: Lapsed
    [lapsed] = bench.tick().lapsed
    again = Row.waiting(0, "T", retry_count=claim.attempt)
    bench.store.lapse(lapsed, again=again, failed=failure(claim))
    return lapsed


def test_a_lost_message_is_sent_again_at_once_when_the_queue_is_short(bench: Bench) -> None:
    bench.tick()
    addresses = bench.start(rows=2)
    assert bench.tick().send == []
    bench.make_due()
    assert bench.tick(queued=8).send == []
    bench.make_due()
    assert bench.tick(queued=7).send == addresses
    assert bench.tick(queued=7).send == []


def test_a_message_that_waited_a_minute_is_sent_again_however_long_the_queue(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    for minutes in (1, 2, 4):
        for age_ms, sent in ((minutes * 60_000 - 5_000, []), (minutes * 60_000, [address])):
            state = bench.state(0)
            now_ms = int(bench.redis.time()[0]) * 1000
            bench.redis.hset(key("job", "rows"), "0", msgspec.json.encode(state | {"t": now_ms - age_ms}))
            bench.make_due()
            assert bench.tick(queued=1000).send == sent


def test_a_job_outlives_the_wait_of_its_rows(settings: Settings) -> None:
    with closing(Bench(replace(settings, job_ttl_s=10))) as bench:
        [address] = bench.start(rows=1)
        claim = bench.claim(address)
        bench.store.retrying(claim, waiting(claim), delay_ms=600_000, counts=False)
        for part in ("", "documents", "rows", "due", "events"):
            assert bench.redis.pttl(key("job", part)) > 600_000


@pytest.fixture
def limited(settings: Settings) -> Iterator[Bench]:
    """A bench where an owner may have five rows out."""
    with closing(Bench(replace(settings, owner_rows=5))) as bench:
        yield bench


def test_an_owner_has_so_many_rows_out_in_all_jobs_together(limited: Bench) -> None:
    bench = limited
    taken = [len(bench.start(job_id, rows=9)) for job_id in ("job", "other", "third")]
    assert taken == [4, 1, 0]
    assert len(bench.start("hers", rows=9, owner="bob")) == 4
    bench.store.cancel("job", OWNER)
    assert len(bench.store.refill("third")) == 4


def test_what_the_scheduler_takes_counts_for_its_owner_too(limited: Bench) -> None:
    for job_id in ("job", "other", "third"):
        limited.store.create(new_job(job_id, rows=9))
    assert len(limited.tick().send) == 5


def test_a_resumed_job_counts_for_its_owner_at_once(limited: Bench) -> None:
    limited.start(rows=9)
    limited.store.pause("job", OWNER)
    limited.store.resume("job", OWNER)
    assert len(limited.start("other", rows=9)) == 1


def test_a_job_that_expired_counts_no_more_although_its_id_is_anothers(limited: Bench) -> None:
    limited.start(rows=9)
    limited.redis.delete(*limited.redis.keys("job:*"))
    limited.start(rows=9, owner="bob")
    assert len(limited.start("other", rows=9)) == 4
    assert len(limited.start("third", rows=9)) == 1
