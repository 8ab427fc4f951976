"""What the scheduler finds: leases that ran out, messages that were lost, rows whose time has come."""

from contextlib import closing
from dataclasses import replace

import msgspec

from actors.settings import Settings
from actors.store import JobStore, connect, key
from protocol.messages import Row
from tests.jobs import OWNER, Bench, check_invariants, failure, success, waiting


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


def test_only_deaths_while_extracting_count_and_the_third_ends_the_row(bench: Bench) -> None:
    [address] = bench.start(rows=1)
    for number in range(4):
        claim = bench.claim(address, str(number))
        if number > 0:
            bench.store.begin(claim, "extract")
        assert claim.deaths == max(0, number - 1)
        bench.make_due()
        [lapsed] = bench.tick().lapsed
        assert (lapsed.attempt, lapsed.document.title) == (number + 1, "Title 0")
        bench.store.lapse(lapsed, again=Row.waiting(0, "T", retry_count=number + 1), failed=failure(claim))
    assert bench.events()[-1].type == "completed"
    assert bench.events()[-1].failed == 1
    check_invariants(bench)


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


def test_an_owner_has_so_many_rows_out_in_all_jobs_together(bench: Bench, settings: Settings) -> None:
    client = connect(settings.redis_url, max_connections=2)
    bench.store = JobStore(client, Settings(secret_key=settings.secret_key, owner_rows=5))
    taken = [len(bench.start(job_id, rows=9)) for job_id in ("job", "other", "third")]
    assert taken == [4, 1, 0]
    assert len(bench.start("hers", rows=9, owner="bob")) == 4
    bench.store.cancel("job", OWNER)
    assert len(bench.store.refill("third")) == 4
    client.connection_pool.disconnect()
