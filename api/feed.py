"""Feed: what happens to jobs, live. The only place that knows how jobs are followed.

One reader for all jobs that this process's observers watch, by one blocking XREAD over their streams. Another
stream, of this process alone, wakes it when a job is added. An event's `seq` is dense: where it is not the next
one, the past was trimmed or lost, and the job's observers catch up again. A job that nobody watches costs nothing.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

from redis import RedisError
from redis.asyncio import Redis

from actors.records import JobMissing
from api.facts import progress
from api.frames import Frame
from api.problems import log_unexpected
from api.snapshot import Position, Pulse, Reader, Snapshot, read_row
from api.watch import Event, Followed, Gap, Sink, Stopping, Watch
from protocol.messages import Keepalive, Message, Progress, ending, to_json
from protocol.words import JobStatus

BLOCK_MS = 3_000
"""Below redis-py's own socket time-out of 5 s, with room to spare."""
COALESCE_S = 0.02
"""What happens within it is fetched at once: a twentieth of Redis's work when there are many small events."""
COALESCE_PER_JOB_S = 20e-6
"""Each look costs Redis something for every watched job: with many of them there are fewer looks."""
PULSE_S = 4.0
"""How often watched jobs are looked at for what their streams do not tell: that they are gone, or were lost."""
ENTRIES_MAX = 1_000
"""Entries of one stream in one reply."""
CATCH_UP_TRIES = 5
WAKE_TTL_S = 60
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 1.0

T = TypeVar("T")
Entry = tuple[bytes, dict[bytes, bytes]]

log = logging.getLogger(__name__)

_ENDINGS = {"completed": JobStatus.COMPLETED, "cancelled": JobStatus.CANCELLED, "error": JobStatus.FAILED}


class Feed:
    """All watched jobs of one process."""

    def __init__(self, client: Redis) -> None:
        self.reader = Reader(client)
        self._client = client
        self._jobs: dict[str, Followed] = {}
        self._flights: dict[tuple[str, str | None], asyncio.Task[Snapshot]] = {}
        self._wake_key = f"feed:{secrets.token_hex(8)}:wake"
        self._wake_id = "0"
        self._wanted = asyncio.Event()
        self._blocked = False
        self._pulse_at_s = 0.0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Tell all observers that this process is about to end."""
        self._stopping = True
        for followed in self._jobs.values():
            followed.fail(Stopping())

    async def close(self) -> None:
        """Read no more."""
        self.stop()
        handing = (followed.handing for followed in self._jobs.values())
        tasks = [task for task in (self._task, *self._flights.values(), *handing) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def check_owner(self, job_id: str, owner: str) -> None:
        """Check whose a job is; of a job that is followed for its owner already, Redis is not asked again.

        Raises:
            JobMissing: no such job of this owner.
            redis.RedisError: Redis does not answer.
        """
        followed = self._jobs.get(job_id)
        if followed is None or followed.owner != owner:
            await _apart(self.reader.check_owner(job_id, owner))

    async def ended_at(self, job_id: str, cursor: str) -> bool:
        """Whether `cursor` is that of the ending which this run of the job has had.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        return await _apart(self.reader.ended_at(job_id, cursor))

    @contextmanager
    def watch(self, job_id: str, sink: Sink | None = None) -> Iterator[Watch]:
        """Watch a job; `catch_up` tells whether it exists. `sink`: see `Watch`."""
        followed = self._jobs.setdefault(job_id, Followed(job_id))
        watch = followed.join(sink)
        if self._stopping:
            watch.fail(Stopping())
        try:
            yield watch
        finally:
            followed.watches.discard(watch)
            if not followed.watches:
                del self._jobs[job_id]

    async def catch_up(self, watch: Watch, job_id: str, owner: str, cursor: str | None) -> Snapshot:
        """The job as it stands; `watch.next` goes on from there.

        Raises:
            JobMissing: there is no such job of this owner any more: its id may be another's by now.
            Gap: events are lost as quickly as snapshots can be read.
            Stopping: this process is about to end.
            redis.RedisError: Redis does not answer.
        """
        for _ in range(CATCH_UP_TRIES):
            watch.prepare()
            snapshot = await self._snapshot(job_id, cursor)
            if snapshot.facts.owner != owner:
                raise JobMissing(job_id)
            followed = self._jobs[job_id]
            if followed.position and not followed.follows(snapshot.position.run):
                followed.forget()  # the job was made anew: all who watch it begin anew, this watch among them
            if watch.accept(snapshot):
                await self._follow(followed, snapshot)
                return snapshot
        raise Gap

    def status(self, job_id: str) -> JobStatus:
        """The present status of a watched job, as far as it is known here: this never waits for Redis."""
        return self._jobs[job_id].status

    async def _snapshot(self, job_id: str, cursor: str | None) -> Snapshot:
        """A snapshot; those who want the same at the same time share it, as after the restart of a replica."""
        wanted = job_id, cursor
        flight = self._flights.get(wanted)
        if flight is None:
            flight = self._flights[wanted] = asyncio.create_task(self.reader.snapshot(*wanted))
            flight.add_done_callback(lambda done: self._landed(wanted, done))
        return await asyncio.shield(flight)

    def _landed(self, wanted: tuple[str, str | None], flight: asyncio.Task[Snapshot]) -> None:
        del self._flights[wanted]
        _retrieve(flight)

    async def _follow(self, followed: Followed, snapshot: Snapshot) -> None:
        """See to it that the reader follows the job, from this snapshot on if it does not yet."""
        if followed.follows(snapshot.position.run):
            return
        followed.start(snapshot)
        self._wanted.set()
        if self._blocked:
            with suppress(RedisError):  # unwoken, the reader sees the job when its block ends
                await _apart(self._wake())

    async def _wake(self) -> None:
        pipeline = self._client.pipeline(transaction=True)
        pipeline.xadd(self._wake_key, {"wake": 1}, maxlen=1)
        pipeline.expire(self._wake_key, WAKE_TTL_S)
        await pipeline.execute()

    async def _run(self) -> None:
        """The outermost loop of the reader: whatever happens, it goes on."""
        backoff_s = BACKOFF_MIN_S
        while not self._stopping:  # cancelling alone is not enough: in Python 3.11 `wait_for` can swallow it
            try:
                await self._round()
                backoff_s = BACKOFF_MIN_S
            except RedisError as fault:
                log.warning("live events wait for Redis: %s", type(fault).__name__)
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)
            except Exception as fault:  # noqa: BLE001 - one bad entry must not silence all observers
                log_unexpected(fault, "the reader of live events")
                for followed in self._jobs.values():
                    followed.forget()
                await asyncio.sleep(BACKOFF_MAX_S)

    async def _round(self) -> None:
        """Wait for events and hand them on."""
        if not any(followed.position for followed in self._jobs.values()):
            self._wanted.clear()
            await self._wanted.wait()
        if time.monotonic() >= self._pulse_at_s:
            await self._check_pulses()
        asked = {job.stream: (job, job.position) for job in self._jobs.values() if job.position}
        for stream, entries in await self._read({name: position.entry_id for name, (_, position) in asked.items()}):
            if stream == self._wake_key.encode():
                self._wake_id = entries[-1][0].decode()
            else:
                await _hand_on(*asked[stream], entries)
                await asyncio.sleep(0)  # a long past of one job must not hold up everybody
        await asyncio.sleep(COALESCE_S + COALESCE_PER_JOB_S * len(asked))

    async def _read(self, streams: dict[Any, Any]) -> list[tuple[bytes, list[Entry]]]:
        streams[self._wake_key] = self._wake_id
        self._blocked = True
        try:
            read = await self._client.xread(streams, block=BLOCK_MS, count=ENTRIES_MAX)
        finally:
            self._blocked = False
        return cast("list[tuple[bytes, list[Entry]]]", read)

    async def _check_pulses(self) -> None:
        """Notice what streams do not tell; not of a job that was followed anew while Redis was asked."""
        asked = [(followed, followed.position) for followed in self._jobs.values() if followed.position]
        pulses = await self.reader.pulse([followed.job_id for followed, _ in asked])
        for (followed, position), pulse in zip(asked, pulses, strict=True):
            if followed.position is position:
                _judge(followed, pulse)
        self._pulse_at_s = time.monotonic() + PULSE_S


