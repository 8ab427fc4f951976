"""A row's call within the shared budget, on a real Redis: who may go, who waits how long, what is given back."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import redis

from actors.errors import BudgetSpent, ModelFailed, RateLimited
from actors.governor import Call, Governor, Grant, Limits, Outcome, tokens_planned
from actors.leases import Interrupted, Lease, Leases
from actors.seal import Seal
from actors.settings import Settings
from actors.tag import Tagging
from protocol.config import TaggingConfig
from tests.budgets import A_MINUTE, KEY, Budget
from tests.conftest import SECRET_KEY
from tests.jobs import OWNER, Bench
from tests.waiting import until

WAIT_S = 10


@pytest.fixture
def budget(settings: Settings) -> Iterator[Budget]:
    with closing(Budget(settings)) as budget:
        yield budget


def test_a_budgets_name_tells_nobody_the_key_and_differs_by_key_and_model(budget: Budget) -> None:
    budget.granted("job/0", rpm=1)
    budget.waits_ms("job/1", rpm=1)
    names = budget.redis.keys("*")
    assert len(names) == 4
    assert all(name.startswith(f"budget:{{{budget.name}}}") and KEY not in name for name in names)
    assert all(budget.redis.pttl(name) > 0 for name in names)
    first, second = budget.governors
    assert first.budget(KEY, "a/model") == second.budget(KEY, "a/model")
    assert len({first.budget(key, model) for key in (KEY, "") for model in ("a/model", "b")}) == 4


def test_a_jobs_own_limits_go_before_the_operators(settings: Settings, budget: Budget) -> None:
    ours = Governor(budget._client, Seal(SECRET_KEY), replace(settings, rpm=60, tpm=1_000, concurrency=3))
    assert ours.limits(TaggingConfig(), "caller") == Limits(60, 1_000, 3)
    assert ours.limits(TaggingConfig(rpm=500, concurrency=1), "caller") == Limits(500, 1_000, 1)


def test_on_the_servers_key_a_job_may_only_be_stricter(settings: Settings, budget: Budget) -> None:
    ours = Governor(budget._client, Seal(SECRET_KEY), replace(settings, rpm=60, concurrency=3))
    assert ours.limits(TaggingConfig(rpm=500, tpm=1_000_000, concurrency=1), "server") == Limits(60, 0, 1)
    assert ours.limits(TaggingConfig(), "server") == Limits(60, 0, 3)


def test_rows_wait_for_their_turns_within_a_fixed_pace(budget: Budget) -> None:
    budget.granted("job/0", rpm=6)
    waits = [budget.waits_ms(f"job/{row}", rpm=6) for row in (1, 2, 3)]
    assert 1_000 <= waits[0] < 10_000
    assert waits == sorted(set(waits))
    assert budget.waits_ms("job/1", rpm=6) <= waits[0]
    assert budget.size("waiting") == 3


def test_a_job_that_fixes_a_slow_pace_holds_back_nobody_else(budget: Budget) -> None:
    budget.granted("slow/0", rpm=1, tpm=1)
    assert budget.waits_ms("slow/1", rpm=1) > 1_000
    assert budget.waits_ms("same/0", tpm=1) > 1_000
    budget.granted("other/0", rpm=600, tpm=1_000_000)
    budget.granted("free/0")
    answer = budget.ask("free/1")
    assert isinstance(answer, Grant) or answer < 100


def test_a_wait_of_all_holds_for_jobs_that_fix_their_pace_too(budget: Budget) -> None:
    for row in ("job/0", "job/1"):
        budget.report(budget.granted(row), A_MINUTE)
    assert budget.waits_ms("other/0", rpm=600) > 50_000


def test_a_budget_is_remembered_until_its_tokens_have_come(budget: Budget) -> None:
    budget.granted("job/0", tokens=100_000, tpm=1_000)
    assert budget.redis.pttl(f"budget:{{{budget.name}}}") > 100 * 60_000


def test_a_row_that_leaves_lets_the_others_up(budget: Budget) -> None:
    budget.granted("job/0", rpm=1)
    first, second = budget.waits_ms("job/1", rpm=1), budget.waits_ms("job/2", rpm=1)
    assert second > first
    budget.governor._call(budget.call("job/1", rpm=1), "leave")
    assert budget.waits_ms("job/2", rpm=1) <= first


def test_a_row_that_does_not_come_back_loses_its_place(budget: Budget) -> None:
    budget.granted("job/0", rpm=120)
    first = budget.waits_ms("job/gone", rpm=120)
    assert budget.waits_ms("job/1", rpm=120) > first
    budget.granted("job/1", rpm=120)
    until(lambda: (budget.ask("job/1", rpm=120), budget.size("waiting"))[1] == 0)


def test_a_fixed_concurrency_lets_the_next_go_when_one_has_ended(budget: Budget) -> None:
    first = budget.granted("job/0", concurrency=1)
    assert budget.waits_ms("job/1", concurrency=1) > 0
    budget.report(first)
    assert budget.granted("job/1", concurrency=1).in_flight == 1


def test_a_place_in_flight_is_free_again_when_its_worker_has_died(budget: Budget) -> None:
    for governor in budget.governors:
        governor._lease_ms = 300
    budget.granted("job/0", concurrency=1)
    budget.waits_ms("job/1", concurrency=1)
    assert budget.granted("job/1", concurrency=1).in_flight == 1


def test_a_row_that_asks_anew_is_not_held_up_by_its_own_lost_call(budget: Budget) -> None:
    """Its worker died, or the answer was lost on the way."""
    lost = budget.granted("job/0", concurrency=1)
    assert budget.granted("job/0", concurrency=1).in_flight == 1
    budget.report(lost)
    assert budget.waits_ms("job/1", concurrency=1) > 0


def test_a_probe_that_was_lost_with_its_worker_is_made_by_the_row_that_comes_again(budget: Budget) -> None:
    budget.report(budget.granted("job/0"), A_MINUTE)
    budget.granted("job/1")
    probe = budget.granted("job/1")
    assert budget.fact("probe") == float(probe.number)


def test_what_came_of_a_call_counts_once(budget: Budget) -> None:
    grant = budget.granted("job/0")
    for _ in range(2):
        budget.report(grant)
    assert budget.fact("served") == 1


def test_tokens_are_counted_as_planned_and_then_as_they_were(budget: Budget) -> None:
    wanted = {"tokens": 6_000, "tpm": 6_000}
    grant = budget.granted("job/0", **wanted)
    planned = budget.waits_ms("job/1", **wanted)
    assert planned > 20_000
    budget.report(grant, Outcome("served", tokens=60), **wanted)
    assert budget.waits_ms("job/1", **wanted) < planned / 10


@pytest.fixture
def lease(bench: Bench, settings: Settings, loop: asyncio.AbstractEventLoop) -> Iterator[Lease]:
    [address] = bench.start(rows=1)
    with Leases(bench.store, loop, settings).hold(bench.claim(address)) as lease:
        yield lease


async def tagged() -> Tagging:
    return Tagging(["tag"], {"prompt_tokens": 500, "completion_tokens": 50})


async def fails(error: Exception) -> Tagging:
    raise error


def test_a_call_is_made_and_its_cost_is_counted(budget: Budget, lease: Lease) -> None:
    assert budget.governor.run(lease, budget.call(), tagged).tags == ["tag"]
    assert budget.fact("tokens") == 550
    assert budget.size("flying") == 0


@pytest.mark.parametrize("error", [RateLimited("slow"), ModelFailed("500"), ZeroDivisionError()])
def test_whatever_comes_of_a_call_its_place_is_given_back(budget: Budget, lease: Lease, error: Exception) -> None:
    with pytest.raises(type(error)):
        budget.governor.run(lease, budget.call(), lambda: fails(error))
    assert budget.size("flying") == 0
    assert (budget.fact("probe") == -1) == isinstance(error, RateLimited)


def test_a_longer_wait_is_raised_and_nothing_is_asked(budget: Budget, lease: Lease) -> None:
    budget.granted("job/first", rpm=1)
    with pytest.raises(BudgetSpent) as spent:
        budget.governor.run(lease, budget.call("job/1", rpm=1), lambda: fails(AssertionError("it was asked")))
    assert spent.value.retry_after_ms is not None
    assert spent.value.retry_after_ms >= 1_000
    assert budget.size("waiting") == 1


def test_a_short_wait_is_slept_in_the_thread(budget: Budget, lease: Lease) -> None:
    for row in ("job/0", "job/1", "job/2"):
        assert budget.governor.run(lease, budget.call(row, rpm=120), tagged).tags == ["tag"]
    assert budget.fact("calls") == 3


def test_a_job_that_ended_while_its_row_slept_in_the_line_asks_nothing(
    budget: Budget, lease: Lease, bench: Bench
) -> None:
    budget.granted("job/first", rpm=100)
    with ThreadPoolExecutor(1) as pool:
        work = partial(fails, AssertionError("it was asked"))
        done = pool.submit(budget.governor.run, lease, budget.call("job/1", rpm=100), work)
        until(lambda: budget.size("waiting"))
        bench.store.cancel("job", OWNER)
        with pytest.raises(Interrupted):
            done.result(WAIT_S)
    assert (budget.size("waiting"), budget.fact("calls")) == (0, 1)


@pytest.mark.parametrize("sleeps", [True, False], ids=["while it waits", "while it asks"])
def test_an_interrupted_row_leaves_nothing_behind(budget: Budget, lease: Lease, sleeps: bool) -> None:
    first = budget.granted("job/first", concurrency=1)
    if not sleeps:
        budget.report(first)

    async def endless() -> Tagging:
        await asyncio.Event().wait()
        raise AssertionError

    def work() -> Coroutine[Any, Any, Tagging]:
        return endless()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(budget.governor.run, lease, budget.call("job/1", concurrency=1), work)
        until(lambda: budget.size("waiting" if sleeps else "flying"))
        lease.interrupt(Interrupted())
        with pytest.raises(Interrupted):
            done.result(WAIT_S)
    assert budget.size("waiting") == 0
    assert budget.size("flying") == sleeps


@pytest.mark.parametrize(
    ("fault", "in_flight"), [(redis.ConnectionError(), 0), (redis.ResponseError("our own fault"), 1)]
)
def test_a_report_that_redis_does_not_take_costs_no_result(
    budget: Budget, lease: Lease, monkeypatch: pytest.MonkeyPatch, fault: redis.RedisError, in_flight: int
) -> None:
    governor, faults = budget.governor, [fault]
    answer = governor._call

    def away_once(call: Call, command: str, *args: Any) -> list[Any]:
        if command == "report" and faults:
            raise faults.pop()
        return answer(call, command, *args)

    monkeypatch.setattr(governor, "_call", away_once)
    assert governor.run(lease, budget.call(), tagged).tags == ["tag"]
    assert budget.size("flying") == in_flight


def test_a_longer_text_is_planned_to_cost_more() -> None:
    assert tokens_planned("x" * 8_000) > tokens_planned("") > 0
