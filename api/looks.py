"""Looks at documents before they are batches: by the fetcher itself, side by side, so many at a time."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import redis

from actors.errors import DocumentError
from actors.settings import Settings
from api.rooms import Rooms
from protocol.checks import CheckedPath, PathToCheck
from protocol.words import ErrorType

if TYPE_CHECKING:
    from actors.fetch import Fetcher

LIMIT_S = 30.0
"""All paths of one request; what has not answered then is told as such. Below what proxies wait."""
AT_A_TIME, OF_ONE_CALLER = 64, 16
"""In this process: connections to other people's hosts."""


class Looks:
    """One for a process."""

    def __init__(self, settings: Settings, client: "redis.Redis | None") -> None:
        self._settings, self._client = settings, client
        self._fetcher: Fetcher | None = None
        self._rooms = Rooms(AT_A_TIME, OF_ONE_CALLER)

    async def look_at(self, owner: str, paths: Sequence[PathToCheck]) -> list[CheckedPath]:
        """What each path leads to, in their order, within `LIMIT_S`."""
        ends_at = asyncio.get_running_loop().time() + LIMIT_S
        return await asyncio.gather(*(self._one(owner, each, ends_at) for each in paths))

    async def close(self) -> None:
        """Close idle connections."""
        if self._fetcher is not None:
            await self._fetcher.close()

    async def _one(self, owner: str, asked: PathToCheck, ends_at: float) -> CheckedPath:
        try:
            async with asyncio.timeout_at(ends_at), self._rooms.enter(owner):
                found = await self._fetching().look(asked.type, asked.path, owner)
        except TimeoutError:
            sentence = f"It was not looked at within the {LIMIT_S:g} seconds of the request."
            return CheckedPath(path=asked.path, valid=False, error=sentence, error_type=ErrorType.TIMEOUT)
        except DocumentError as fault:
            return CheckedPath(
                path=asked.path, valid=False, error=str(fault), error_type=fault.error_type, error_code=fault.code
            )
        return CheckedPath(path=asked.path, valid=True, content_type=found.content_type, size=found.size_bytes)

    def _fetching(self) -> "Fetcher":
        if self._fetcher is None:
            from actors.fetch import Fetcher  # noqa: PLC0415 - few ask for it, and it would slow every start

            self._fetcher = Fetcher(self._settings, self._client)
        return self._fetcher
