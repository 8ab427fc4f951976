"""When the other side wants to be asked again."""

import re
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime

RETRY_AFTER_CAP_MS = 3_600_000
"""A host or provider that says "three days" is asked again after an hour."""

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
