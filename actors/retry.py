"""The retry middleware: an error becomes a visible wait (`retry_after_ms`) or a final failure.

A subclass of Dramatiq's `Retries`: its options (`max_retries`, `min_backoff`, `max_backoff`, in ms) decide; its
backoff, which has half the jitter, and its re-enqueueing are replaced. Nothing is sent with a delay: the row becomes
due in the store, the message is acknowledged, and the scheduler sends another when its time has come.
"""

import logging
import random
from dataclasses import asdict, dataclass
from typing import Any

import dramatiq
from dramatiq.middleware import Retries

from actors.dispatch import Dispatcher
from actors.errors import BudgetSpent, DocumentError, InternalFault, KeyRefused, ListRefused, NotAsked, RateLimited
from actors.leases import insist
from actors.records import Claim, RowAddress
from actors.settings import Settings
from actors.store import JobStore
from protocol.messages import Row
from protocol.words import ErrorType

log = logging.getLogger(__name__)

INTERNAL_ATTEMPTS = 3
RATE_LIMIT_MIN_MS = 1_000
"""A provider that says 429 and names no time, or none to speak of, is asked again after this at the earliest."""
DOUBLINGS_MAX = 32
SPREAD = 0.1
"""Rows that were told the same time come back up to so much later, not all at once."""


class AttemptFailed(dramatiq.RateLimitExceeded):
    """An attempt at a row did not succeed. Derived so that Dramatiq does not log it as a crash."""

    def __init__(self, claim: Claim, error: DocumentError) -> None:
        sentence = f"attempt {claim.attempt} at row {claim.row_id} of job {claim.job_id}: {error.error_type}"
        super().__init__(sentence)  # type: ignore[no-untyped-call]
        self.claim = claim
        self.error = error


@dataclass(frozen=True, slots=True)
class Wait:
    """Another attempt follows."""

    delay_ms: int
    counts: bool
    """Whether the attempt counts against the limit: a 429 does not."""
    begun: bool = True
    """Whether it was an attempt at all: a row that only waits for its turn keeps the attempt's number."""
    model: str = ""
    """The model that steps in; empty: the same is asked again."""


class RowRetries(Retries):
    """Decides what follows on a failed attempt, and tells the store."""

    def __init__(self, store: JobStore, dispatcher: Dispatcher, settings: Settings) -> None:
        super().__init__(
            max_retries=settings.max_attempts - 1,
            min_backoff=settings.backoff_min_ms,
            max_backoff=settings.backoff_max_ms,
        )
        self._store = store
        self._dispatcher = dispatcher
        self._rate_limit_wait_ms = settings.rate_limit_wait_s * 1000

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Settle a failed attempt. Whatever else was raised is settled by the row's lease."""
        if not isinstance(exception, AttemptFailed):
            return
        claim, error = exception.claim, exception.error
        if isinstance(error, KeyRefused | ListRefused):
            self._fail_job(claim, error)
        elif wait := self.wait(claim, error) or _fallback(claim, error):
            self._wait(claim, error, wait)
        else:
            self._dispatcher.send(insist(lambda: self._finish(claim, error)))

    def _finish(self, claim: Claim, error: DocumentError) -> list[RowAddress]:
        return self._store.finish(claim, self._failed(claim, error), tokens=error.tokens)

    def _wait(self, claim: Claim, error: DocumentError, wait: Wait) -> None:
        told = _told(claim, error) | ({} if wait.begun else {"retry_count": None})
        if wait.model:
            told["error"] = _given_up(claim, error)
        row = Row.waiting(claim.row_id, claim.document.title, retry_after_ms=wait.delay_ms, **told)
        insist(lambda: self._store.retrying(claim, row, **asdict(wait), tokens=error.tokens))

    def wait(self, claim: Claim, error: DocumentError) -> Wait | None:
        """How long the row waits for its next attempt; None: this was the last."""
        if isinstance(error, RateLimited):
            return self._rate_limit_wait(claim, error)
        attempts = INTERNAL_ATTEMPTS if isinstance(error, InternalFault) else self.max_retries + 1
        if not error.retry or claim.faults + 1 >= attempts:
            return None
        return Wait(max(self._backoff_ms(claim.faults), _spread(error.retry_after_ms or 0)), counts=True)

    def _backoff_ms(self, earlier: int) -> int:
        """Full jitter: any time up to a bound that doubles with each earlier attempt, so that no two come together."""
        bound_ms: int = min(self.max_backoff, self.min_backoff << min(earlier, DOUBLINGS_MAX))
        return round(bound_ms * random.random())  # noqa: S311 - no secret hangs on it

    def _rate_limit_wait(self, claim: Claim, error: RateLimited) -> Wait | None:
        left_ms = self._rate_limit_wait_ms - claim.waited_ms
        if isinstance(error, BudgetSpent):
            return Wait(error.retry_after_ms, counts=False, begun=False) if error.retry_after_ms <= left_ms else None
        begun = not isinstance(error, NotAsked)
        asked_ms = self._rate_limit_delay_ms(claim, error)
        return Wait(min(_spread(asked_ms), left_ms), counts=False, begun=begun) if asked_ms <= left_ms else None

    def _rate_limit_delay_ms(self, claim: Claim, error: RateLimited) -> int:
        """What the other side asks for, else what we make of its silence."""
        asked_ms = error.retry_after_ms
        if asked_ms is None:
            asked_ms = self._backoff_ms(claim.attempt - 1)
        return max(RATE_LIMIT_MIN_MS, asked_ms)

    def _failed(self, claim: Claim, error: DocumentError) -> Row:
        known = _told(claim, error) | {"error": _given_up(claim, error)}
        if isinstance(error, RateLimited):
            known["retry_after_ms"] = self._rate_limit_delay_ms(claim, error)
        return Row.failed(claim.row_id, claim.document.title, **known)

    def _fail_job(self, claim: Claim, error: DocumentError) -> None:
        row = Row.waiting(claim.row_id, claim.document.title, **_told(claim, error))
        # An ending's message goes on in many a display, as `Job completed: 3 tagged` does.
        insist(lambda: self._store.fail_job(claim, row, str(error).removesuffix(".")))


def _fallback(claim: Claim, error: DocumentError) -> Wait | None:
    """At once with the next model, where this one has given the row up and another may do better."""
    if not (error.another_model and claim.next_model):
        return None
    return Wait(0, counts=False, begun=not isinstance(error, NotAsked), model=claim.next_model)


def _given_up(claim: Claim, error: DocumentError) -> str:
    """Why, and what was tried before, for people."""
    attempts = f"{claim.attempt} attempts" if claim.attempt > 1 else ""
    waited = f"{claim.waited_ms / 1000:.0f} s of waiting for rate limits" if claim.waited_ms else ""
    tried = " and ".join(filter(None, (attempts, waited)))
    return f"{str(error).removesuffix('.')} (after {tried})." if tried else str(error)


def _spread(delay_ms: int) -> int:
    """Never earlier than was asked for."""
    return delay_ms + round(delay_ms * SPREAD * random.random())  # noqa: S311 - no secret hangs on it


def _told(claim: Claim, error: DocumentError) -> dict[str, Any]:
    """What observers are told of a failed attempt."""
    return {
        "error": str(error),
        "error_type": ErrorType(error.error_type),
        "error_code": error.code,
        "retry_count": claim.attempt,
        "model_name": claim.model_name,
        "id": claim.document.id,
    }
