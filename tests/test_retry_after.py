"""Every way to say when to come back, and none that hurts."""

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.retry_after import reset_ms, retry_after_ms

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2_000),
        ({"retry-after": " 2.5 "}, 2_500),
        ({"Retry-After": "-1"}, 0),
        ({"Retry-After": "9" * 25}, int("9" * 25) * 1_000),
        ({"retry-after-ms": "12.9"}, 12),
        ({"retry-after-ms": "soon", "Retry-After": "1"}, 1_000),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "9" * 5_000}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": formatdate(NOW + 90, usegmt=True)}, 90_000),
        ({"Retry-After": formatdate(NOW - 90, usegmt=True)}, 0),
        ({"Retry-After": "Friday, 15-Jan-27 08:01:30 GMT"}, 90_000),
        ({"Retry-After": "Fri Jan 15 08:01:30 2027"}, 90_000),
        ({"Retry-After": "Fri, 99 Jan 2027 08:01:30 GMT"}, None),
    ],
)
def test_every_form_of_retry_after_is_read(headers: dict[str, str], wait_ms: int | None) -> None:
    assert retry_after_ms(headers, NOW) == wait_ms


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["Retry-After", "retry-after-ms"]), st.text() | st.floats().map(str)))
def test_no_header_makes_the_reader_of_retry_after_fail(headers: dict[str, str]) -> None:
    wait_ms = retry_after_ms(headers, NOW)
    assert wait_ms is None or wait_ms >= 0


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({}, None),
        ({"X-RateLimit-Reset": "30"}, 30_000),
        ({"X-RateLimit-Reset": str(NOW + 45)}, 45_000),
        ({"X-RateLimit-Reset": f"{(NOW + 45) * 1000:.0f}"}, 45_000),
        ({"X-RateLimit-Reset": str(NOW - 45)}, 0),
        ({"ratelimit-reset": "1.5"}, 1_500),
        ({"X-Rate-Limit-Reset": "7", "X-RateLimit-Reset": "soon"}, 7_000),
        ({"X-RateLimit-Reset": "2027-01-15T08:01:30Z"}, None),
        ({"X-RateLimit-Reset": "-5"}, 0),
    ],
)
def test_the_time_at_which_a_budget_is_there_again_is_read(headers: dict[str, str], wait_ms: int | None) -> None:
    assert reset_ms(headers, NOW) == wait_ms


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["X-RateLimit-Reset", "ratelimit-reset"]), st.text() | st.floats().map(str)))
def test_no_header_makes_the_reader_of_resets_fail(headers: dict[str, str]) -> None:
    wait_ms = reset_ms(headers, NOW)
    assert wait_ms is None or wait_ms >= 0
