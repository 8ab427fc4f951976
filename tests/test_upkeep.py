"""Memory that observers took comes back when they leave: of a real API, as the system counts it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from actors.settings import Settings
from api.upkeep import OBSERVERS
from stack import ALLOCATORS, free_port
from tests.jobs import Bench
from tests.served import LIMIT_S, Served, handshake

MEBIBYTE = 1024 * 1024


@pytest.fixture
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that nothing else has used, with the allocator that the stack gives it."""
    with Served(replace(settings, port=free_port()), tmp_path / "api.log", **ALLOCATORS["api"]) as served:
        yield served


@asynccontextmanager
async def crowd(api: Served, count: int) -> AsyncIterator[None]:
    """So many observers, each with its catchup."""
    writers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", api.settings.port)
        writers.append(writer)
        writer.write(handshake(api, "job"))
        async with asyncio.timeout(LIMIT_S):
            await reader.readuntil(b'"catchup"')
    try:
        yield
    finally:
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers))


async def test_what_a_crowd_of_observers_took_is_given_back_when_it_has_left(own_api: Served, bench: Bench) -> None:
    bench.start()
    process = psutil.Process(own_api.process.pid)
    async with crowd(own_api, 20):  # what the first ones load stays
        before = process.memory_info().rss
    async with crowd(own_api, OBSERVERS + 100):
        taken = process.memory_info().rss - before
    assert taken > 10 * MEBIBYTE
    async with asyncio.timeout(LIMIT_S):
        while process.memory_info().rss - before > taken / 3:
            await asyncio.sleep(0.1)
