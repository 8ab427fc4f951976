"""Observers that drop and resume at random, on two replicas, while workers do anything and Redis is killed."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import RedisError
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from actors.settings import Settings
from protocol.messages import Catchup, Message, parse
from protocol.view import JobView
from stack import free_port
from tests.jobs import Bench, check_invariants
from tests.served import LIMIT_S, Observer, Served
from tests.test_chaos import Durable
from tests.test_invariants import STEPS, History, cancel

ROWS, STEPS_MAX, STEPS_UNHEARD = 30, 160, 5
PATIENCE = (10_000, 2, 2, 3, 8, 20)
"""How many messages each observer hears at most before it drops its connection; the first never drops it."""


class Stage:
    """Two replicas of the API on a Redis that can be killed, a store beside them, and who listens."""

    def __init__(self, durable: Durable, replicas: list[Served], bench: Bench) -> None:
        self.durable, self.replicas, self.bench = durable, replicas, bench
        self.heard = asyncio.Event()

    async def restless(self, patience: int, chance: random.Random) -> JobView:
        """Watch to the ending, over as many connections as it takes."""
        view = JobView("job")
        while view.ending is None:
            cursor = f"?cursor={quote(view.cursor)}" if view.cursor else ""
            with suppress(ConnectionClosed, InvalidHandshake):
                async with chance.choice(self.replicas).observe("job", query=cursor) as observer:
                    await self._listen(observer, view, chance.randint(2, max(2, patience)))
        return view

    async def _listen(self, observer: Observer, view: JobView, patience: int) -> None:
        for count in range(patience):
            message = parse(await asyncio.wait_for(observer.socket.recv(), LIMIT_S))
            assert isinstance(message, Message)
            assert count > 0 or isinstance(message, Catchup)
            before = view.state.progress if view.state else 0.0
            view.apply(message)
            assert view.state
            assert view.state.progress >= before
            self.heard.set()
            if view.ending:
                return

    async def work(self, chance: random.Random, end: str) -> None:
        """Workers that do anything in any order, Redis killed in between, and then the end."""
        history = History(self.bench, self.bench.start(rows=ROWS))
        dies_at = chance.randrange(STEPS_MAX)
        for number in range(STEPS_MAX):
            with suppress(RedisError):
                await asyncio.to_thread(history.take, chance.choice(STEPS), chance.randrange(8))
            if number == dies_at:
                self.durable.kill()
                await asyncio.to_thread(self.durable.start)
            if number % STEPS_UNHEARD == 0:
                self.heard.clear()
                await asyncio.wait_for(self.heard.wait(), LIMIT_S)
        if end == "cancelled":
            await asyncio.to_thread(cancel, self.bench, "job")
        else:
            await asyncio.to_thread(history.drain)


@pytest.fixture
def stage(settings: Settings, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        durable = Durable(tmp_path / "redis")
        stack.callback(durable.kill)
        there = replace(settings, redis_url=f"redis://127.0.0.1:{durable.port}/0")
        replicas = [
            stack.enter_context(
                Served(replace(there, port=free_port()), tmp_path / f"{name}.log", TAGSTREAM_KEEPALIVE_S="0.5")
            )
            for name in ("one", "other")
        ]
        yield Stage(durable, replicas, stack.enter_context(closing(Bench(there))))


@pytest.mark.parametrize(("seed", "end"), [(1, "completed"), (2, "completed"), (3, "cancelled")])
async def test_whoever_drops_and_resumes_ends_with_the_picture_of_who_stayed(stage: Stage, seed: int, end: str) -> None:
    watching = [
        asyncio.create_task(stage.restless(patience, random.Random(seed + 10 * number)))
        for number, patience in enumerate(PATIENCE)
    ]
    await stage.work(random.Random(seed), end)
    views = await asyncio.wait_for(asyncio.gather(*watching), 3 * LIMIT_S)
    views.append(await stage.restless(2, random.Random(seed)))
    assert [view == views[0] for view in views] == [True] * len(views)
    assert stage.bench.facts()["status"] == end
    check_invariants(stage.bench)
