"""What ours is held against: one pub/sub subscription for each observer, as it is usually done at first.

    python -m bench.naive PORT REDIS_URL

A socket reads the job's state, subscribes on a Redis connection of its own, and forwards what is published.
Nobody is authenticated, nothing is resumed, and what happens before the subscription is missed.
"""

import asyncio
import resource
import sys

import hypercorn.asyncio
import redis
from hypercorn.config import Config
from quart import Quart, websocket
from redis import asyncio as aioredis

from bench.player import result, title
from protocol.messages import Progress, Row, to_json
from protocol.requests import LOCAL_MODEL
from protocol.words import JobStatus

CONNECTIONS_MAX = 20_000


class Publisher:
    """Writes the same events as `player.Player`, in the baseline's manner: a state, and a message for who listens."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._rows: dict[str, int] = {}
        self._events: dict[str, int] = {}

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def create(self, job_id: str, rows: int) -> None:
        """A job of so many rows."""
        self._rows[job_id], self._events[job_id] = rows, 0
        self._client.hset(_state(job_id), mapping={"status": JobStatus.PENDING, "total": rows, "processed": 0})

    def step(self, job_id: str) -> int:
        """A row begins, or the one that has begun ends."""
        number = self._events[job_id]
        row_id, ends = divmod(number, 2)
        self._events[job_id] += 1
        name, processed = title(row_id), row_id + ends
        row = result(row_id, name) if ends else Row.processing(row_id, name, retry_count=1, model_name=LOCAL_MODEL)
        message = to_json(Progress.of(job_id, row, processed / self._rows[job_id], cursor=str(number)))
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hset(_state(job_id), mapping={"status": JobStatus.PROCESSING, "processed": processed})
        if ends:
            pipeline.hset(f"{_state(job_id)}:results", str(row_id), to_json(row))
        pipeline.publish(_channel(job_id), message)
        pipeline.execute()
        return number

    def cancel(self, job_id: str) -> None:
        """Forget the job."""
        self._client.delete(_state(job_id), f"{_state(job_id)}:results")


def create_app(url: str) -> Quart:
    """The service."""
    app = Quart(__name__, static_folder=None)
    client = aioredis.Redis.from_url(url, max_connections=CONNECTIONS_MAX, socket_timeout=None, decode_responses=True)

    @app.get("/api/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.websocket("/ws/<job_id>")
    async def observer(job_id: str) -> None:
        async with client.pubsub() as subscription:
            state = await client.hgetall(_state(job_id))
            await subscription.subscribe(_channel(job_id))
            await websocket.send_json({"type": "catchup", "job_id": job_id, "state": state})
            async for message in subscription.listen():
                if message["type"] == "message":
                    await websocket.send(message["data"])

    return app


def _state(job_id: str) -> str:
    return f"naive:{job_id}"


def _channel(job_id: str) -> str:
    return f"naive:{job_id}:events"


def main() -> None:
    """The command line."""
    _, port, url = sys.argv
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.backlog = 1024
    asyncio.run(hypercorn.asyncio.serve(create_app(url), config))


if __name__ == "__main__":
    main()
