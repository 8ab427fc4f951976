"""What one observer sees of a job, and all who watch the same job. No sockets, no Redis: bookkeeping alone.

    Event      something that happened, its frame encoded once for all observers
    Watch      one observer's line of events, bounded
    Followed   a job that somebody watches: takes events in order and hands them on

The rule that leaves no gap: a watch joins first and reads a snapshot then. `floor` is the last event that the
watch will not be handed, so a snapshot older than that is not good enough; events that the snapshot already
holds are dropped by their `seq`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.store import key
from api.frames import Frame
from api.snapshot import Position, Snapshot
from protocol.words import JobStatus

WAITING_MAX, WAITING_MAX_BYTES = 1_000, 4 * 1024 * 1024
"""Events that wait for one observer; beyond, it must catch up from a snapshot instead."""
TURN = 200
"""So many observers are handed an event before everything else in this process gets its turn."""
BEHIND_MAX = 1_000
"""Events that a crowd may be behind before the reader waits for it."""
NOTHING = -1
"""The `seq` before the first."""

Sink = Callable[[Frame], bool]
"""Takes a frame at once, without waiting for anything, or says that it cannot."""


class Gap(Exception):
    """Events were missed: catch up again."""


class Stopping(Exception):
    """This process is about to end."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job."""

    seq: int
    frame: Frame | None
    """What observers are sent; None: nothing."""
    cursor: str
    """Behind this event."""
    over: bool
    """Whether it was the ending."""

    @property
    def size_bytes(self) -> int:
        """What it weighs while it waits."""
        return self.frame.size_bytes if self.frame else 0


class Watch:
    """One observer's line of events.

    `sink`: an observer that waits for its next event is handed it through here, which spares a thousand of them
    a thousand wake-ups; whatever it does not take waits in line.
    """

    def __init__(self, floor: int, sink: Sink | None = None) -> None:
        self.cursor: str | None = None
        """Behind what the observer was told last."""
        self._floor = floor
        self._sink = sink
        self._seq = NOTHING
        self._events: list[Event] = []  # short or empty, and a tenth of an empty deque
        self._waiting_bytes = 0
        self._fault: Exception | None = None
        self._idle: asyncio.Future[None] | None = None
        self._told_at_s = 0.0

    async def next(self, silence_s: float) -> Event | None:
        """The next event that the sink did not take, or None when the observer was told nothing for `silence_s`.

        Raises:
            Gap: some were missed; catch up.
            JobMissing: the job is gone.
            Stopping: this process is about to end.
        """
        loop = asyncio.get_running_loop()
        self._told_at_s = loop.time()
        while (event := self._take()) is None and (left_s := self._told_at_s + silence_s - loop.time()) > 0:
            await self._wait(loop, left_s)
        return event

    async def _wait(self, loop: asyncio.AbstractEventLoop, most_s: float) -> None:
        """Wait for something to do. One bare timer: an observer does little else, and there are thousands."""
        self._idle = loop.create_future()
        timer = loop.call_later(most_s, self._wake)
        try:
            await self._idle
        finally:
            self._idle = None
            timer.cancel()

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _take(self) -> Event | None:
        """The next event that is news here."""
        self._check()
        while self._events:
            event = self._events.pop(0)
            self._waiting_bytes -= event.size_bytes
            if event.seq > self._seq:
                self._seq, self.cursor = event.seq, event.cursor
                return event
        return None

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault.with_traceback(None)

    def prepare(self) -> None:
        """Before a snapshot is asked for: a gap is about to be mended, anything else is final and raised."""
        if isinstance(self._fault, Gap):
            self._fault = None
        self._check()

    def accept(self, snapshot: Snapshot) -> bool:
        """Go on from `snapshot`, unless it is too old for what this watch has missed."""
        if self._fault is not None or snapshot.facts.seq < self._floor:
            return False
        self._seq, self.cursor = snapshot.facts.seq, str(snapshot.position)
        return True

    def deliver(self, event: Event) -> None:
        """Hand an event over at once if that is possible, else put it in line."""
        if self._hand_over(event):
            return
        full = len(self._events) >= WAITING_MAX or self._waiting_bytes + event.size_bytes > WAITING_MAX_BYTES
        if self._fault is not None or full:
            self.lose(event.seq)
        else:
            self._events.append(event)
            self._waiting_bytes += event.size_bytes
            self._wake()

    def _hand_over(self, event: Event) -> bool:
        """Only to an observer that waits with nothing before it; the ending is for itself to see."""
        idle = self._idle is not None and not self._idle.done() and not self._events
        if not idle or self._sink is None or event.frame is None or event.over or event.seq <= self._seq:
            return False
        if not self._sink(event.frame):
            return False
        self._seq, self.cursor = event.seq, event.cursor
        self._told_at_s = asyncio.get_running_loop().time()
        return True

    def lose(self, seq: int) -> None:
        """Events up to `seq` will not be delivered; NOTHING: the past is not what it was."""
        self._floor = seq
        self._events.clear()
        self._waiting_bytes = 0
        self.fail(Gap())

    def raise_floor(self, seq: int) -> None:
        """Delivery begins behind `seq`."""
        self._floor = max(self._floor, seq)

    def fail(self, fault: Exception) -> None:
        """End the view; a gap alone can be mended."""
        if self._fault is None or isinstance(self._fault, Gap):
            self._fault = fault
        self._wake()


