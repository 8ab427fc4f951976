"""Look at a batch: its numbers, its results."""

from typing import Any

import msgspec
from quart import Blueprint, Response, request

from api.parts import present
from api.problems import Problem
from protocol.words import DocumentStatus

LIMIT_DEFAULT, LIMIT_MAX = 100, 1_000
NUMBER_DIGITS_MAX = 9

routes = Blueprint("results", __name__)

_FINAL = {str(status): status for status in DocumentStatus if status.final}


@routes.get("/api/batch/jobs/<job_id>/status")
async def status(job_id: str) -> Response:
    """A batch in numbers."""
    caller = present().door.admit_request(request)
    return answer(await present().feed.reader.report(job_id, caller.subject))


@routes.get("/api/batch/jobs/<job_id>/results")
async def results(job_id: str) -> Response:
    """The rows that have ended, by `row_id`, a page at a time."""
    caller = present().door.admit_request(request)
    page = await present().feed.reader.results(
        job_id,
        caller.subject,
        after=_number("after", default=-1, least=0),
        limit=_number("limit", default=LIMIT_DEFAULT, least=1, most=LIMIT_MAX),
        status=_final_status(),
    )
    return answer(page)


def answer(body: msgspec.Struct | dict[str, Any], code: int = 200) -> Response:
    """`body` as JSON."""
    return Response(msgspec.json.encode(body), code, content_type="application/json")


def _number(name: str, *, default: int, least: int, most: int = 10**NUMBER_DIGITS_MAX - 1) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX and least <= int(text) <= most):
        raise Problem.invalid(name, f"wants a whole number from {least} to {most}")
    return int(text)


def _final_status() -> DocumentStatus | None:
    text = request.args.get("status")
    if text is None:
        return None
    if text not in _FINAL:
        raise Problem.invalid("status", f"wants one of {', '.join(_FINAL)}")
    return _FINAL[text]
