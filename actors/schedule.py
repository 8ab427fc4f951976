"""The scheduler: due rows → queue, and the reconciler: rows that should be moving and are not → sent again.

Every worker process runs one in a thread; each step is one call of the script, so any number of them agree. The only
clock is that of Redis. After its own connection was lost, or Redis stood still, it waits one lease before it judges
any: the workers that were cut off at the same moment must first have had the time to renew theirs.
"""

import logging
import threading
import time
from typing import Any

import msgspec
import redis
from dramatiq.errors import BrokerError

from actors.broker import DocumentBroker
from actors.dispatch import Dispatcher
from actors.records import Lapsed
from actors.store import JobStore
from protocol.messages import Row
from protocol.words import ErrorCode, ErrorType

log = logging.getLogger(__name__)

TICK_S = 0.1
LAPSED = "The worker that had this document died"


class Scheduler:
    """Moves what is due. `worker` is `id/threads`, under which this process is known to live."""

    def __init__(
        self, store: JobStore, broker: DocumentBroker, dispatcher: Dispatcher, *, worker: str, lease_s: float
    ) -> None:
        self._store = store
        self._broker = broker
        self._dispatcher = dispatcher
        self._worker = worker
        self._lease_s = lease_s
        self._judge_from = 0.0

    def run_until(self, stopped: threading.Event) -> None:
        """Step ten times a second until `stopped`. Run this in a thread of its own."""
        while not stopped.wait(TICK_S):
            try:
                self.step()
            except (redis.RedisError, BrokerError) as fault:
                self._judge_no_lease_yet()
                log.warning("nothing is scheduled while Redis is away: %s", fault)
            except Exception:  # the outermost loop of its thread: without it rows would wait for ever
                log.exception("a step of the scheduler failed by our own fault")

    def step(self) -> None:
        """Send what is due, and give every row whose worker died another attempt."""
        asked = time.monotonic()
        due = self._store.tick(self._worker, queued=self._broker.queued(), judge_leases=asked >= self._judge_from)
        if time.monotonic() - asked > self._lease_s / 3:  # it stood still, and no worker could renew anything
            self._judge_no_lease_yet()
            due = due._replace(lapsed=[])
        self._dispatcher.send(due.send)
        for lapsed in due.lapsed:
            self._lapse(lapsed)

    def _lapse(self, lapsed: Lapsed) -> None:
        try:
            again, failed = _again(lapsed), _failed(lapsed)
        except msgspec.MsgspecError as fault:
            log.warning("row %d of job %s cannot be read: %s", lapsed.row_id, lapsed.job_id, fault)
            return
        self._dispatcher.send(self._store.lapse(lapsed, again=again, failed=failed))

    def _judge_no_lease_yet(self) -> None:
        self._judge_from = time.monotonic() + self._lease_s


def _again(lapsed: Lapsed) -> Row:
    return Row.waiting(lapsed.row_id, error=f"{LAPSED}.", retry_after_ms=0, **_told(lapsed))


def _failed(lapsed: Lapsed) -> Row:
    """Where it killed whoever read it, that is the document's own fault."""
    attempts = f"(after {lapsed.attempt} attempts)"
    if lapsed.stage != "extract":
        return Row.failed(lapsed.row_id, error=f"{LAPSED}, again and again {attempts}.", **_told(lapsed))
    error = f"{LAPSED}, each time while reading it {attempts}."
    blamed = {"error_type": ErrorType.DOCUMENT, "error_code": ErrorCode.TOO_COMPLEX}
    return Row.failed(lapsed.row_id, error=error, **_told(lapsed) | blamed)


def _told(lapsed: Lapsed) -> dict[str, Any]:
    document = lapsed.document
    return {
        "title": document.title,
        "error_type": ErrorType.INTERNAL,
        "retry_count": lapsed.attempt,
        "model_name": lapsed.model_name,
        "id": document.id,
    }
