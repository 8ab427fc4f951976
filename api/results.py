"""Look at a batch: its numbers, its results."""

from collections.abc import Sequence
from typing import Any

import msgspec
from quart import Blueprint, Response, request

from api.export import TYPES, Export, Form, exported
from api.parts import present
from api.problems import Problem
from protocol.words import DocumentStatus

LIMIT_DEFAULT, LIMIT_MAX = 100, 1_000
NUMBER_DIGITS_MAX = 9

routes = Blueprint("results", __name__)

JSON = "application/json"
_ACCEPTED: dict[str, Form] = {
    **{content_type: form for form, content_type in TYPES.items()},
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
}
_FINAL = {str(status): status for status in DocumentStatus if status.final}


@routes.get("/api/batch/jobs/<job_id>/status")
async def status(job_id: str) -> Response:
    """A batch in numbers."""
    caller = present().door.admit_request(request)
    return answer(await present().feed.reader.report(job_id, caller.subject))


@routes.get("/api/batch/jobs/<job_id>/results")
async def results(job_id: str) -> Response:
    """The rows that have ended, by `row_id`, a page at a time; or all rows as a file, in the form that is asked for."""
    caller = present().door.admit_request(request)
    if (form := _form()) is not None:
        _refuse_pages()
        wanted = Export(present().feed.reader, job_id, caller.subject, _final_status())
        return await exported(present(), wanted, form)
    page = await present().feed.reader.results(
        job_id,
        caller.subject,
        after=_number("after", default=-1, least=0),
        limit=_number("limit", default=LIMIT_DEFAULT, least=1, most=LIMIT_MAX),
        status=_final_status(),
    )
    return answer(page)


def answer(body: msgspec.Struct | Sequence[msgspec.Struct] | dict[str, Any], code: int = 200) -> Response:
    """`body` as JSON."""
    return Response(msgspec.json.encode(body), code, content_type="application/json")


def _form() -> Form | None:
    """In which form the whole is asked for; None: a page of it as JSON."""
    text = request.args.get("format")
    if text is None:
        return _ACCEPTED.get(request.accept_mimetypes.best_match([JSON, *_ACCEPTED], JSON))
    if text != "json" and text not in TYPES:
        raise Problem.invalid("format", f"wants one of json, {', '.join(TYPES)}")
    return text if text in TYPES else None


def _refuse_pages() -> None:
    for name in ("limit", "after"):
        if name in request.args:
            raise Problem.invalid(name, "belongs to pages of JSON; an export is of all rows")


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
