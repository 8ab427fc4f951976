"""Start a batch."""

import asyncio
import logging
import uuid
from typing import NamedTuple

import msgspec
from quart import Blueprint, Response, request
from redis import RedisError

from actors.records import KeySource, NewJob
from actors.seal import Seal
from actors.settings import Settings
from api import multipart
from api.forms import Asked, read_form
from api.parts import Parts, present
from api.problems import Problem
from api.results import answer
from protocol.requests import LOCAL_MODEL, Document, TaggingConfig, read_start

DEFAULT_MODEL = "openai/gpt-4o-mini"
"""Asked where there is a key and neither the caller nor `TAGSTREAM_MODEL` names a model."""

log = logging.getLogger(__name__)

routes = Blueprint("batch", __name__)


class Started(msgspec.Struct, frozen=True, omit_defaults=True):
    """The batch is accepted: every one of its documents will end."""

    job_id: str
    total_documents: int
    message: str
    read_as: str | None = None
    """How a file was understood: its encoding (and whether that is a guess) and delimiter, or the sheet."""


class Model(NamedTuple):
    """Which model a job asks, and whose key pays."""

    name: str
    key_from: KeySource


@routes.post("/api/batch/start")
async def start() -> Response:
    """Start a batch, from JSON or from a form with a spreadsheet; the same `job_id` with the same again is the same."""
    caller = present().door.admit_request(request)
    is_form = request.mimetype == multipart.CONTENT_TYPE
    if not request.is_json and not is_form:
        raise Problem(415, f"The body must be application/json, or {multipart.CONTENT_TYPE} with a file.")
    body = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    parts = present()
    asked = await (read_form(parts, request.headers["Content-Type"], body) if is_form else _read_json(parts, body))
    return answer(await asyncio.to_thread(_start, parts, caller.subject, asked), 202)


async def _read_json(parts: Parts, body: bytes) -> Asked:
    return Asked(await asyncio.to_thread(read_start, body, parts.settings.max_documents))


def _start(parts: Parts, owner: str, asked: Asked) -> Started:
    """For thousands of documents this is not quick: it runs beside the event loop."""
    return start_job(parts, new_job(parts, owner, asked), asked.read_as)


def start_job(parts: Parts, job: NewJob, read_as: str | None = None) -> Started:
    """Start it. Blocking.

    Raises:
        JobConflict: the job id is taken.
        redis.RedisError: nothing was started, or the same call again will find it started.
    """
    total = parts.store.create(job)
    try:
        parts.dispatcher.refill(job.job_id)
    except RedisError as fault:
        log.warning("job %s is created; the scheduler will send its rows: %s", job.job_id, type(fault).__name__)
    noun = "document" if total == 1 else "documents"
    return Started(job.job_id, total, f"Batch started with {total} {noun}", read_as)


def new_job(parts: Parts, owner: str, asked: Asked) -> NewJob:
    """The job that is asked for, with all its secrets sealed. Blocking.

    Raises:
        Problem: 422; the model is unknown here, or there is no key for it.
    """
    batch = asked.batch
    model = choose_model(batch.config, parts.settings)
    api_key = batch.config.api_key if model.key_from == "caller" else None
    return NewJob(
        job_id=batch.job_id or str(uuid.uuid4()),
        owner=owner,
        fingerprint=parts.seal.fingerprint(batch.canonical() + asked.exclusion_pdf),
        model_name=model.name,
        config=msgspec.structs.replace(batch.config, api_key=None),
        api_key_from=model.key_from,
        sealed_api_key=parts.seal.seal("api_key", api_key) if api_key else None,
        documents=[_sealed(document, parts.seal) for document in batch.documents],
        exclusion_pdf=asked.exclusion_pdf,
        owns_uploads=asked.owns_uploads,
    )


def choose_model(config: TaggingConfig, settings: Settings, *, within: str = "config.") -> Model:
    """The model that a job asks: the caller's choice, else the server's where there is a key, else the local one.

    `within`: what stands before the name of a field that will not do.

    Raises:
        Problem: 422; the model is unknown here, or there is no key for it.
    """
    key_from: KeySource = "caller" if config.api_key else "server" if settings.provider_api_key else "none"
    ours = LOCAL_MODEL if key_from == "none" else settings.model or DEFAULT_MODEL
    name = config.model_name or ours
    if name.startswith("local/") and name != LOCAL_MODEL:
        raise Problem.invalid(f"{within}model_name", f"the only local model is {LOCAL_MODEL}")
    if key_from == "none" and {name, *config.fallback_models} != {LOCAL_MODEL}:
        raise Problem.invalid(f"{within}api_key", f"is needed: only {LOCAL_MODEL} works without a key")
    return Model(name, "none" if name == LOCAL_MODEL else key_from)


def _sealed(document: Document, seal: Seal) -> Document:
    if document.password is None:
        return document
    return msgspec.structs.replace(document, password=seal.seal("password", document.password))
