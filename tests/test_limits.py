"""What a provider's headers say about its limits, and what does not say enough."""

import pytest

from actors.limits import Rates, told_rates


def requests(limit: str, remaining: str, reset: str) -> float:
    headers = {"limit": limit, "remaining": remaining, "reset": reset}
    return told_rates({f"X-RateLimit-{part.title()}-Requests": value for part, value in headers.items()}).requests_s


def test_what_is_used_and_when_it_is_full_again_say_how_fast_a_budget_fills() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "40",
        "x-ratelimit-reset-requests": "19.5s",
        "x-ratelimit-limit-tokens": "90000",
        "x-ratelimit-remaining-tokens": "60000",
        "x-ratelimit-reset-tokens": "20s",
    }
    assert told_rates(headers) == pytest.approx(Rates(1.0, 1500.0), rel=0.001)
    assert told_rates({}) == Rates()


@pytest.mark.parametrize(
    ("reset", "seconds"), [("1m0s", 60), ("0.25h", 900), ("1m30.5s", 90.5), ("500ms", 0.5), ("12", 12), ("0.25", 0.25)]
)
def test_a_time_is_read_in_any_of_its_forms(reset: str, seconds: float) -> None:
    assert requests("100", "50", reset) == pytest.approx(49.5 / seconds)


@pytest.mark.parametrize(
    ("limit", "remaining", "reset"),
    [
        ("60", "59", "1s"),
        ("14400", "14370", "2m59.56s"),
        ("60", "60", "0s"),
        ("60", "0", "0s"),
        ("60", "0", "soon"),
        ("60", "0", "1732386033123x"),
        ("60", "0", ""),
        ("", "0", "1s"),
        ("60", "-1", "1s"),
        ("1e3", "0", "1s"),
        ("9" * 400, "0", "1s"),
        ("60", "0", "9" * 400),
    ],
)
def test_what_says_too_little_says_nothing(limit: str, remaining: str, reset: str) -> None:
    assert requests(limit, remaining, reset) == 0
