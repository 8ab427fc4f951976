"""What a budget learns from calls that are served and refused, on a real Redis."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from actors.governor import Outcome
from actors.limits import Rates
from actors.settings import Settings
from tests.budgets import A_MINUTE, Budget


@pytest.fixture
def budget(settings: Settings) -> Iterator[Budget]:
    with closing(Budget(settings)) as budget:
        yield budget


def test_after_a_refusal_one_probe_goes_and_where_it_is_served_nobody_else_waits(budget: Budget) -> None:
    budget.report(budget.granted("job/0"), A_MINUTE)
    probe = budget.granted("job/1")
    budget.report(probe)
    assert budget.fact("hold") == 0
    budget.granted("job/2")


def test_where_the_probe_is_refused_too_all_wait_and_come_back_one_by_one(budget: Budget) -> None:
    budget.report(budget.granted("job/0"), A_MINUTE)
    budget.report(budget.granted("job/1"), A_MINUTE)
    waits = [budget.waits_ms(f"job/{row}") for row in range(2, 12)]
    assert 50_000 < waits[0] <= 60_000
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]


def test_a_refusal_that_names_no_time_is_waited_for_twice_as_long_each_time(budget: Budget) -> None:
    held = []
    for _ in range(3):
        budget.redis.hset(f"budget:{{{budget.name}}}", mapping={"hold": 0, "next": 0})
        for row in ("job/0", "job/1"):
            budget.report(budget.granted(row), Outcome("refused"))
        held.append(budget.fact("hold") - budget.redis.time()[0] * 1000)
    assert held[1] > held[0] + 500
    assert held[2] > held[1] + 1_500


def test_the_pace_is_cut_once_for_each_wait(budget: Budget) -> None:
    early = [budget.granted(f"job/{row}") for row in range(4)]
    before = budget.fact("pace")
    budget.report(early[0], A_MINUTE)
    budget.report(budget.granted("job/probe"), A_MINUTE)
    cut = budget.fact("pace")
    assert cut < before
    for grant in early[1:]:
        budget.report(grant, A_MINUTE)
    assert (budget.fact("pace"), budget.fact("probe")) == (cut, 0)


def test_the_pace_of_an_unknown_provider_grows_with_what_is_served(budget: Budget) -> None:
    budget.report(budget.granted())
    before = budget.fact("pace")
    for row in range(10):
        budget.report(budget.granted(f"job/{row}"))
    assert budget.fact("pace") > before


def test_where_only_more_calls_in_flight_are_refused_their_number_is_learned_and_the_pace_is_not_cut(
    budget: Budget,
) -> None:
    budget.report(budget.granted())
    budget.redis.hset(f"budget:{{{budget.name}}}", mapping={"sure": 50, "since": 1})
    for _ in range(3):
        for grant in [budget.granted("job/0"), budget.granted("job/1")]:
            budget.report(grant)
    *pair, third = [budget.granted(f"job/{row}") for row in range(3)]
    before = budget.fact("pace")
    budget.report(third, Outcome("refused", retry_after_ms=1))
    for grant in pair:
        budget.report(grant)
    budget.report(budget.granted("job/probe"))
    assert budget.fact("concurrency") == 2
    assert budget.fact("pace") >= before
    for row in range(2):
        budget.granted(f"job/{row}")
    budget.waits_ms("job/2")


def test_what_the_providers_headers_say_becomes_the_pace(budget: Budget) -> None:
    budget.report(budget.granted("job/0"), Outcome("served", tokens=600, rates=Rates(0.25, 0)))
    assert budget.fact("pace") == 0.25
    budget.granted("job/1")
    assert budget.waits_ms("job/2") >= 1_000
