"""One document in one call: a batch of one row, which the route waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast

import msgspec
from quart import Blueprint, Response, request
from werkzeug.exceptions import RequestTimeout

from actors.records import JobMissing
from api import exclusionfile, multipart
from api.batch import new_job, start_job
from api.forms import Asked, json_field
from api.intake import Part
from api.observe import observe
from api.parts import Parts, present
from api.problems import RETRY_AFTER_S, Problem
from api.results import answer
from api.snapshot import read_row
from api.taking import Taking, parts_of
from api.watch import Gap, Stopping
from protocol.faults import Fault, Faults, InvalidRequest, shown
from protocol.messages import Row
from protocol.requests import start_from
from protocol.words import JobStatus, SourceType

FILE, URL = "pdf_file", "pdf_url"
TEXTS = ("title", "description", "password")
FIELDS = (FILE, URL, "config", *TEXTS, exclusionfile.FIELD)
FIELDS_MAX_BYTES = 8 * 1024 * 1024
"""All but the document itself."""
TAKE_LIMIT_S = 300.0

_IN_DOCUMENT = "documents[0]."

routes = Blueprint("single", __name__)


class Processed(Row, frozen=True, omit_defaults=True, kw_only=True):
    """What became of the document: the row that it was, and the job, by which it can be found again."""

    job_id: str


@routes.post("/api/single/process")
async def process() -> Response:
    """Tag one document, sent as `pdf_file` or named by `pdf_url`, and wait for the outcome."""
    caller = present().door.admit_request(request)
    parts = present()
    sent = parts_of(request, most_bytes=parts.settings.upload_body_max_bytes, parts_max=len(FIELDS))
    try:
        async with (
            asyncio.timeout(TAKE_LIMIT_S),
            parts.upload_rooms.enter(caller.subject),
            Taking(parts.uploads, caller.subject) as taking,
        ):
            asked = await _read(sent, taking)
            job = await asyncio.to_thread(new_job, parts, caller.subject, asked)
            taking.hand_over()
            await asyncio.to_thread(start_job, parts, job)
    except TimeoutError:
        raise RequestTimeout from None
    return answer(await _outcome(parts, job.job_id, caller.subject, asked.batch.documents[0].title))


async def _read(sent: AsyncIterator[Part], taking: Taking) -> Asked:
    """What is asked for; the file is kept by then.

    Raises:
        InvalidRequest: a field will not do.
    """
    fields = await _gather(sent, taking)
    exclusions = await asyncio.to_thread(exclusionfile.read_exclusions, fields.get(exclusionfile.FIELD))
    config = json_field("config", fields.get("config"), taking.faults) if "config" in fields else {}
    uploads = await taking.keep()
    place: dict[str, Any] = (
        {"file_path": uploads[0].file_path, "file_source_type": SourceType.UPLOAD}
        if uploads
        else {"file_path": _text(fields[URL]), "file_source_type": SourceType.URL}
    )
    document = place | {name: _text(fields[name]) for name in TEXTS if name in fields}
    try:
        batch = start_from({"documents": [document], "config": config}, 1)
    except InvalidRequest as invalid:
        raise InvalidRequest([Fault(_field(fault.path), fault.message) for fault in invalid.faults]) from None
    with_terms = exclusionfile.with_terms(batch.config, exclusions.terms)
    return Asked(msgspec.structs.replace(batch, config=with_terms), exclusions.pdf, owns_uploads=bool(uploads))


async def _gather(sent: AsyncIterator[Part], taking: Taking) -> dict[str, multipart.Part]:
    """The fields of the form; the file goes where uploads are kept, and is not among them."""
    fields: dict[str, multipart.Part] = {}
    seen: set[str] = set()
    room = FIELDS_MAX_BYTES
    async for part in sent:
        if part.field not in FIELDS:
            taking.faults.add(shown(part.field), f"is no field of this form; it has {', '.join(FIELDS)}")
        elif part.field in seen:
            taking.faults.add(part.field, "stands twice")
        elif part.field == FILE:
            await taking.add(FILE, part)
        elif (content := await _content(part, room)) or part.file_name:
            room -= len(content)
            fields[part.field] = multipart.Part(content, part.media_type, part.charset, part.file_name or "")
        seen.add(part.field)
    _check_document(FILE in seen, URL in fields, taking.faults)
    return fields


def _check_document(sent: bool, named: bool, faults: Faults) -> None:
    if sent == named:
        faults.add(FILE, f"stands beside {URL}: one of the two" if sent else f"is missing, and so is {URL}")


async def _content(part: Part, most_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in part.chunks:
        content += chunk
        if len(content) > most_bytes:
            sentence = f"All fields but {FILE} hold more than {FIELDS_MAX_BYTES // 2**20} MiB together."
            raise Problem(413, sentence)
    return bytes(content)


def _text(part: multipart.Part) -> str:
    return part.content.decode(errors="surrogateescape")  # which is refused as what it is: no text


def _field(path: str) -> str:
    """What the form calls a field of the batch that it becomes."""
    name = path.removeprefix(_IN_DOCUMENT)
    return URL if path.startswith(_IN_DOCUMENT) and name not in TEXTS else name


async def _outcome(parts: Parts, job_id: str, owner: str, title: str) -> Processed:
    """Wait for the document's end; whoever gives up waiting finds it in the job.

    Raises:
        Problem: 504, it takes longer than a request may; 503, this process is about to end; 409, somebody has
            cancelled or deleted the job. Each says the job's id.
    """
    limit_s = parts.settings.single_timeout_s
    try:
        async with asyncio.timeout(limit_s):
            await _over(parts, job_id, owner)
        return await _ended(parts, job_id, title)
    except TimeoutError:
        raise Problem(504, f"The document takes longer than {limit_s:g} seconds; it goes on.", job_id=job_id) from None
    except Stopping:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise Problem(503, "This server is stopping; the document goes on.", job_id=job_id, headers=headers) from None
    except JobMissing:
        raise Problem(409, "The job was deleted meanwhile.", job_id=job_id) from None


async def _over(parts: Parts, job_id: str, owner: str) -> None:
    over = False
    while not over:
        with suppress(Gap):
            async for _ in observe(parts.feed, job_id, owner, cursor=None, keepalive_s=parts.settings.keepalive_s):
                pass
            over = True


async def _ended(parts: Parts, job_id: str, title: str) -> Processed:
    """What is stored of a job that is over."""
    snapshot = await parts.feed.reader.snapshot(job_id)
    for stored in snapshot.catchup.results:
        return Processed(job_id=job_id, **msgspec.structs.asdict(read_row(cast("bytes", stored))))
    state = snapshot.catchup.state
    if state.status is not JobStatus.FAILED:
        raise Problem(409, "The job was cancelled meanwhile.", job_id=job_id)
    # Of a job that fails as a whole the rows stay as they were.
    known: dict[str, Any] = {name: getattr(state, name) for name in ("error_type", "error_code", "model_name")}
    return Processed.failed(0, title, job_id=job_id, **known | {"error": state.message})
