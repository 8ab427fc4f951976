"""Hosts that said 429 are left alone by everybody until the time that they named.

One key for each such host in Redis, shared by all workers and API processes, which expires when that time has come.
"""

import asyncio
import logging

import redis

from actors.errors import HostBusy

log = logging.getLogger(__name__)

UNSAID_MS = 1_000
"""How long a host is left alone that names no time."""


class Courtesy:
    """What all processes know of hosts that asked to slow down. Without Redis each asks as if nobody knew anything."""

    def __init__(self, client: "redis.Redis | None") -> None:
        self._client = client

    async def check(self, host: str) -> None:
        """Go on if the host may be asked now.

        Raises:
            HostBusy: it may not; `retry_after_ms` says when.
        """
        left_ms = await asyncio.to_thread(self._left_ms, host)
        if left_ms > 0:
            raise HostBusy(host, retry_after_ms=left_ms)

    async def heed(self, host: str, retry_after_ms: int | None) -> None:
        """The host said 429: let nobody ask it for so long."""
        await asyncio.to_thread(self._hold, host, retry_after_ms or UNSAID_MS)

    def _left_ms(self, host: str) -> int:
        if self._client is None:
            return 0
        try:
            return int(self._client.pttl(_key(host)))
        except redis.RedisError as fault:
            log.warning("whether a host is to be left alone is not known: %s", type(fault).__name__)
            return 0

    def _hold(self, host: str, hold_ms: int) -> None:
        if self._client is None:
            return
        try:
            self._client.set(_key(host), b"", px=hold_ms)
        except redis.RedisError as fault:
            log.warning("others do not hear that a host asks to slow down: %s", type(fault).__name__)


def _key(host: str) -> str:
    return f"host:{{{host}}}:busy"
