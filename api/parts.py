"""What a running API consists of, opened and closed in one place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from quart import Quart, current_app
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from actors.broker import make_broker
from actors.dispatch import Dispatcher
from actors.seal import Seal
from actors.settings import Settings
from actors.shelf import Uploads
from actors.store import JobStore, connect
from api.auth import Door
from api.children import Children
from api.feed import Feed
from api.looks import Looks
from api.observe import Observers
from api.rooms import Rooms

READ_CONNECTIONS, WRITE_CONNECTIONS, QUEUE_CONNECTIONS = 4, 2, 2
"""Eight in all, however many observe; one of the first is the live reader's. Redis does one thing at a time anyway."""
UPLOADS_AT_A_TIME, UPLOADS_OF_ONE_CALLER, UPLOADS_THAT_WAIT = 32, 4, 28
"""Requests of uploads that are taken in; so many others of a caller wait with their bodies on the way."""
CLIENT_NAME = "tagstream-api-reads"
"""What `CLIENT LIST` shows."""
RETRIES = 2
TIMEOUT_S = 5.0
"""Above the live reader's block."""

_NAME = "tagstream"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that routes use."""

    settings: Settings
    door: Door
    seal: Seal
    store: JobStore
    dispatcher: Dispatcher
    feed: Feed
    observers: Observers
    children: Children
    uploads: Uploads
    upload_rooms: Rooms
    looks: Looks


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Parts]:
    """The parts, for as long as the process serves. Connections are made when they are first needed."""
    writes = connect(settings.redis_url, max_connections=WRITE_CONNECTIONS, retries=RETRIES)
    reads = reading_client(settings.redis_url)
    broker = make_broker(settings, connections=QUEUE_CONNECTIONS)
    store, feed, looks = JobStore(writes, settings), Feed(reads), Looks(settings, writes)
    feed.start()
    try:
        yield Parts(
            settings=settings,
            door=Door(settings),
            seal=Seal(settings.secret_key),
            store=store,
            dispatcher=Dispatcher(store, broker),
            feed=feed,
            observers=Observers(settings.observers_per_caller, settings.observer_max_age_s),
            children=Children(),
            uploads=Uploads(writes, settings),
            upload_rooms=Rooms(UPLOADS_AT_A_TIME, UPLOADS_OF_ONE_CALLER, UPLOADS_THAT_WAIT),
            looks=looks,
        )
    finally:
        await looks.close()
        await feed.close()
        await reads.aclose()
        writes.connection_pool.disconnect()
        broker.close()


def install(app: Quart, parts: Parts) -> None:
    """Give the parts to an app's routes."""
    app.extensions[_NAME] = parts


def of(app: Quart) -> Parts:
    """The parts of an app that serves."""
    return cast("Parts", app.extensions[_NAME])


def present() -> Parts:
    """The parts of the app that serves this request."""
    return of(current_app)


def reading_client(url: str) -> redis.Redis:
    """The client of the read side: bounded, and every command tried again. By default redis-py 8 does neither."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=READ_CONNECTIONS,
        timeout=TIMEOUT_S,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), RETRIES),
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        client_name=CLIENT_NAME,
    )
    return redis.Redis.from_pool(pool)
