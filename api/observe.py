"""The observer socket (contract §1): `observe` says what is sent, the rest is the socket around it."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from quart import Blueprint, websocket
from redis import RedisError

from actors.store import JobMissing
from api import auth
from api.auth import NotAuthenticated
from api.feed import Feed
from api.parts import present
from api.problems import log_unexpected
from api.watch import NOTHING, Event, Gap, Stopping, Watch
from protocol.messages import AUTHENTICATION_REQUIRED, JOB_NOT_FOUND, TOKEN_EXPIRED, Keepalive, Refusal, to_json

INBOUND_MAX_BYTES = 4096
"""Observers only listen; what they send is ignored up to here, and ends the connection beyond."""
SEND_TIMEOUT_S = 10.0
SLOWEST_BYTES_PER_S = 64 * 1024
"""A client that takes less for longer than `SEND_TIMEOUT_S` does not read."""
CLOSE_TIMEOUT_S = 1.0
LARGE_BYTES = 64 * 1024
"""Frames that take milliseconds to write; others get a turn between any two of them."""

routes = Blueprint("observe", __name__)


async def observe(feed: Feed, job_id: str, *, cursor: str | None, keepalive_s: float) -> AsyncGenerator[bytes, None]:
    """The frames for one observer of a job: catchup, progress, keepalives, and the ending, after which it ends.

    Where the observer cannot keep up, or the past was lost, another catchup from its own cursor mends it.

    Raises:
        JobMissing: there is no such job, or none any more.
        Gap: this process cannot keep up.
        Stopping: this process is about to end.
        redis.RedisError: Redis does not answer when a catchup is due.
    """
    with feed.watch(job_id) as watch:
        while True:
            snapshot = await feed.catch_up(watch, job_id, cursor)
            for frame in snapshot.frames:
                yield frame
            if snapshot.facts.status.over:
                return
            cursor = str(snapshot.position)
            with suppress(Gap):
                async with aclosing(_live(feed, watch, job_id, keepalive_s)) as events:
                    async for event in events:
                        cursor = event.cursor or cursor
                        if event.frame is not None:
                            yield event.frame
                return


async def _live(feed: Feed, watch: Watch, job_id: str, keepalive_s: float) -> AsyncGenerator[Event, None]:
    """Event after event up to the ending, and keepalives where nothing else is said."""
    over = False
    while not over:
        event = await watch.next(keepalive_s)
        if event is None:
            frame = to_json(Keepalive(job_id=job_id, status=feed.status(job_id)))
            event = Event(seq=NOTHING, frame=frame, cursor=None, over=False)
        over = event.over
        yield event


class TokenExpired(Exception):
    """The token was good when the socket was opened."""


class FrameTooLarge(Exception):
    """The client sent more than an observer has to say."""


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
    TokenExpired: Farewell(1008, TOKEN_EXPIRED),
    FrameTooLarge: Farewell(1009, f"observers may send {INBOUND_MAX_BYTES} bytes at most"),
    Stopping: Farewell(1012, "the service restarts", patience_s=CLOSE_TIMEOUT_S),
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
    feed = present().feed
    caller = present().door.admit_observer(websocket)
    try:
        async with asyncio.timeout(caller.expires_at - time.time()) as until_expiry:
            await feed.reader.check_owner(job_id, caller.subject)
            await _first_to_end(_send_frames(feed, job_id), _ignore_inbound())
    except TimeoutError:
        raise TokenExpired if until_expiry.expired() else SlowObserver from None


async def _send_frames(feed: Feed, job_id: str) -> None:
    keepalive_s = present().settings.keepalive_s
    async with aclosing(observe(feed, job_id, cursor=websocket.args.get("cursor"), keepalive_s=keepalive_s)) as frames:
        async for frame in frames:
            await _send(frame)


async def _send(frame: bytes) -> None:
    """Raises: TimeoutError, where the client does not read."""
    if len(frame) > LARGE_BYTES:
        async with present().large_frames:
            await asyncio.sleep(0)
    async with asyncio.timeout(SEND_TIMEOUT_S + len(frame) / SLOWEST_BYTES_PER_S):
        await websocket.send(frame.decode())


async def _ignore_inbound() -> None:
    """Read what the client sends, since nobody else bounds it."""
    while True:
        frame = await websocket.receive() or ""  # an empty binary frame arrives as None
        if len(frame if isinstance(frame, bytes) else frame.encode()) > INBOUND_MAX_BYTES:
            raise FrameTooLarge


async def _first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, and end as it did."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
        _cut_off()
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            while True:
                await websocket.receive()


def _cut_off() -> None:
    """A close frame cannot pass what waits to be sent: reset the connection, so that the kernel drops that too."""
    transport = websocket.scope.get("state", {}).get("transport")
    if transport is not None:
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