@dataclass(eq=False, slots=True)
class Followed:
    """A job that somebody watches; without a `position` until the first snapshot of it."""

    job_id: str
    watches: set[Watch] = field(default_factory=set)
    position: Position | None = None
    seq: int = NOTHING
    owner: str | None = None
    total: int = 1
    status: JobStatus = JobStatus.PENDING
    stream: bytes = field(init=False)
    """The name of its events."""
    handing: asyncio.Task[None] | None = None
    """Hands events on to a crowd."""
    _behind: deque[Event] = field(default_factory=deque)
    _era: int = 0
    """Counts from where it was followed."""

    def __post_init__(self) -> None:
        self.stream = key(self.job_id, "events").encode()

    def join(self, sink: Sink | None = None) -> Watch:
        """One more who watches."""
        watch = Watch(self.seq, sink)
        self.watches.add(watch)
        return watch

    def follows(self, run: str) -> bool:
        """Whether events of this run are handed on already."""
        return self.position is not None and self.position.run == run

    def start(self, snapshot: Snapshot) -> None:
        """Hand on what comes behind `snapshot`."""
        facts = snapshot.facts
        self._begin_era()
        self.position, self.seq = snapshot.position, facts.seq
        self.owner, self.total, self.status = facts.owner, facts.total, facts.status
        for watch in self.watches:
            watch.raise_floor(self.seq)

    def forget(self) -> None:
        """The stream is not what it was: start again from the next snapshot."""
        self._begin_era()
        self.position, self.seq, self.owner = None, NOTHING, None
        for watch in self.watches:
            watch.lose(NOTHING)

    def _begin_era(self) -> None:
        """What was read before is no concern any more."""
        self._era += 1
        self._behind.clear()

    async def put(self, event: Event) -> None:
        """Hand an event on in its turn: at once to few, to a crowd beside the reader, so that no other job waits."""
        if self.handing is None and len(self.watches) <= TURN:
            await self.take(event)
            return
        self._behind.append(event)
        if self.handing is None:
            self.handing = asyncio.create_task(self._hand_on())
        elif len(self._behind) > BEHIND_MAX:
            await asyncio.wait([self.handing])

    async def _hand_on(self) -> None:
        try:
            while self._behind:
                await self.take(self._behind.popleft())
        except BaseException:
            self.forget()  # some have the event, some have not
            raise
        finally:
            self.handing = None

    async def take(self, event: Event) -> None:
        """Hand the next event to all who watch; where it is not the next one, they have missed something.

        Who joins meanwhile has the event as its floor; where the job is followed from elsewhere, this ends.
        """
        expected, self.seq = self.seq + 1, event.seq
        era, watches = self._era, tuple(self.watches)
        for start in range(0, len(watches), TURN):
            if start:
                await asyncio.sleep(0)
            if self._era != era:
                return
            for watch in watches[start : start + TURN]:
                if event.seq == expected:
                    watch.deliver(event)
                else:
                    watch.lose(event.seq)

    def fail(self, fault: Exception) -> None:
        """There is nothing more to see."""
        for watch in self.watches:
            watch.fail(fault)
