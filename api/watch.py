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
from contextlib import suppress
from dataclasses import dataclass, field

from api.snapshot import Position, Snapshot
from protocol.words import JobStatus

WAITING_MAX, WAITING_MAX_BYTES = 1_000, 4 * 1024 * 1024
"""Events that wait for one observer; beyond, it must catch up from a snapshot instead."""
NOTHING = -1
"""The `seq` before the first."""


class Gap(Exception):
    """Events were missed: catch up again."""


class Stopping(Exception):
    """This process is about to end."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job."""

    seq: int
    frame: bytes | None
    """What observers are sent; None: nothing."""
    cursor: str | None
    """Behind this event; None: where the one before left it."""
    over: bool
    """Whether it was the ending."""

    @property
    def size_bytes(self) -> int:
        """What it weighs while it waits."""
        return len(self.frame or b"")


class Watch:
    """One observer's line of events."""

    def __init__(self, floor: int) -> None:
        self._floor = floor
        self._seq = NOTHING
        self._events: deque[Event] = deque()
        self._waiting_bytes = 0
        self._fault: Exception | None = None
        self._arrived = asyncio.Event()

    async def next(self, timeout_s: float) -> Event | None:
        """The next event, or None after `timeout_s` without one.

        Raises:
            Gap: some were missed; catch up.
            JobMissing: the job is gone.
            Stopping: this process is about to end.
        """
        event = self._take()
        if event is not None:  # a timer costs more than all the rest here
            return event
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while event is None:
                    self._arrived.clear()
                    await self._arrived.wait()
                    event = self._take()
        return event

    def _take(self) -> Event | None:
        """The next event that is news here."""
        self._check()
        while self._events:
            event = self._events.popleft()
            self._waiting_bytes -= event.size_bytes
            if event.seq > self._seq:
                self._seq = event.seq
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
        self._seq = snapshot.facts.seq
        return True

    def deliver(self, event: Event) -> None:
        """Put an event in line."""
        full = len(self._events) >= WAITING_MAX or self._waiting_bytes + event.size_bytes > WAITING_MAX_BYTES
        if self._fault is not None or full:
            self.lose(event.seq)
        else:
            self._events.append(event)
            self._waiting_bytes += event.size_bytes
            self._arrived.set()

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
        self._arrived.set()


@dataclass(eq=False, slots=True)
class Followed:
    """A job that somebody watches; without a `position` until the first snapshot of it."""

    job_id: str
    watches: set[Watch] = field(default_factory=set)
    position: Position | None = None
    seq: int = NOTHING
    total: int = 1
    status: JobStatus = JobStatus.PENDING

    def join(self) -> Watch:
        """One more who watches."""
        watch = Watch(self.seq)
        self.watches.add(watch)
        return watch

    def follows(self, run: str) -> bool:
        """Whether events of this run are handed on already."""
        return self.position is not None and self.position.run == run

    def start(self, snapshot: Snapshot) -> None:
        """Hand on what comes behind `snapshot`."""
        self.position, self.seq = snapshot.position, snapshot.facts.seq
        self.total, self.status = snapshot.facts.total, snapshot.facts.status
        for watch in self.watches:
            watch.raise_floor(self.seq)

    def forget(self) -> None:
        """The stream is not what it was: start again from the next snapshot."""
        self.position, self.seq = None, NOTHING
        for watch in self.watches:
            watch.lose(NOTHING)

    def take(self, event: Event) -> None:
        """Hand the next event to all who watch; where it is not the next one, they have missed something."""
        expected, self.seq = self.seq + 1, event.seq
        for watch in self.watches:
            if event.seq == expected:
                watch.deliver(event)
            else:
                watch.lose(event.seq)

    def fail(self, fault: Exception) -> None:
        """There is nothing more to see."""
        for watch in self.watches:
            watch.fail(fault)
