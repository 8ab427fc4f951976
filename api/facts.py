"""A job's own numbers and words at one moment, and what they are on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from actors.records import JobMissing
from protocol.messages import Ending, ending
from protocol.words import ErrorCode, ErrorType, JobStatus

FACTS = (
    "owner", "run", "status", "processed", "failed", "total", "seq", "model_name", "created_ms", "message",
    "error_type", "error_code", "tokens_in", "tokens_out",
)  # fmt: skip
_NUMBERS = ("processed", "failed", "total", "seq", "created_ms", "tokens_in", "tokens_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A job's own numbers and words at one moment."""

    job_id: str
    owner: str
    run: str
    status: JobStatus
    processed: int
    failed: int
    total: int
    seq: int
    """The number of the last event of its stream."""
    model_name: str
    created_ms: int
    message: str
    """What its ending says, or why it is paused; else empty."""
    error_type: str
    """Of one that failed: why, in a word of `ErrorType`; else empty."""
    error_code: str
    """The finer reason, in a word of `ErrorCode`; empty: there is none."""
    tokens_in: int
    tokens_out: int

    @classmethod
    def of(cls, job_id: str, values: Sequence[bytes | None]) -> Self:
        """From the values of `FACTS`.

        Raises:
            JobMissing: there is no such job.
        """
        if values[0] is None:
            raise JobMissing(job_id)
        known = {name: (value or b"").decode() for name, value in zip(FACTS, values, strict=True)}
        numbers = {name: int(known[name] or 0) for name in _NUMBERS}
        return cls(**{**known, **numbers, "status": JobStatus(known["status"]), "job_id": job_id})  # type: ignore[arg-type]

    def state(self, expires_ms: int) -> dict[str, Any]:
        """The fields of `JobState`; `expires_ms`: since the epoch."""
        return {
            "status": self.status,
            "progress": progress(self.processed, self.failed, self.total),
            "processed_count": self.processed,
            "failed_count": self.failed,
            "total": self.total,
            "model_name": self.model_name,
            "created_at": moment(self.created_ms),
            "expires_at": moment(expires_ms),
            "message": self.message or None,
            "error_type": ErrorType(self.error_type) if self.error_type else None,
            "error_code": ErrorCode(self.error_code) if self.error_code else None,
            "tokens_in": self.tokens_in or None,
            "tokens_out": self.tokens_out or None,
        }

    def ending(self, cursor: str) -> Ending | None:
        """The ending, if the job is over."""
        if not self.status.over:
            return None
        return ending(self.status).of(
            self.job_id, processed=self.processed, failed=self.failed, message=self.message, cursor=cursor
        )


def progress(processed: int, failed: int, total: int) -> float:
    """Finished rows / total."""
    return (processed + failed) / total


def moment(ms: int) -> str:
    """A time in ms since 1970 as RFC 3339, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
