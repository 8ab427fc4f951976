"""The client against the real API, over a line that breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from protocol.client import Client
from protocol.messages import Catchup, Completed, Progress
from protocol.view import JobView
from tests.jobs import OWNER, Bench, failure, success
from tests.served import LIMIT_S, Served, play

CHUNK_BYTES = 65_536


class Line:
    """A way to a server that can be cut at any moment."""

    def __init__(self, port: int) -> None:
        self.url = ""
        self.connections = 0
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection without a word."""
        for end in self._open:
            end.transport.abort()
        self._open.clear()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, back}
        await asyncio.gather(pour(reader, back), pour(there, writer))


async def pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    try:
        while content := await source.read(CHUNK_BYTES):
            into.write(content)
            await into.drain()
    except OSError:
        pass
    into.close()


@asynccontextmanager
async def line_to(api: Served) -> AsyncIterator[Line]:
    line = Line(api.settings.port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield line
    server.close()
    line.cut()


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
    async with line_to(api) as line, client(line.url, api.token()) as watcher, asyncio.timeout(LIMIT_S):
        async with aclosing(watcher.watch("job")) as messages:
            async for message in messages:
                view.apply(message)
                told.append(message)
                line.cut()
                await asyncio.to_thread(play, bench, "job", 1, failure if len(told) % 3 == 0 else success)
        assert view == await picture(watcher, "job")
        assert line.connections > 5
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
