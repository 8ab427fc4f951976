"""The rows that this process holds: their leases are renewed together, and their work can be interrupted.

One thread renews all leases in one call. What the store says no longer to (cancelled, lost) and what has passed
its deadline is interrupted: the coroutine that the row's thread waits for is cancelled, which closes its connection.
"""

import asyncio
import concurrent.futures
import logging
import math
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import redis

from actors.errors import TimedOut
from actors.records import Claim
from actors.settings import Settings
from actors.store import JobStore

log = logging.getLogger(__name__)
T = TypeVar("T")
REDIS_RETRY_S = 0.5


class Interrupted(Exception):
    """The row is no longer ours: whatever comes of the work would be refused."""


class Lease:
    """One held row."""

    def __init__(self, claim: Claim, loop: asyncio.AbstractEventLoop, store: JobStore) -> None:
        self.claim = claim
        self.deadline = math.inf
        """By `time.monotonic`; set when its turn comes: what waits behind others does not take long itself."""
        self._left_s = math.inf
        self._loop = loop
        self._store = store
        self._lock = threading.Lock()
        self._reason: Exception | None = None
        self._future: concurrent.futures.Future[Any] | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the process's event loop and wait for it.

        Raises:
            Interrupted, TimedOut: the row was interrupted before or while it ran.
        """
        with self._lock:
            if self._reason is not None:
                work.close()
                raise self._reason
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._future = future
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise self._reason or Interrupted from None

    def check(self) -> None:
        """Raise what the row was interrupted with, if it was."""
        if self._reason is not None:
            raise self._reason

    def rest(self) -> None:
        """What follows is a wait behind others, which does not count: no deadline passes until `go_on`."""
        self._left_s, self.deadline = self.deadline - time.monotonic(), math.inf

    def go_on(self) -> None:
        """The wait is over."""
        self.deadline = time.monotonic() + self._left_s

    def confirm(self) -> None:
        """Renew the lease by itself, after a wait: raises Interrupted where the row is no longer ours."""
        if insist(lambda: self._store.renew([self.claim])) != [True]:
            self.interrupt(Interrupted())
        self.check()

    def interrupt(self, reason: Exception) -> None:
        """Stop the row's work as soon as it can be stopped; `reason` is raised in its thread."""
        with self._lock:
            self._reason = self._reason or reason
            if self._future is not None:
                self._future.cancel()


class Leases:
    """All rows that this process holds."""

    def __init__(self, store: JobStore, loop: asyncio.AbstractEventLoop, settings: Settings) -> None:
        self._store = store
        self._loop = loop
        self._settings = settings
        self._held: dict[int, Lease] = {}
        self._room = threading.Condition()
        self._alone = False
        self._working = 0

    @contextmanager
    def hold(self, claim: Claim, *, alone: bool = False) -> Iterator[Lease]:
        """Keep the row's lease alive for the length of a block.

        `alone`: no other row's work runs beside it in this process, since it may be what killed others.
        """
        lease = Lease(claim, self._loop, self._store)
        with self._room:
            self._held[id(lease)] = lease
        try:
            with self._turn(alone):
                lease.deadline = time.monotonic() + self._settings.document_timeout_s
                yield lease
        finally:
            with self._room:
                del self._held[id(lease)]

    @contextmanager
    def _turn(self, alone: bool) -> Iterator[None]:
        with self._room:
            self._room.wait_for(lambda: not self._alone)
            self._alone = alone
            self._working += 1
            self._room.wait_for(lambda: not alone or self._working == 1)
        try:
            yield
        finally:
            with self._room:
                self._working -= 1
                self._alone = self._alone and not alone
                self._room.notify_all()

    def renew_until(self, stopped: threading.Event) -> None:
        """Renew all leases, three times in the length of one, until `stopped`. Run this in a thread of its own."""
        while not stopped.wait(self._settings.lease_s / 3):
            try:
                self.renew()
            except redis.RedisError as fault:
                log.warning("leases are not renewed while Redis is away: %s", fault)
            except Exception:  # the outermost loop of its thread: without it every row would lapse
                log.exception("leases were not renewed by our own fault")

    def renew(self) -> None:
        """Renew all leases once, and interrupt the rows that are no longer ours or took too long."""
        leases = self._leases()
        now, limit_s = time.monotonic(), self._settings.document_timeout_s
        for lease in leases:
            if lease.deadline < now:
                lease.interrupt(TimedOut(f"The document took longer than {limit_s:g} seconds."))
        ours = self._store.renew([lease.claim for lease in leases])
        for lease, still in zip(leases, ours, strict=True):
            if not still:
                lease.interrupt(Interrupted())

    def give_back(self, release: Callable[[Claim], None]) -> None:
        """Release every held row and interrupt its work; the process is about to end."""
        for lease in self._leases():
            try:
                release(lease.claim)
            except redis.RedisError as fault:
                log.warning("row %d of job %s is left to its lease: %s", lease.claim.row_id, lease.claim.job_id, fault)
            lease.interrupt(Interrupted())

    @property
    def holding(self) -> bool:
        """Whether this process holds any row."""
        return bool(self._leases())

    def _leases(self) -> list[Lease]:
        with self._room:
            return list(self._held.values())


def insist(write: Callable[[], T]) -> T:
    """Call until Redis answers: a finished result is never thrown away because Redis was."""
    while True:
        try:
            return write()
        except redis.RedisError as fault:
            if not _passes(fault):
                raise
            log.warning("a result is kept until Redis is back: %s", fault)
            time.sleep(REDIS_RETRY_S)


def _passes(fault: redis.RedisError) -> bool:
    """Whether Redis is away, or is there and does not write now; else it is our own fault, and will not pass."""
    return isinstance(fault, _PASSING) or str(fault).startswith(_PASSING_WORDS)


_PASSING = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.OutOfMemoryError,
    redis.ReadOnlyError,  # a fail-over left us with a replica
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
)
# Redis-py has no classes for these: a script that takes long, a disk that is full, replicas that are missing.
_PASSING_WORDS = ("BUSY ", "MISCONF ", "NOREPLICAS ")
