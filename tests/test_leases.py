"""Held rows: renewed together, interrupted when they are no longer ours, given back at the end."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis

from actors.errors import TimedOut
from actors.leases import Interrupted, Lease, Leases, insist
from actors.records import Claim
from actors.settings import Settings
from actors.store import key
from protocol.messages import Row
from tests.jobs import OWNER, Bench, success

WAIT_S = 10


@pytest.fixture
def leases(bench: Bench, loop: asyncio.AbstractEventLoop, settings: Settings) -> Leases:
    return Leases(bench.store, loop, settings)


class Endless:
    """Work that never ends by itself; says when it runs and when it was cancelled."""

    def __init__(self) -> None:
        self.running, self.cancelled = threading.Event(), threading.Event()

    async def work(self) -> None:
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


def test_a_held_row_is_renewed(bench: Bench, leases: Leases) -> None:
    [address] = bench.start(rows=1)
    with leases.hold(bench.claim(address)) as lease:
        bench.make_due()
        leases.renew()
        assert bench.tick().lapsed == []
        lease.check()
    bench.make_due()
    leases.renew()
    assert len(bench.tick().lapsed) == 1


def test_the_work_of_a_cancelled_row_is_interrupted(bench: Bench, leases: Leases) -> None:
    [address] = bench.start(rows=1)
    endless = Endless()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold_and_run, leases, bench.claim(address), endless)
        assert endless.running.wait(WAIT_S)
        bench.store.cancel("job", OWNER)
        leases.renew()
        with pytest.raises(Interrupted):
            done.result(WAIT_S)
    assert endless.cancelled.wait(WAIT_S)


def hold_and_run(leases: Leases, claim: Claim, endless: Endless) -> None:
    with leases.hold(claim) as lease:
        lease.run(endless.work())


def test_a_row_that_takes_too_long_times_out(bench: Bench, loop: asyncio.AbstractEventLoop, settings: Settings) -> None:
    leases = Leases(bench.store, loop, replace(settings, document_timeout_s=-1.0))
    [address] = bench.start(rows=1)
    endless = Endless()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold_and_run, leases, bench.claim(address), endless)
        assert endless.running.wait(WAIT_S)
        leases.renew()
        with pytest.raises(TimedOut):
            done.result(WAIT_S)


def test_interrupted_work_does_not_start(bench: Bench, leases: Leases) -> None:
    [address] = bench.start(rows=1)
    endless = Endless()
    with leases.hold(bench.claim(address)) as lease:
        lease.interrupt(Interrupted())
        with pytest.raises(Interrupted):
            lease.run(endless.work())
        with pytest.raises(Interrupted):
            lease.check()
    assert not endless.running.is_set()


def test_rows_are_given_back_and_their_work_ends(bench: Bench, leases: Leases) -> None:
    [address] = bench.start(rows=1)
    endless = Endless()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold_and_run, leases, bench.claim(address), endless)
        assert endless.running.wait(WAIT_S)
        leases.give_back(lambda claim: bench.store.release(claim, Row.waiting(0, "T")) and None)
        with pytest.raises(Interrupted):
            done.result(WAIT_S)
    assert bench.state(0)["s"] == "sent"
    assert bench.claim(address, "next").attempt == 1


def test_a_dangerous_row_runs_with_no_other_beside_it(bench: Bench, leases: Leases) -> None:
    first, second, third = (bench.claim(address) for address in bench.start(rows=3))
    log: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def hold(claim: Claim, *, alone: bool) -> None:
        with leases.hold(claim, alone=alone):
            log.append(f"{claim.row_id} in")
            inside.set()
            assert go_on.wait(WAIT_S)
            log.append(f"{claim.row_id} out")

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(hold, first, alone=False)]
        assert inside.wait(WAIT_S)
        done.append(pool.submit(hold, second, alone=True))
        wait_until_held(bench, leases, 2)
        done.append(pool.submit(hold, third, alone=False))
        wait_until_held(bench, leases, 3)
        assert log == ["0 in"]
        go_on.set()
        for each in done:
            each.result(WAIT_S)
    assert log == ["0 in", "0 out", "1 in", "1 out", "2 in", "2 out"]


def test_a_row_that_waits_for_its_turn_does_not_time_out(
    bench: Bench, loop: asyncio.AbstractEventLoop, settings: Settings
) -> None:
    leases = Leases(bench.store, loop, replace(settings, document_timeout_s=0.0))
    first, second = (bench.claim(address) for address in bench.start(rows=2))

    def hold(claim: Claim) -> None:
        with leases.hold(claim) as lease:
            lease.check()

    with ThreadPoolExecutor(1) as pool:
        with leases.hold(first, alone=True):
            done = pool.submit(hold, second)
            wait_until_held(bench, leases, 2)
            leases.renew()
        done.result(WAIT_S)


def wait_until_held(bench: Bench, leases: Leases, rows: int) -> None:
    """A row that waits for its turn is held too: renewing moves its time."""
    for _ in range(1000):
        bench.make_due()
        leases.renew()
        if bench.redis.zcount(key("job", "due"), 2, "+inf") == rows:
            return
    raise AssertionError("the rows were not held")


@pytest.mark.parametrize("fault", [redis.ConnectionError("away"), ZeroDivisionError()])
def test_renewing_survives_an_outage_and_our_own_faults(
    leases: Leases, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    stopped, steps = threading.Event(), []

    def away() -> None:
        steps.append("away")
        if len(steps) == 2:
            stopped.set()
        raise fault

    monkeypatch.setattr(leases, "renew", away)
    monkeypatch.setattr(leases, "_settings", replace(leases._settings, lease_s=0.03))
    leases.renew_until(stopped)
    assert steps == ["away", "away"]


def test_a_result_is_kept_until_redis_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.leases.REDIS_RETRY_S", 0.01)
    answers: list[Exception | str] = [redis.ConnectionError("away"), redis.TimeoutError("stalled"), "written"]

    def write() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert insist(write) == "written"


REFUSALS = {
    "READONLY": (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
    "OOM": (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
    "NOREPLICAS": (["CONFIG", "SET", "min-replicas-to-write", "1"], ["CONFIG", "SET", "min-replicas-to-write", "0"]),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_result_is_kept_while_redis_answers_but_does_not_write(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    refuses, writes_again = REFUSALS[refusal]
    monkeypatch.setattr("actors.leases.time.sleep", lambda _seconds: bench.redis.execute_command(*writes_again))
    first, *_ = bench.start(rows=5)
    claim = bench.claim(first)
    bench.redis.execute_command(*refuses)
    try:
        [refilled] = insist(lambda: bench.store.finish(claim, success(claim)))
    finally:
        bench.redis.execute_command(*writes_again)
    assert refilled.row_id == 4


def test_a_fault_of_our_own_is_not_insisted_on() -> None:
    def write() -> None:
        raise redis.ResponseError("user_script:1: attempt to index a nil value")

    with pytest.raises(redis.ResponseError):
        insist(write)


def test_a_lease_knows_its_claim(bench: Bench, leases: Leases) -> None:
    [address] = bench.start(rows=1)
    claim = bench.claim(address)
    with leases.hold(claim) as lease:
        assert isinstance(lease, Lease)
        assert lease.claim is claim
