"""Hosts that said 429 to a caller's documents are left alone by all of these until the time that they named.

One key for each caller and such host in Redis, shared by all workers and API processes, which expires when that time
has come. Nobody else's documents wait: who can make a host say 429 (by its paths, or as a neighbour behind the same
name) would else hold up everybody's.
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

    async def check(self, owner: str, host: str, port: int) -> None:
        """Go on if the host may be asked now.

        Raises:
            HostBusy: it may not; `retry_after_ms` says when.
        """
        left_ms = await asyncio.to_thread(self._left_ms, _key(owner, host, port))
        if left_ms > 0:
            raise HostBusy(host, retry_after_ms=left_ms)

    async def heed(self, owner: str, host: str, port: int, retry_after_ms: int | None) -> None:
        """The host said 429: let it not be asked for this owner for so long."""
        await asyncio.to_thread(self._hold, _key(owner, host, port), retry_after_ms or UNSAID_MS)

    def _left_ms(self, key: str) -> int:
        if self._client is None:
            return 0
        try:
            return int(self._client.pttl(key))
        except redis.RedisError as fault:
            log.warning("whether a host is to be left alone is not known: %s", type(fault).__name__)
            return 0

    def _hold(self, key: str, hold_ms: int) -> None:
        if self._client is None:
            return
        try:
            self._client.set(key, b"", px=hold_ms)
        except redis.RedisError as fault:
            log.warning("others do not hear that a host asks to slow down: %s", type(fault).__name__)


def _key(owner: str, host: str, port: int) -> str:
    return f"owner:{{{owner}}}:busy:{host}:{port}"
