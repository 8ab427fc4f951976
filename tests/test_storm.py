"""A short chaos against a whole stack, and the proxy through which it cuts."""

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from bench import chaos
from bench.chaos import Plan
from bench.judge import Verdict
from bench.owners import Habits
from bench.provider import Behaviour
from bench.proxy import Proxy
from bench.report import Broken
from bench.storm import Force
from stack import HERE
from tests.hosts import Host, host, says

SHORT = Plan(
    seconds=6.0,
    seed=1,
    owners=2,
    force=Force(lease_s=1.0, between_s=(0.2, 1.5), outage_every_s=(1.0, 2.0), outages_s=(0.3, 0.8)),
    habits=Habits(rows=(3, 12), meddles_s=1.5, pause_s=0.3),
)


def test_a_short_chaos_loses_and_doubles_nothing() -> None:
    lines = {line.name.strip(): line for line in chaos.measure(SHORT)}
    assert lines["chaos of 6 s, seed 1"].figure == "0 rows lost, 0 doubled, 0 other faults"
    assert {"workers killed", "connections cut", "Redis was away"} <= set(lines)


def test_a_chaos_in_which_a_row_is_lost_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.chaos.judge", lambda *_: Verdict(lost=1))
    calm = Plan(
        seconds=0.5,
        seed=2,
        owners=1,
        force=Force(between_s=(60, 60), outage_every_s=(60, 60), cuts_a_second=0.01),
        habits=Habits(rows=(1, 1), bad_keys=0),
        weather=Behaviour(),
    )
    lines = chaos.measure(calm)
    assert next(lines).met is False
    with pytest.raises(Broken, match="seed 2"):
        list(lines)


def test_a_seed_that_is_no_number_is_refused() -> None:
    command = [sys.executable, "-m", "bench.chaos", "--seed", "x"]
    assert subprocess.run(command, cwd=HERE, capture_output=True, check=False, timeout=60).returncode == 2


@pytest.fixture
async def library() -> AsyncIterator[Host]:
    async with host(says(b"here")) as library:
        yield library


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    return await reader.read(1000)


async def test_a_proxy_passes_cuts_stalls_and_shuts(library: Host) -> None:
    async with asyncio.timeout(20), Proxy(library.port) as proxy:
        first = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert (await ask(*first)).endswith(b"here")
        proxy.cut(random.Random(0))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await first[0].readexactly(1)
        second = await asyncio.open_connection("127.0.0.1", proxy.port)
        proxy.stall()
        asking = asyncio.create_task(ask(*second))
        done, _ = await asyncio.wait({asking}, timeout=0.1)
        assert not done
        proxy.reopen()
        assert (await asking).endswith(b"here")
        proxy.shut()
        assert await is_refused(proxy)
        proxy.reopen()
        assert not await is_refused(proxy)
        for _, writer in (first, second):
            writer.close()


async def is_refused(proxy: Proxy) -> bool:
    """Whether somebody new is thrown out."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        said = await ask(reader, writer)
        writer.close()
    except ConnectionError:
        return True
    return not said


async def test_a_proxy_before_nobody_throws_everybody_out() -> None:
    async with asyncio.timeout(20), Proxy(1) as proxy:
        assert await is_refused(proxy)
