"""Observers over lines that break at any byte, to two replicas, while workers do anything and Redis is killed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis import RedisError
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from actors.settings import Settings
from protocol.client import Client
from protocol.messages import Catchup, Message, Progress, parse
from protocol.view import JobView
from protocol.watching import Transport
from stack import free_port
from tests.jobs import Bench, check_invariants
from tests.proxy import Proxy, proxy
from tests.served import LIMIT_S, Observer, Served
from tests.spectators import Picture
from tests.test_chaos import Durable
from tests.test_invariants import STEPS, History, cancel

ROWS, STEPS_MAX, STEPS_UNHEARD = 30, 160, 5
PATIENCE = (2, 3, 8, 20, 10_000)
"""How many messages each observer hears at most before it drops its connection itself."""
TRANSPORTS: tuple[Transport, ...] = ("socket", "socket", "auto", "auto")
"""Of observers by the client library: where handshakes break, it may come to think that sockets are blocked."""
LIFETIMES = (5.0, 15.0)
"""Connections bring 32 bytes to 32 KiB: some break in the handshake, some in a catchup, some only by a cut."""
BACKOFF_S = POLL_S = (0.001, 0.05)


class Stage:
    """Two replicas of the API on a Redis that can be killed, a line to them that breaks, and who listens."""

    def __init__(self, durable: Durable, replicas: list[Served], line: Proxy, bench: Bench) -> None:
        self.durable, self.replicas, self.line, self.bench = durable, replicas, line, bench
        self.heard = asyncio.Event()

    async def steady(self) -> JobView:
        """Watch to the ending on one connection that never breaks."""
        picture = Picture()
        async with self.replicas[0].observe("job") as observer:
            await self._listen(observer, picture, PATIENCE[-1])
        return picture.view

    async def restless(self, patience: int, chance: random.Random) -> JobView:
        """Watch to the ending, over as many connections as it takes."""
        picture = Picture()
        while picture.view.ending is None:
            cursor = f"?cursor={quote(picture.view.cursor)}" if picture.view.cursor else ""
            with suppress(ConnectionClosed, InvalidHandshake, OSError, EOFError):
                async with self.replicas[0].observe(
                    "job", query=cursor, host="127.0.0.1", port=self.line.port
                ) as observer:
                    await self._listen(observer, picture, chance.randint(2, max(2, patience)))
        return picture.view

    async def _listen(self, observer: Observer, picture: Picture, patience: int) -> None:
        for count in range(patience):
            message = parse(await asyncio.wait_for(observer.socket.recv(), LIMIT_S))
            assert isinstance(message, Message)
            assert count > 0 or isinstance(message, Catchup)
            self._hear(message, picture)
            if picture.view.ending:
                return

    async def client(self, transport: Transport) -> JobView:
        """Watch to the ending by the client library; it tells no progress twice."""
        picture, told = Picture(), []
        how: Any = {"transport": transport, "backoff_s": BACKOFF_S, "poll_s": POLL_S}
        async with Client(self.line.url, self.replicas[0].token(), **how) as client:
            async for message in client.watch("job"):
                self._hear(message, picture)
                told += [message.cursor] if isinstance(message, Progress) and message.cursor else []
        assert len(told) == len(set(told))
        return picture.view

    def _hear(self, message: Message, picture: Picture) -> None:
        picture.add(message)
        self.heard.set()

    async def work(self, chance: random.Random, end: str) -> None:
        """Workers that do anything in any order, Redis killed and the line cut and frozen in between, and the end."""
        history = History(self.bench, self.bench.start(rows=ROWS))
        dies_at, freezes_at = chance.sample(range(STEPS_MAX), 2)
        cuts_at = chance.sample(range(STEPS_MAX), 5)
        for number in range(STEPS_MAX):
            if number in cuts_at:
                self.line.cut()
            if number == freezes_at:
                with self.line.frozen():
                    await self._steps(history, chance, STEPS_UNHEARD)
            if number == dies_at:
                self.durable.kill()
                await asyncio.to_thread(self.durable.start)
            await self._steps(history, chance, 1)
            if number % STEPS_UNHEARD == 0:
                self.heard.clear()
                await asyncio.wait_for(self.heard.wait(), LIMIT_S)
        if end == "cancelled":
            await asyncio.to_thread(cancel, self.bench, "job")
        else:
            await asyncio.to_thread(history.drain)

    async def _steps(self, history: History, chance: random.Random, count: int) -> None:
        for _ in range(count):
            with suppress(RedisError):
                await asyncio.to_thread(history.take, chance.choice(STEPS), chance.randrange(8))


@pytest.fixture
async def stage(settings: Settings, tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        durable = Durable(tmp_path / "redis")
        stack.callback(durable.kill)
        there = replace(settings, redis_url=f"redis://127.0.0.1:{durable.port}/0")
        replicas = [
            stack.enter_context(
                Served(replace(there, port=free_port()), tmp_path / f"{name}.log", TAGSTREAM_KEEPALIVE_S="0.5")
            )
            for name in ("one", "other")
        ]
        ports = [replica.settings.port for replica in replicas]
        line = await stack.enter_async_context(proxy(*ports, chance=random.Random(0), lifetimes=LIFETIMES))
        yield Stage(durable, replicas, line, stack.enter_context(closing(Bench(there))))


@pytest.mark.parametrize(("seed", "end"), [(1, "completed"), (2, "completed"), (3, "cancelled")])
async def test_whoever_drops_and_resumes_ends_with_the_picture_of_who_stayed(stage: Stage, seed: int, end: str) -> None:
    watching = [stage.steady(), *map(stage.client, TRANSPORTS)]
    watching += [
        stage.restless(patience, random.Random(seed + 10 * number)) for number, patience in enumerate(PATIENCE)
    ]
    async with asyncio.timeout(3 * LIMIT_S), asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in watching]
        await stage.work(random.Random(seed), end)
    views = [task.result() for task in tasks]
    views.append(await stage.restless(2, random.Random(seed)))
    assert [view == views[0] for view in views] == [True] * len(views)
    assert stage.bench.facts()["status"] == end
    assert stage.line.broken > len(views)
    check_invariants(stage.bench)
