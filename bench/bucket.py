"""The token bucket by which the mock provider limits its calls."""

import math
from collections.abc import Callable

import msgspec


class Bucket(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A token bucket: how many calls a second are served, and how many at once after a rest. It starts full."""

    rate_per_s: float
    burst: float = 1.0
    headers: bool = False
    """Whether answers say how full it is (`x-ratelimit-*`)."""


class Level:
    """How full a bucket is, by a clock in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._bucket: Bucket | None = None
        self._calls = 0.0
        self._at = 0.0

    def take(self, bucket: Bucket) -> bool:
        """Take a call out, if there is a whole one."""
        self._fill(bucket)
        served = self._calls >= 1
        self._calls -= served
        return served

    def until_next_s(self, bucket: Bucket) -> float:
        """When the next call would be served."""
        self._fill(bucket)
        return max(0.0, 1 - self._calls) / bucket.rate_per_s

    def headers(self, bucket: Bucket) -> dict[str, str]:
        """What a provider says about it: its size, what is left, and when it is full again."""
        self._fill(bucket)
        return {
            "x-ratelimit-limit-requests": f"{bucket.burst:.0f}",
            "x-ratelimit-remaining-requests": f"{math.floor(self._calls)}",
            "x-ratelimit-reset-requests": f"{(bucket.burst - self._calls) / bucket.rate_per_s:.3f}s",
        }

    def _fill(self, bucket: Bucket) -> None:
        now = self._clock()
        if bucket != self._bucket:
            self._bucket, self._calls = bucket, bucket.burst
        self._calls = min(bucket.burst, self._calls + (now - self._at) * bucket.rate_per_s)
        self._at = now
