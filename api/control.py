"""What its owner does to a batch: stop it for good or for a while, go on, run it again, forget it."""

import asyncio
from collections.abc import Callable

import msgspec
from quart import Blueprint, Response, request
from redis import RedisError

from actors.records import JobMissing, KeySource, NewRun, RowUnknown
from api.auth import Caller
from api.batch import choose_model, log
from api.parts import Parts, present
from api.problems import Problem
from api.results import answer
from protocol.requests import RetryBatch, TaggingConfig, read_retry, valid_job_id

routes = Blueprint("control", __name__)


class Retried(msgspec.Struct, frozen=True):
    """The job runs again."""

    job_id: str
    rows: int
    """How many of its rows run."""
    message: str


@routes.post("/api/batch/jobs/<job_id>/cancel")
async def cancel(job_id: str) -> Response:
    """Stop a batch before its next row starts; again, it answers the same."""
    return await _act(job_id, present().store.cancel)


@routes.post("/api/batch/jobs/<job_id>/pause")
async def pause(job_id: str) -> Response:
    """Let no further row start, and no wait end; rows that run go on. Again, it answers the same."""
    return await _act(job_id, present().store.pause)


@routes.post("/api/batch/jobs/<job_id>/resume")
async def resume(job_id: str) -> Response:
    """Go on with a paused batch; again, it answers the same."""
    return await _act(job_id, present().store.resume)


@routes.delete("/api/batch/jobs/<job_id>")
async def delete(job_id: str) -> Response:
    """Stop a batch if it runs, and forget it."""
    caller = _owner(job_id)
    await asyncio.to_thread(present().store.delete, job_id, caller.subject)
    return Response(b"", 204)


@routes.post("/api/batch/jobs/<job_id>/retry")
async def retry(job_id: str) -> Response:
    """Run a batch that is over once more: all its rows that have not succeeded, or those that are named."""
    caller = _owner(job_id)
    body = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    if body and not request.is_json:
        raise Problem(415, "The body must be JSON: Content-Type: application/json.")
    return answer(await asyncio.to_thread(_retry, present(), job_id, caller.subject, body), 202)


def _owner(job_id: str) -> Caller:
    """Who asks, about a job that could be."""
    caller = present().door.admit_request(request)
    if not valid_job_id(job_id):
        raise JobMissing(job_id)
    return caller


async def _act(job_id: str, change: Callable[[str, str], None]) -> Response:
    caller = _owner(job_id)
    await asyncio.to_thread(change, job_id, caller.subject)
    return answer(await present().feed.reader.report(job_id, caller.subject))


def _retry(parts: Parts, job_id: str, owner: str, body: bytes) -> Retried:
    """Blocking: it runs beside the event loop. Raises as `JobStore.retry`, and for a body that will not do."""
    asked, before = read_retry(body), parts.store.model_and_payer(job_id, owner)
    try:
        rows = parts.store.retry(job_id, owner, _new_run(parts, asked, *before))
    except RowUnknown as fault:
        path = f"row_ids[{asked.row_ids.index(fault.row_id)}]"
        raise Problem.invalid(path, str(fault)) from None
    try:
        parts.dispatcher.refill(job_id)
    except RedisError as fault:
        log.warning("job %s runs again; the scheduler will send its rows: %s", job_id, type(fault).__name__)
    return Retried(job_id, rows, f"{rows} {'row runs' if rows == 1 else 'rows run'} again")


def _new_run(parts: Parts, asked: RetryBatch, model_before: str, payer_before: KeySource) -> NewRun:
    """The model and the key of the next run; the server's key never steps in for a caller's."""
    config = TaggingConfig(api_key=asked.api_key, model_name=asked.model_name or model_before)
    model = choose_model(config, parts.settings, within="")
    if model.key_from == "server" and payer_before == "caller":
        raise Problem.invalid("api_key", "is needed again: the run before was paid with a key of yours")
    sealed = parts.seal.seal("api_key", asked.api_key) if asked.api_key and model.key_from == "caller" else None
    return NewRun(row_ids=asked.row_ids, model_name=model.name, api_key_from=model.key_from, sealed_api_key=sealed)
