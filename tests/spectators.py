"""Observers of feeds that come, go, lag behind and resume, and hold what they hear against the job's past."""

import asyncio
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress

from actors.settings import Settings
from api.feed import Feed
from api.frames import Frame
from api.observe import observe
from api.snapshot import Reader, Snapshot
from api.watch import Gap
from protocol.messages import Catchup, Ending, Message, Progress
from protocol.view import JobView
from tests.jobs import OWNER
from tests.past import FORWARD, Past, check_catchup
from tests.served import LIMIT_S
from tests.test_feed import message_of, running

ROOM = 2
"""So many messages are on their way to an observer at most."""
KEEPALIVE_S = 60.0
RUSH_EVERY_S, REPLY_S = 0.001, 0.004
"""Observers come at such a distance, while a snapshot takes so long: those who share it know more than it does."""


class Wire:
    """Between a feed and an observer, as a socket is: it has room for a few frames, and then the feed has to wait.

    `handed`: whether frames may be handed over without waking the observer's own task, as those of sockets are.
    """

    def __init__(self, feed: Feed, cursor: str | None, *, handed: bool) -> None:
        self._frames: asyncio.Queue[Frame | Exception | None] = asyncio.Queue(ROOM)
        sink = self._take if handed else None
        watching = observe(feed, "job", OWNER, cursor=cursor, keepalive_s=KEEPALIVE_S, sink=sink)
        self._task = asyncio.create_task(self._carry(watching))

    async def next(self) -> Message | None:
        """The next message; None: it was the last. Raises what broke the connection."""
        said = await asyncio.wait_for(self._frames.get(), LIMIT_S)
        if isinstance(said, Exception):
            raise said
        return message_of(said) if said else None

    async def cut(self) -> None:
        """Drop the connection, and what is still on its way."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _carry(self, watching: AsyncGenerator[Frame, None]) -> None:
        last: Exception | None = None
        try:
            async with aclosing(watching) as frames:
                async for frame in frames:
                    await self._frames.put(frame)
        except Exception as fault:  # noqa: BLE001 - for whoever listens
            last = fault
        await self._frames.put(last)

    def _take(self, frame: Frame) -> bool:
        if self._frames.full():
            return False
        self._frames.put_nowait(frame)
        return True


class Picture:
    """What one observer was told, over all its connections: no end of a row twice, and progress never falls."""

    def __init__(self) -> None:
        self.view = JobView("job")
        self._ended: set[int] = set()

    def add(self, message: Message) -> None:
        """Hold one more message against those before."""
        before = self.view.state.progress if self.view.state else 0.0
        self.view.apply(message)
        if isinstance(message, Catchup) and not message.resumed:
            before, self._ended = 0.0, set()
        assert self.view.state
        assert self.view.state.progress >= before
        ended = _ends(message)
        assert not ended & self._ended
        self._ended |= ended


def _ends(message: Message) -> set[int]:
    """The rows whose end a message tells."""
    if isinstance(message, Catchup):
        return {row.row_id for row in message.results}
    return {message.row_id} if isinstance(message, Progress) and message.status.final else set()


class Spectator:
    """One who hears everything, over any number of connections to any feed, and is told nothing twice."""

    def __init__(self, past: Past, *, handed: bool, picture: Picture | None = None) -> None:
        self.picture = picture or Picture()
        self.view = self.picture.view
        self._past, self._handed = past, handed
        self._wire: Wire | None = None

    async def connect(self, feed: Feed, *, resume: bool = True) -> None:
        """Drop the connection and make another, while nothing happens."""
        cursor = self.view.cursor if resume else None
        check_catchup(await self.reconnect(feed, cursor), self._past, cursor)

    async def reconnect(self, feed: Feed, cursor: str | None) -> Catchup:
        """Drop the connection and make another."""
        await self.leave()
        self._wire = Wire(feed, cursor, handed=self._handed)
        message = await self.hear()
        assert isinstance(message, Catchup)
        return message

    async def come_later(self, feed: Feed, delay_s: float) -> None:
        """Come after others, and again where one is turned away because too much happens."""
        await asyncio.sleep(delay_s)
        arrived = False
        while not arrived:
            with suppress(Gap):
                await self.reconnect(feed, self.view.cursor)
                arrived = True

    async def leave(self) -> None:
        """Drop the connection."""
        if self._wire is not None:
            await self._wire.cut()

    async def hear(self) -> Message:
        """One more message, held against those before."""
        assert self._wire is not None
        message = await self._wire.next()
        assert message is not None
        self.picture.add(message)
        if isinstance(message, Ending):
            assert await self._wire.next() is None
        return message

    async def hear_up_to(self, cursor: str, feed: Feed) -> None:
        """All there is up to a cursor; after an ending, by a new connection."""
        while self.view.cursor != cursor:
            await self._go_on(feed)
        if self._past.is_over() and not self.view.ending:
            await self.hear()
            assert self.view.ending

    async def _go_on(self, feed: Feed) -> None:
        if self.view.ending:
            await self.connect(feed)
            return
        try:
            await self.hear()
        except Gap:
            await self.reconnect(feed, self.view.cursor)


async def whole(reader: Reader) -> JobView:
    """The picture of one who comes now."""
    view = JobView("job")
    for frame in (await reader.snapshot("job")).frames:
        view.apply(message_of(frame))
    return view


class LateReader(Reader):
    """Its snapshots are a little out of date when they arrive."""

    async def snapshot(self, job_id: str, cursor: str | None = None) -> Snapshot:
        snapshot = await super().snapshot(job_id, cursor)
        await asyncio.sleep(REPLY_S)
        return snapshot


class Audience:
    """Observers of one job at two feeds: one that stays, one that resumes, one that comes anew each time."""

    def __init__(self, past: Past, feeds: Sequence[Feed]) -> None:
        self._past, self._feeds = past, feeds
        self.spectators = [Spectator(past, handed=number > 0) for number in range(3)]

    async def act(self, step: str, choice: int) -> None:
        """Listen for a message, reconnect, or hear everything."""
        feed = self._feeds[choice % 2]
        spectator = self.spectators[choice % 3]
        if step == "meet":
            await self.meet(feed)
        elif step == "drop" and choice % 3 > 0:
            await spectator.connect(feed, resume=choice % 3 == 1)
        elif step == "rush":
            await self.rush(feed, choice)
        elif step == "listen" and not spectator.view.ending and spectator.view.cursor != self._past.cursor():
            await spectator.hear()

    async def rush(self, feed: Feed, choice: int) -> None:
        """More come, some of them back, one after the other, while things happen; they see what there is, and go."""
        seen = [copy.deepcopy(each.picture) for each in self.spectators]
        more = [
            Spectator(self._past, handed=number % 2 > 0, picture=picture)
            for number, picture in enumerate((*seen, None, None))
        ]
        coming = [each.come_later(feed, number * RUSH_EVERY_S) for number, each in enumerate(more)]
        await asyncio.gather(asyncio.to_thread(self._move_on, choice), *coming)
        await self._meet(feed, more)
        for each in more:
            await each.leave()

    def _move_on(self, choice: int) -> None:
        for step in FORWARD * 2:
            self._past.happen(step, choice)

    async def meet(self, feed: Feed) -> None:
        """All hear what there is, and see the same picture, which is that of one who comes now."""
        await self._meet(feed, self.spectators)

    async def _meet(self, feed: Feed, spectators: Sequence[Spectator]) -> None:
        cursor, now = self._past.cursor(), await whole(feed.reader)
        for each in spectators:
            await each.hear_up_to(cursor, feed)
            assert each.view == now


@asynccontextmanager
async def audience(settings: Settings, past: Past) -> AsyncIterator[Audience]:
    """Observers that have just come."""
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(running(settings)) for _ in range(2)]
        for feed in feeds:
            feed.reader = LateReader(feed._client)
        watching = Audience(past, feeds)
        for number, spectator in enumerate(watching.spectators):
            stack.push_async_callback(spectator.leave)
            await spectator.connect(feeds[number % 2])
        yield watching
