"""Errors as `application/problem+json` (RFC 9457): every one that a client can meet goes out through here."""

import logging
import traceback
from collections.abc import Mapping, Sequence
from functools import singledispatch
from http import HTTPStatus

import msgspec
from quart import Quart, Response
from redis import RedisError, ResponseError
from redis.exceptions import OutOfMemoryError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing.exceptions import WebsocketMismatch

from actors.records import JobConflict, JobMissing, JobOver, JobRunning, NothingToRun
from actors.shelf import UploadsAway, UploadsFull
from api.auth import NotAuthenticated
from api.rooms import Crowded
from protocol.messages import AUTHENTICATION_REQUIRED, JOB_NOT_FOUND
from protocol.requests import Fault, InvalidRequest, MalformedBody

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
"""What a client is told to wait while Redis is away."""
FULL_RETRY_AFTER_S = 60
"""While Redis is full: something may have expired by then."""

log = logging.getLogger(__name__)

_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    408: "The body did not arrive in time.",
    413: "The body is larger than 16 MiB.",
}


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The members of RFC 9457, and `errors` where fields of the request are at fault."""

    type: str
    """Always `about:blank`: the status says which kind of problem it is (RFC 9457 §4.2.1)."""
    title: str
    """The status in words."""
    status: int
    detail: str
    """What is wrong this time, a sentence for people."""
    errors: Sequence[Fault] = ()
    """Each `path` names a field, as `documents[3].file_path`; empty: the body as a whole."""
    job_id: str | None = None
    """The job that was started all the same, where the answer to `POST /api/single/process` is none."""


class Problem(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        job_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.job_id = job_id

    @classmethod
    def invalid(cls, path: str, message: str) -> "Problem":
        """422 about one field."""
        return as_problem(InvalidRequest([Fault(path, message)]))

    def response(self) -> Response:
        """The answer itself."""
        body = ProblemBody(
            type="about:blank",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
            job_id=self.job_id,
        )
        return Response(msgspec.json.encode(body), self.status, headers=dict(self.headers), content_type=CONTENT_TYPE)


def register(app: Quart) -> None:
    """Answer whatever a route of `app` raises with a problem."""

    async def answer(fault: Exception) -> Response:
        return as_problem(fault).response()

    for kind in (Exception, HTTPException):
        app.register_error_handler(kind, answer)


@singledispatch
def as_problem(fault: Exception) -> Problem:
    """The problem that `fault` is to the client; one that nobody foresaw is logged and is a 500."""
    log_unexpected(fault, "a request")
    return Problem(500, "Something went wrong on our side; it has been noted.")


@as_problem.register
def _(fault: Problem) -> Problem:
    return fault


@as_problem.register
def _(fault: NotAuthenticated) -> Problem:
    detail = "The token is not valid, or no longer." if fault.shown else f"{AUTHENTICATION_REQUIRED}."
    return Problem(401, detail, headers={"WWW-Authenticate": fault.challenge})


@as_problem.register
def _(fault: InvalidRequest) -> Problem:
    return Problem(422, "The request cannot be honoured as it is.", errors=fault.faults)


@as_problem.register
def _(fault: MalformedBody) -> Problem:
    return Problem(400, "The body cannot be read.", errors=fault.faults)


@as_problem.register
def _(_fault: JobMissing) -> Problem:
    return Problem(404, JOB_NOT_FOUND)


@as_problem.register(JobConflict)
@as_problem.register(JobOver)
@as_problem.register(JobRunning)
@as_problem.register(NothingToRun)
def _(fault: JobConflict | JobOver | JobRunning | NothingToRun) -> Problem:
    sentence = str(fault)
    return Problem(409, f"{sentence[:1].upper()}{sentence[1:]}.")


@as_problem.register
def _(fault: UploadsFull) -> Problem:
    return Problem(429, str(fault), headers={"Retry-After": str(fault.retry_after_s)})


@as_problem.register
def _(_fault: Crowded) -> Problem:
    sentence = "As many requests of yours are on their way as one caller may have; try again shortly."
    return Problem(429, sentence, headers={"Retry-After": str(RETRY_AFTER_S)})


@as_problem.register
def _(fault: UploadsAway) -> Problem:
    log.warning("uploads are not taken: %s", fault.__cause__ or "they took too long")
    return Problem(
        503, "The store of uploads does not answer; try again shortly.", headers={"Retry-After": str(RETRY_AFTER_S)}
    )


@as_problem.register
def _(fault: RedisError) -> Problem:
    if isinstance(fault, ResponseError):
        log_unexpected(fault, "a command of Redis")
    log.warning("Redis does not answer: %s", type(fault).__name__)
    return Problem(
        503, "The job store does not answer; try again shortly.", headers={"Retry-After": str(RETRY_AFTER_S)}
    )


@as_problem.register
def _(_fault: OutOfMemoryError) -> Problem:
    log.error("Redis is full: give it more memory (maxmemory), or less to keep")
    return Problem(503, "The job store is full; try again later.", headers={"Retry-After": str(FULL_RETRY_AFTER_S)})


@as_problem.register
def _(fault: HTTPException) -> Problem:
    status = fault.code or 500
    allowed = fault.valid_methods if isinstance(fault, MethodNotAllowed) else None
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return Problem(status, _SENTENCES.get(status, f"{HTTPStatus(status).phrase}."), headers=headers)


@as_problem.register
def _(_fault: WebsocketMismatch) -> Problem:
    return Problem(426, "This address is a WebSocket.", headers={"Upgrade": "websocket"})


def log_unexpected(fault: BaseException, where: str) -> None:
    """Log where `fault` arose; not what it says, since that may repeat what a client sent."""
    frames = "".join(traceback.format_tb(fault.__traceback__))
    log.error("%s failed unexpectedly with %s\n%s", where, type(fault).__qualname__, frames)
