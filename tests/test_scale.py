"""What is measured of sizes, of fairness and of empty rows: that it is measured, not how fast it was."""

import pytest

from bench import scale
from bench.readside import read_side
from bench.rig import rigged

FEW = 8


def test_rates_are_told_for_every_size() -> None:
    with scale.local_rig() as rig:
        base, small, larger = scale.measure_sizes(rig, [FEW, 2 * FEW, 3 * FEW])
    assert (base.met, small.target, larger.target) == (None, ">= 0.7 x", "<= 0.15")


def test_a_small_batch_behind_a_large_one_is_held_against_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "FAIR_RUNS", 1)
    monkeypatch.setattr(scale, "UNDER_WAY", FEW)
    with rigged(documents=FEW) as rig:
        (line,) = scale.measure_fairness(rig, behind=300)
    assert line.target == "<= 2 x"


def test_an_empty_row_is_held_against_a_bare_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "EMPTY_RUNS", 1)
    with read_side() as stack:
        (line,) = scale.measure_overhead(stack, rows=100)
    assert line.target == "<= 3 x"
