"""Observing a job: what one observer is told, whichever wire it listens on, and how long it may stay."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress

from api.auth import Caller
from api.feed import Feed
from api.frames import Frame
from api.upkeep import Upkeep
from api.watch import Gap, Sink
from protocol.messages import Keepalive, to_json

SEND_TIMEOUT_S = 10.0
SLOWEST_BYTES_PER_S = 64 * 1024
"""A client that takes less for longer than `SEND_TIMEOUT_S` does not read."""
AGE_SPREAD = 0.1
"""By so much of the greatest age some go earlier: those who came together do not come again together."""


async def observe(
    feed: Feed, job_id: str, owner: str, *, cursor: str | None, keepalive_s: float, sink: Sink | None = None
) -> AsyncGenerator[Frame, None]:
    """The frames for one observer of a job: catchup, progress, keepalives, and the ending, after which it ends.

    Where the observer cannot keep up, or the past was lost, another catchup from its own cursor mends it. What
    `sink` takes is not told here as well; it is offered frames only while the next one is waited for.

    Raises:
        JobMissing: there is no such job of this owner, or none any more.
        Gap: this process cannot keep up.
        Stopping: this process is about to end.
        redis.RedisError: Redis does not answer when a catchup is due.
    """
    with feed.watch(job_id, sink) as watch:
        over = False
        while not over:
            snapshot = await feed.catch_up(watch, job_id, owner, cursor)
            over = snapshot.facts.status.over
            for frame in snapshot.frames:
                yield frame
            del snapshot, frame  # megabytes, perhaps, and an observer stays for long
            with suppress(Gap):
                while not over:
                    event = await watch.next(keepalive_s)
                    if event is None:
                        yield Frame(to_json(Keepalive(job_id=job_id, status=feed.status(job_id))))
                    elif event.frame is not None:
                        yield event.frame
                    over = event is not None and event.over
            cursor = watch.cursor


def patience_s(size_bytes: int) -> float:
    """How long a client has to take so much."""
    return SEND_TIMEOUT_S + size_bytes / SLOWEST_BYTES_PER_S


class TokenExpired(Exception):
    """The token was good when the observer came."""


class TooOld(Exception):
    """The observer has been here for as long as the operator lets it: it shall connect again."""


class TooManyObservers(Exception):
    """The caller has as many open as one caller may have."""


class Stay:
    """How long one observer may stay: until its token expires, or as long as the operator lets it.

    It ends between frames: one that is on its way is said to its end, within `patience_s`.
    """

    def __init__(self, caller: Caller, max_age_s: float) -> None:
        expiry_s = caller.expires_at - time.time()
        age_s = max_age_s * random.uniform(1 - AGE_SPREAD, 1) if max_age_s else math.inf  # noqa: S311 - spreads load
        self._ends_at_s = asyncio.get_running_loop().time() + min(expiry_s, age_s)
        self._reason = TokenExpired if expiry_s <= age_s else TooOld

    async def next(self, frames: AsyncGenerator[Frame, None]) -> Frame | None:
        """The next frame; None: there are no more.

        Raises:
            TokenExpired, TooOld: the stay ended before there was one.
        """
        if asyncio.get_running_loop().time() >= self._ends_at_s:  # there may always be one at once
            raise self._reason
        limit = asyncio.timeout_at(self._ends_at_s)
        try:
            async with limit:
                return await anext(frames, None)
        except TimeoutError:
            if limit.expired():
                raise self._reason from None
            raise
        finally:
            del limit  # it holds the task, whose end holds this frame


class Observers:
    """Who observes in this process, by caller."""

    def __init__(self, per_caller: int, max_age_s: float) -> None:
        self._per_caller, self._max_age_s = per_caller, max_age_s
        self._open: Counter[str] = Counter()
        self._upkeep = Upkeep()

    def check(self, caller: Caller) -> None:
        """Whether one more would be admitted.

        Raises:
            TooManyObservers: no.
        """
        if self._open[caller.subject] >= self._per_caller:
            raise TooManyObservers

    @contextmanager
    def admit(self, caller: Caller) -> Iterator[Stay]:
        """One more, for the length of a block.

        Raises:
            TooManyObservers: the caller has too many already.
        """
        self.check(caller)
        self._open[caller.subject] += 1
        self._upkeep.one_came()
        try:
            yield Stay(caller, self._max_age_s)
        finally:
            self._open[caller.subject] -= 1
            if not self._open[caller.subject]:
                del self._open[caller.subject]
            self._upkeep.one_left()
