"""The observer's messages as Server-Sent Events (contract §2), for clients without sockets."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress

from quart import Blueprint, Response, request
from redis import RedisError

from actors.records import JobMissing
from api.auth import Caller
from api.observe import TokenExpired, TooManyObservers, TooOld, observe, patience_s
from api.parts import Parts, present
from api.problems import Problem
from api.transport import Connection
from api.watch import Gap, Stopping

CONTENT_TYPE = "text/event-stream"
RETRY_MS = 2_000
"""What clients wait before they connect again."""
RETRY_AFTER_S = 5
"""Where there are too many: some of them may be found to have gone."""

LEAVES = (TokenExpired, TooOld, TooManyObservers, Stopping, Gap, JobMissing, RedisError)
"""Why a stream ends before the job does."""

routes = Blueprint("events", __name__)


@routes.get("/api/batch/jobs/<job_id>/events")
async def events(job_id: str) -> Response:
    """Watch a job live, as Server-Sent Events; the same messages as on the socket."""
    parts = present()
    caller = parts.door.admit_observer(request)
    await parts.feed.check_owner(job_id, caller.subject)
    cursor = request.headers.get("Last-Event-ID") or request.args.get("cursor")
    if cursor and await parts.feed.ended_at(job_id, cursor):
        return Response(b"", 204)
    _check_room(parts, caller)
    connection: Connection = request.scope["state"]["connection"]
    watched = request.method == "GET"  # and not HEAD
    body = _stream(parts, job_id, caller, cursor, connection) if watched else b""
    response = Response(body, content_type=CONTENT_TYPE, headers={"X-Accel-Buffering": "no"})
    response.timeout = None
    return response


def _check_room(parts: Parts, caller: Caller) -> None:
    try:
        parts.observers.check(caller)
    except TooManyObservers:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise Problem(429, "You have as many observers open as one caller may.", headers=headers) from None


async def _stream(
    parts: Parts, job_id: str, caller: Caller, cursor: str | None, connection: Connection
) -> AsyncGenerator[bytes, None]:
    """The events. There are no close codes here: the stream ends, and the answer to the client's next try says why."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    watching = observe(parts.feed, job_id, caller.subject, cursor=cursor, keepalive_s=parts.settings.keepalive_s)
    with suppress(*LEAVES), parts.observers.admit(caller) as stay:
        async with aclosing(watching) as frames:
            while (frame := await stay.next(frames)) is not None:
                for piece in frame.event_pieces():
                    with in_time(connection, len(piece)):
                        yield piece
                del frame  # the next may be long in coming


@contextmanager
def in_time(connection: Connection, size_bytes: int) -> Iterator[None]:
    """A client that does not read is cut off: the server itself would wait for it for ever."""
    timer = asyncio.get_running_loop().call_later(patience_s(size_bytes), connection.cut_off)
    try:
        yield
    finally:
        timer.cancel()
