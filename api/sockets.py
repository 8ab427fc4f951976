"""The observer socket (contract §1): a way out for its frames, and how it is closed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple

from quart import Blueprint, websocket
from redis import RedisError

from actors.records import JobMissing
from api import auth
from api.auth import NotAuthenticated
from api.frames import Frame
from api.line import Line
from api.observe import SEND_TIMEOUT_S, TokenExpired, TooManyObservers, TooOld, observe, patience_s
from api.parts import present
from api.problems import log_unexpected
from api.transport import CLOSE_TIMEOUT_S
from api.watch import Gap, Sink, Stopping
from protocol.messages import (
    AUTHENTICATION_REQUIRED,
    JOB_NOT_FOUND,
    TOKEN_EXPIRED,
    TOO_MANY_OBSERVERS,
    Refusal,
    to_json,
)

routes = Blueprint("sockets", __name__)


class SlowObserver(Exception):
    """The client does not read."""


class Farewell(NamedTuple):
    """How a socket is closed."""

    code: int
    reason: str
    refusal: bool = False
    """Whether a frame says so first."""
    patience_s: float = SEND_TIMEOUT_S
    """How long the client has to read what comes before the close and the close itself."""


ENDED = Farewell(1000, "")
FAREWELLS: dict[type[Exception], Farewell] = {
    NotAuthenticated: Farewell(1008, AUTHENTICATION_REQUIRED, refusal=True),
    JobMissing: Farewell(1008, JOB_NOT_FOUND, refusal=True),
    TooManyObservers: Farewell(1008, TOO_MANY_OBSERVERS, refusal=True),
    TokenExpired: Farewell(1008, TOKEN_EXPIRED),
    Stopping: Farewell(1012, "the service restarts", patience_s=CLOSE_TIMEOUT_S),
    TooOld: Farewell(1012, "open for long: connect again"),
    SlowObserver: Farewell(1013, "too slow", patience_s=CLOSE_TIMEOUT_S),
    Gap: Farewell(1013, "too slow", patience_s=CLOSE_TIMEOUT_S),
    RedisError: Farewell(1013, "the job store does not answer"),
}
FAULT = Farewell(1011, "something went wrong on our side")


@routes.websocket("/api/batch/ws/<job_id>")
async def observer(job_id: str) -> None:
    """Watch a job live; see the protocol for the messages."""
    await websocket.accept(subprotocol=auth.subprotocol(websocket))
    try:
        await _serve(job_id)
        farewell = ENDED
    except Exception as fault:  # noqa: BLE001 - the outermost loop of a socket: Quart would close it with 1000
        farewell = _farewell(fault)
    await _part(job_id, farewell)


async def _serve(job_id: str) -> None:
    """Let the caller in, then send until the job is over."""
    parts = present()
    caller = parts.door.admit_observer(websocket)
    sink, send = _way_out()
    with parts.observers.admit(caller) as stay:
        await parts.feed.check_owner(job_id, caller.subject)
        cursor, keepalive_s = websocket.args.get("cursor"), parts.settings.keepalive_s
        watching = observe(parts.feed, job_id, caller.subject, cursor=cursor, keepalive_s=keepalive_s, sink=sink)
        async with aclosing(watching) as frames:
            while (frame := await stay.next(frames)) is not None:
                await _in_time(send, frame)
                del frame  # the next may be long in coming


def _way_out() -> tuple[Sink | None, Callable[[Frame], Awaitable[None]]]:
    """Past Quart and Hypercorn where the wire is plain; else (compression) through them."""
    state = websocket.scope["state"]
    if state["socket"].plain:
        line = Line(state["socket"], state["connection"])
        return line.offer, line.send
    send = websocket.send
    return None, lambda frame: send(frame.body.decode())


async def _in_time(send: Callable[[Frame], Awaitable[None]], frame: Frame) -> None:
    """Raises: SlowObserver, where the client does not read."""
    try:
        async with asyncio.timeout(patience_s(frame.size_bytes)):
            await send(frame)
    except TimeoutError:
        raise SlowObserver from None


def _farewell(fault: Exception) -> Farewell:
    for kind, farewell in FAREWELLS.items():
        if isinstance(fault, kind):
            return farewell
    log_unexpected(fault, "an observer's socket")
    return FAULT


async def _part(job_id: str, farewell: Farewell) -> None:
    """Close, and wait a moment for the client's answer; a client that does not even read that is cut off."""
    try:
        async with asyncio.timeout(farewell.patience_s):
            if farewell.refusal:
                await websocket.send(to_json(Refusal(error=farewell.reason, job_id=job_id)).decode())
            await websocket.close(farewell.code, farewell.reason)
    except TimeoutError:
        websocket.scope["state"]["connection"].cut_off()
        return
    await asyncio.sleep(CLOSE_TIMEOUT_S)  # cut short when the client answers, which ends this handler
