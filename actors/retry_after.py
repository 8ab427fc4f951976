"""When the other side wants to be asked again."""

import re
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime

RETRY_AFTER_CAP_MS = 1_800_000
"""A host or provider that says "three days" is asked again after half an hour: well within the hour that a row waits in
all by default, so that one such word does not fail every row at once."""

EPOCH_MIN_S, EPOCH_MIN_MS = 10**9, 10**12
"""A number as large is no time from now, but a date: in seconds, or in milliseconds."""

_RESETS = ("x-ratelimit-reset", "ratelimit-reset", "x-rate-limit-reset")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")


def retry_after_ms(headers: Mapping[str, str], now: float) -> int | None:
    """How long the other side wants us to wait, in milliseconds >= 0, not capped; None: it does not say.

    `retry-after-ms` goes before `Retry-After` (seconds, also with decimals, or an HTTP date). What is in the past is
    0, what cannot be read is as if it were absent. `now`: seconds since 1970.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    exact, seconds = given.get("retry-after-ms", ""), given.get("retry-after", "")
    if _NUMBER.fullmatch(exact):
        return max(0, int(Decimal(exact)))
    if _NUMBER.fullmatch(seconds):
        return max(0, int(Decimal(seconds) * 1000))
    try:
        date = parsedate_to_datetime(seconds)
        return max(0, int((date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now) * 1000))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def reset_ms(headers: Mapping[str, str], now: float) -> int | None:
    """When a budget that is used up is there again, in milliseconds >= 0, not capped; None: it is not said.

    It may be told in seconds from now, or as a date in seconds or milliseconds since 1970. `now` as above.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    told = next((given[name] for name in _RESETS if _NUMBER.fullmatch(given.get(name, ""))), None)
    if told is None:
        return None
    number = Decimal(told)
    if number >= EPOCH_MIN_MS:
        return max(0, int(number - Decimal(now) * 1000))
    return max(0, int((number - Decimal(now) if number >= EPOCH_MIN_S else number) * 1000))
