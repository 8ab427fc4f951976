"""What a model's provider says about its limits, in the headers of an answer."""

import re
from collections.abc import Mapping
from typing import NamedTuple

TELLING = 10
"""So much of a budget must be used before the time in which it is full again says how fast it fills."""

FILLED_IN_S = 3_600
"""A budget that takes longer to fill, as one for a day, may be spent at once: how fast it fills is no pace."""

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_COUNT = re.compile(r"\d{1,15}")


class Rates(NamedTuple):
    """How fast a provider's budgets fill, a second; 0: it does not say."""

    requests_s: float = 0.0
    tokens_s: float = 0.0


def told_rates(headers: Mapping[str, str]) -> Rates:
    """What `x-ratelimit-limit-*`, `-remaining-*` and `-reset-*` say of requests and tokens.

    `reset` is the time in which the budget is full again (`6m0s`, `20ms`, or bare seconds), so that what is used now,
    divided by it, is the rate at which the budget fills.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    return Rates(_rate(given, "requests"), _rate(given, "tokens"))


def _rate(headers: Mapping[str, str], kind: str) -> float:
    limit, remaining, reset = (
        headers.get(f"x-ratelimit-{part}-{kind}", "") for part in ("limit", "remaining", "reset")
    )
    if not (_COUNT.fullmatch(limit) and _COUNT.fullmatch(remaining)):
        return 0.0
    used, reset_s = int(limit) - int(remaining), _span_s(reset)
    rate = (used - 0.5) / reset_s if used >= TELLING and reset_s > 0 else 0.0
    return rate if rate * FILLED_IN_S >= int(limit) else 0.0


def _span_s(text: str) -> float:
    """A time as `1h2m3.5s`, `20ms` or `3.5`; 0 where it is none."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return float(text)
    parts = _SPAN.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return 0.0
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
