"""The client against the real API, over a line that breaks."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.settings import Settings
from protocol import failures
from protocol.client import Client, ClientError
from protocol.messages import TOO_MANY_OBSERVERS, Catchup, Completed, Progress
from protocol.view import JobView
from stack import free_port
from tests.gate import gate_to
from tests.jobs import OWNER, Bench, failure, success
from tests.served import LIMIT_S, Served, play


def client(url: str, token: str | Callable[[], str]) -> Client:
    return Client(url, token, backoff_s=(0.001, 0.01))


async def picture(watcher: Client, job_id: str) -> JobView:
    view = JobView(job_id)
    async with aclosing(watcher.watch(job_id)) as messages:
        async for message in messages:
            view.apply(message)
    return view


async def test_a_line_that_breaks_after_every_message_leads_to_the_same_picture(api: Served, bench: Bench) -> None:
    bench.start(rows=6)
    view, told = JobView("job"), []
    way = gate_to(api.settings.port)
    async with way as gate, client(gate.url, api.token()) as watcher, asyncio.timeout(LIMIT_S):
        async with aclosing(watcher.watch("job")) as messages:
            async for message in messages:
                view.apply(message)
                told.append(message)
                gate.cut()
                await asyncio.to_thread(play, bench, "job", 1, failure if len(told) % 3 == 0 else success)
        assert view == await picture(watcher, "job")
        assert len(gate.cursors) > 5
    assert isinstance(told[-1], Completed)
    cursors = [message.cursor for message in told if isinstance(message, Progress)]
    assert len(cursors) == len(set(cursors))


async def test_the_cursor_is_honoured_by_the_real_server(api: Served, bench: Bench) -> None:
    bench.start(rows=4)
    play(bench, "job", 2)
    async with client(api.url, api.token()) as watcher, asyncio.timeout(LIMIT_S):
        async with aclosing(watcher.watch("job")) as messages:
            cursor = (await anext(messages)).cursor
        play(bench, "job")
        told = [message async for message in watcher.watch("job", cursor)]
    assert isinstance(told[0], Catchup)
    assert told[0].resumed is True
    assert [row.row_id for row in told[0].results] == [2, 3]


async def test_a_token_that_runs_out_while_watching_is_renewed(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    lives = iter([2.5, 600.0])
    told = []
    async with client(api.url, lambda: api.token(OWNER, next(lives))) as watcher, asyncio.timeout(LIMIT_S):
        async for message in watcher.watch("job"):
            told.append(message)
            if sum(isinstance(each, Catchup) for each in told) == 2:
                await asyncio.to_thread(play, bench, "job")
    assert isinstance(told[-1], Completed)


async def test_who_has_too_many_observers_watches_when_one_has_left(
    settings: Settings, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "OBSERVERS_RETRY_AFTER_S", 0.05)
    bench.start()
    refusals: asyncio.Queue[ClientError] = asyncio.Queue()
    place = replace(settings, port=free_port())
    with Served(place, tmp_path / "api.log", TAGSTREAM_OBSERVERS_PER_CALLER="1") as strict:
        async with client(strict.url, strict.token()) as watcher, asyncio.timeout(LIMIT_S):
            async with aclosing(watcher.watch("job")) as first:
                await anext(first)
                second = watcher.watch("job", on_lost=refusals.put_nowait)
                waiting = asyncio.create_task(anext(second))
                assert str(await refusals.get()) == TOO_MANY_OBSERVERS
            assert isinstance(await waiting, Catchup)
            await second.aclose()


async def test_what_a_client_starts_it_can_read(api: Served, bench: Bench) -> None:
    documents = [{"url": f"https://example.org/{number}.pdf"} for number in range(3)]
    async with client(api.url, api.token()) as caller, asyncio.timeout(LIMIT_S):
        job_id = await caller.start(documents, {"num_tags": 3})
        assert (await caller.status(job_id)).total == 3
        await asyncio.to_thread(play, bench, job_id)
        rows = [row async for row in caller.results(job_id, limit=2)]
        assert [row.title for row in rows] == ["0.pdf", "1.pdf", "2.pdf"]
        summary = await caller.status(job_id)
    assert (summary.status, summary.processed_count, summary.results_count) == ("completed", 3, 3)
