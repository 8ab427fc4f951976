"""What can come of asking a server.

    ClientError
     ├── RequestRefused      the server said no: `status`, `problem`
     │    ├── NotAuthenticated   no token, or one that is no longer good
     │    └── JobNotFound        no such job, or somebody else's: the two look the same
     ├── Unreachable         no connection, or one that broke off
     └── UnexpectedAnswer    an answer, but not of this protocol

Each knows whether another try may help (`retry_after_s`). No text of these holds a token or an api key.
"""

import math

import msgspec

from protocol.faults import Fault
from protocol.messages import JOB_NOT_FOUND, TOO_MANY_OBSERVERS

RETRIED = frozenset({408, 429, 502, 503, 504})
"""Statuses that pass by themselves."""
RETRY_AFTER_MAX_S = 60.0
OBSERVERS_RETRY_AFTER_S = 5.0
"""After `Too many observers`: sockets of ours that broke off without a word are counted until the server notices."""


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused (RFC 9457)."""

    title: str
    detail: str = ""
    errors: list[Fault] = []
    """The fields that are wrong, of a body that will not do."""
    job_id: str | None = None
    """The job that goes on, where `process` did not hear of its end."""

    def __str__(self) -> str:
        said = self.detail or self.title
        wrong = "; ".join(f"{fault.path}: {fault.message}" if fault.path else fault.message for fault in self.errors)
        return f"{said.rstrip('.')}: {wrong}" if wrong else said


class ClientError(Exception):
    """A call that did not do what it was asked.

    `retry_after_s`: how long to wait at least before the next try; None: no other try would help.
    """

    blocked = False
    """Whether this befell a socket before its first message, and may be the doing of something on the way."""
    gives_up_in_s = math.inf
    """How much longer it is tried again, where that is bounded by time; 0 and less: no longer."""

    def __init__(self, sentence: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class RequestRefused(ClientError):
    """The server said no."""

    def __init__(self, status: int, problem: Problem, *, retry_after_s: float | None = None) -> None:
        super().__init__(str(problem), retry_after_s=retry_after_s)
        self.status = status
        """The HTTP status; of a refusal on the socket the one that HTTP would have."""
        self.problem = problem


class NotAuthenticated(RequestRefused):
    """The token is missing, or not good (any more)."""


class JobNotFound(RequestRefused):
    """There is no such job for this caller."""


class Unreachable(ClientError):
    """The server could not be reached, or broke off."""


class UnexpectedAnswer(ClientError):
    """What answered does not speak this protocol."""


def not_authenticated(why: str) -> NotAuthenticated:
    """The error for a token that will not do."""
    return NotAuthenticated(401, Problem(why))


def job_not_found(why: str) -> JobNotFound:
    """The error for a job that is not there."""
    return JobNotFound(404, Problem(why))


def refused_on_socket(why: str) -> RequestRefused:
    """The error for a refusal on the socket: `why` is what its frame said, or the reason of a close with 1008."""
    if why == JOB_NOT_FOUND:
        return job_not_found(why)
    if why == TOO_MANY_OBSERVERS:
        return RequestRefused(429, Problem(why), retry_after_s=OBSERVERS_RETRY_AFTER_S)
    return not_authenticated(why or "refused")


def refused(status: int, body: bytes, retry_after: str | None = None) -> RequestRefused:
    """The error for an answer of 3xx to 5xx, problem+json or not; `retry_after`: that header, in seconds."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        problem = Problem(f"the server answered {status}")
    kind = {401: NotAuthenticated, 404: JobNotFound}.get(status, RequestRefused)
    return kind(status, problem, retry_after_s=_wait_s(retry_after) if status in RETRIED else None)


def _wait_s(retry_after: str | None) -> float:
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
    return min(seconds, RETRY_AFTER_MAX_S)