async def _apart(asking: Coroutine[Any, Any, T]) -> T:
    """Ask Redis in a task of its own: who is cancelled meanwhile ends at once.

    redis-py waits by `asyncio.wait_for`, which in Python 3.11 loses a cancellation that comes with the answer: an
    observer that nobody else would end.
    """
    task = asyncio.create_task(asking)
    task.add_done_callback(_retrieve)
    return await asyncio.shield(task)


def _retrieve(task: asyncio.Task[Any]) -> None:
    """All who waited for it may have gone: its fault is not "never retrieved"."""
    if not task.cancelled():
        task.exception()


def _judge(followed: Followed, pulse: Pulse | None) -> None:
    if pulse is None:
        followed.fail(JobMissing(followed.job_id))
    elif not followed.follows(pulse.run) or pulse.seq < followed.seq:
        followed.forget()
    else:
        followed.status = pulse.status


async def _hand_on(followed: Followed, position: Position, entries: list[Entry]) -> None:
    """Hand on what was read behind `position`, unless the job is followed from somewhere else by now."""
    for entry_id, fields in entries:
        if followed.position is not position:
            return
        position = followed.position = Position(position.run, entry_id.decode())
        await followed.put(_event(followed, str(position), fields))


def _event(followed: Followed, cursor: str, fields: dict[bytes, bytes]) -> Event:
    """An entry of the stream in the protocol's words; what happened to the status is noted on the way."""
    kind = fields[b"type"].decode()
    message: Message | None = None
    if kind == "progress":
        message = _progress(followed, cursor, fields)
    elif kind == "status":
        followed.status = JobStatus(fields[b"row"].decode())
        why = fields[b"body"].decode() or None
        message = Keepalive(job_id=followed.job_id, status=followed.status, message=why, cursor=cursor)
    elif kind in _ENDINGS:
        followed.status = _ENDINGS[kind]
        message = ending(followed.status).of(
            followed.job_id,
            processed=int(fields[b"processed"]),
            failed=int(fields[b"failed"]),
            message=fields[b"body"].decode(),
            cursor=cursor,
        )
    frame = Frame(to_json(message), None if kind == "status" else cursor) if message else None
    return Event(int(fields[b"seq"]), frame, cursor, kind in _ENDINGS)


def _progress(followed: Followed, cursor: str, fields: dict[bytes, bytes]) -> Progress:
    if followed.status is JobStatus.PENDING:
        followed.status = JobStatus.PROCESSING
    done = progress(int(fields[b"processed"]), int(fields[b"failed"]), followed.total)
    return Progress.of(followed.job_id, read_row(fields[b"body"]), done, cursor)
