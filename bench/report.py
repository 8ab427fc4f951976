"""What a measurement says: a line with its figure, its target, and whether it was met."""

from collections.abc import Sequence
from dataclasses import dataclass

_NAME_WIDTH, _FIGURE_WIDTH, _TARGET_WIDTH = 46, 58, 24


class Broken(RuntimeError):
    """Something was lost, doubled or did not work: no figure can make up for that."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    name: str
    figure: str
    target: str = ""
    """Empty: a figure for people, without a verdict."""
    met: bool | None = None

    def __str__(self) -> str:
        verdict = "" if self.met is None else ("ok" if self.met else "MISS")
        return f"{self.name:{_NAME_WIDTH}}{self.figure:{_FIGURE_WIDTH}}{self.target:{_TARGET_WIDTH}}{verdict}".rstrip()


def at_least(name: str, value: float, target: float, unit: str = "", *, figure: str = "") -> Line:
    """A line whose value shall not be below its target; `figure` says more than the value."""
    return Line(name, figure or f"{value:.3g}{unit}", f">= {target:.3g}{unit}", value >= target)


def at_most(name: str, value: float, target: float, unit: str = "", *, figure: str = "") -> Line:
    """A line whose value shall not be above its target; `figure` says more than the value."""
    return Line(name, figure or f"{value:.3g}{unit}", f"<= {target:.3g}{unit}", value <= target)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed; NaN of nothing."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)] if ordered else float("nan")
