"""Memory that observers took comes back when they leave: of a real API, as the system counts it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from actors.records import Claim
from actors.settings import Settings
from api.upkeep import OBSERVERS
from protocol.messages import Row
from stack import ALLOCATORS, free_port
from tests.jobs import Bench
from tests.served import LIMIT_S, Observer, Served, handshake, play
from tests.test_events import Stream, listening

MEBIBYTE = 1024 * 1024
CATCHUP_BYTES = 4 * MEBIBYTE


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
    async with crowd(own_api, 3 * OBSERVERS):  # against many, the little that stays with any is small
        taken = process.memory_info().rss - before
    assert taken > 10 * MEBIBYTE
    async with asyncio.timeout(LIMIT_S):
        while process.memory_info().rss - before > taken / 3:
            await asyncio.sleep(0.1)


def heavy(claim: Claim) -> Row:
    """The row's end, of a hundredth of the catchup."""
    return Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * (CATCHUP_BYTES // 100)})


@pytest.mark.parametrize("by_socket", [True, False], ids=["socket", "events"])
async def test_a_large_catchup_does_not_stay_as_long_as_its_observer(
    own_api: Served, bench: Bench, by_socket: bool
) -> None:
    bench.start(rows=101)
    play(bench, "job", 100, heavy)
    memory = psutil.Process(own_api.process.pid).memory_info
    staying: list[Observer | Stream] = []
    weighed = []
    async with AsyncExitStack() as stack:
        for _ in range(16):  # each comes alone, and has a snapshot of its own
            wire = own_api.observe("job") if by_socket else listening(own_api)
            staying.append(await stack.enter_async_context(wire))
            await staying[-1].until("catchup")
            weighed.append(memory().rss)
    assert weighed[-1] - weighed[3] < 6 * CATCHUP_BYTES  # the first ones load what stays
