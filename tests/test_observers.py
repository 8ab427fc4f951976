"""The measurements of observers run, tiny: what they find is looked at, how fast it was is not."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from bench import bigjob, fanout, hostile, idle
from bench.audience import audience
from bench.fanout import Load
from bench.readside import ReadSide, read_side
from bench.report import Broken, Line


@pytest.fixture(scope="module")
def stack() -> Iterator[ReadSide]:
    with read_side() as stack:
        yield stack


def test_events_reach_all_observers_on_both_sides() -> None:
    one, many = Load(1, 3, 40.0, 0.1, 0.2, 0.1), Load(4, 2, 80.0, 0.1, 0.2, 0.1)
    lines = list(fanout.measure(one, many, Load(1, 5, 40.0, 0.1, 0.2, 0.0)))
    assert [line.name for line in lines if not line.name.startswith(" ")] == [
        "1 job x 3 observers, 40 events/s",
        "4 jobs x 2 observers, 80 events/s",
        "1 job x 5 observers, 40 events/s",
    ]
    assert sum(line.met is not None for line in lines) == 9
    assert connections_of_baseline(lines) == {"3", "8"}


def connections_of_baseline(lines: list[Line]) -> set[str]:
    """One for each observer."""
    return {line.figure.rpartition(" ")[2] for line in lines if "Redis connections" in line.name}


def test_every_message_has_its_delay(stack: ReadSide) -> None:
    load = Load(2, 3, 50.0, 0.2, 0.4, 0.0)
    with fanout.our_side(stack) as side:
        outcome = fanout.outcome(side, load)
    assert len(outcome.delays_ms) == 3 * 20
    assert all(delay > 0 for delay in outcome.delays_ms)
    assert outcome.lost == 0


def test_an_event_that_is_missed_is_noticed(stack: ReadSide) -> None:
    with fanout.our_side(stack) as side, side.jobs(1, 5) as (job_id,):
        side.source.step(job_id)
        with audience(side.plan([job_id], 2)) as watching:
            side.source.step(job_id)
            watching.see(2)
            report = watching.leave()
    assert sorted(report.numbers) == [1, 1]
    assert report.lost == 2  # each missed the one before it came


@pytest.mark.parametrize("change", [{"token": "of nobody"}, {"paths": ["/nowhere"]}], ids=["refused", "no socket"])
def test_an_observer_that_is_not_let_in_breaks_the_bench(stack: ReadSide, change: dict[str, Any]) -> None:
    with fanout.our_side(stack) as side:
        plan = msgspec.structs.replace(side.plan(["job"], 1), **change)
        with pytest.raises(Broken, match="1 observers asked, 0 were let in"), audience(plan):
            pass


def test_idle_observers_are_weighed_and_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "BASELINE_WINDOW_S", 0.1)
    monkeypatch.setattr(idle, "RETURN_LIMIT_S", 0.0)
    lines = list(idle.measure(jobs=3, observers=2, gone=0, window_s=0.1))
    assert [line.met is None for line in lines] == [True, False, False, False, False, False]
    assert "6 Redis connections" in lines[0].figure


def test_observers_that_vanish_do_not_answer_any_more(stack: ReadSide) -> None:
    with fanout.our_side(stack) as side, side.jobs(1, 5) as (job_id,), audience(side.plan([job_id], 3)) as watching:
        watching.vanish(2)
        side.source.step(job_id)
        watching.see(1)
        assert side.gauges.observers() == 3  # nobody told the service
        assert watching.leave().observers == [2]


def test_catchups_are_timed_beside_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigjob, "ONE_BY_ONE_A_SECOND", 50.0)
    lines = list(bigjob.measure(rows=10, at_once=3))
    assert [line.target for line in lines] == ["<= 1 s", "<= 50 ms", "", "<= 50 ms", ""]


def test_silent_connections_are_held_against_none() -> None:
    first, missed = hostile.measure(Load(1, 2, 40.0, 0.1, 0.3, 0.0), silent=10)
    assert first.target.endswith("(noise)")
    assert missed.met
