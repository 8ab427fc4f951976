"""People who run batches while everything falls over: each starts one, watches it, meddles with it, runs it again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bench.churn import Ledger
from bench.report import Broken
from protocol.client import Client, RequestRefused, Unreachable
from protocol.failures import ClientError
from protocol.lookup import JobSummary
from protocol.messages import Completed
from protocol.view import JobView

KEY, BAD_KEY = "a-key-that-is-good", "a-key-that-is-refused"
RUNS_MAX = 3
AGAIN_S = 0.2
AWAY_LIMIT_S = 60.0
"""So long a call is made again, beyond all that the storm does on purpose."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Habits:
    """How large batches are, and how their owners treat them."""

    rows: tuple[int, int] = (5, 40)
    meddles_s: float = 8.0
    """Between two calls of an owner, on average."""
    pause_s: float = 2.0
    """How long a pause lasts, on average."""
    bad_keys: float = 0.1
    """Share of the batches whose key is refused at first."""


@dataclass
class Batch:
    """One batch, and what its observers were told of each run."""

    job_id: str
    asked: list[int | None] = field(default_factory=list)
    """Rows that each run is of; None: the answer that would have said it was lost."""
    ledgers: list[Ledger] = field(default_factory=list)
    view: JobView = field(init=False)
    """The last observer's picture."""
    over: bool = False
    """The last observer was told the ending of the last run."""

    def __post_init__(self) -> None:
        self.view = JobView(self.job_id)


class Owner:
    """Makes one batch after the other until `calm`; every call goes to any of the API processes."""

    def __init__(
        self, clients: list[Client], document: Callable[[int], dict[str, Any]], chance: random.Random, habits: Habits
    ) -> None:
        self.batches: list[Batch] = []
        self._clients, self._document, self._chance, self._habits = clients, document, chance, habits

    async def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients:
            await client.close()

    async def live(self, calm: asyncio.Event) -> None:
        """Until it is calm, and the last batch is over.

        Raises:
            Broken: the service answers a fault of its own, or stays away.
        """
        while not calm.is_set():
            await self._batch(calm)

    async def picture(self, job_id: str) -> JobView:
        """What somebody sees who comes when all is over; who is turned away sees nothing."""
        view = JobView(job_id)
        with suppress(ClientError):
            async with aclosing(self._any().watch(job_id)) as messages:
                async for message in messages:
                    view.apply(message)
        return view

    async def _batch(self, calm: asyncio.Event) -> None:
        chance = self._chance
        batch = Batch(f"chaos-{chance.getrandbits(48):012x}")
        self.batches.append(batch)
        rows = chance.randint(*self._habits.rows)
        documents = [self._document(chance.randrange(10**6)) for _ in range(rows)]
        config = {"model_name": "mock", "api_key": BAD_KEY if chance.random() < self._habits.bad_keys else KEY}
        await self._insist(lambda client: client.start(documents, config, job_id=batch.job_id))
        batch.asked.append(rows)
        await self._run(batch, calm)
        while len(batch.asked) < RUNS_MAX and chance.random() < 0.7 and await self._retry(batch, rows):
            await self._run(batch, calm)

    async def _run(self, batch: Batch, calm: asyncio.Event) -> None:
        """Watch a run to its ending, and do this and that to it meanwhile."""
        batch.over = False
        watching = asyncio.create_task(self._watch(batch))
        while not await _done_within(watching, self._chance.expovariate(1 / self._habits.meddles_s)):
            await self._meddle(batch, watching, calm)
        await watching
        batch.over = True

    async def _watch(self, batch: Batch) -> None:
        ledger, batch.view = Ledger(), JobView(batch.job_id)
        batch.ledgers.append(ledger)
        try:
            async with aclosing(self._any().watch(batch.job_id)) as messages:
                async for message in messages:
                    ledger.take(message)
                    batch.view.apply(message)
        except ClientError as fault:
            raise Broken(f"an observer of {batch.job_id} was turned away: {fault}") from fault

    async def _meddle(self, batch: Batch, watching: "asyncio.Task[None]", calm: asyncio.Event) -> None:
        chance, job_id = self._chance, batch.job_id
        act = "resume" if calm.is_set() else chance.choices(("pause", "resume", "cancel"), (6, 2, 1))[0]
        if act == "cancel":
            await self._allowed(lambda client: client.cancel(job_id))
        if act == "pause":
            for _ in range(chance.randint(1, 2)):
                await self._allowed(lambda client: client.pause(job_id))
            await _done_within(watching, chance.expovariate(1 / self._habits.pause_s))
        if act != "cancel":
            await self._allowed(lambda client: client.resume(job_id))

    async def _retry(self, batch: Batch, rows: int) -> bool:
        """Run it again, whole or some rows of it; False: there was nothing to run."""
        done = isinstance(batch.view.ending, Completed)
        named = self._chance.sample(range(rows), min(rows, 3)) if done or self._chance.random() < 0.3 else []
        before = (await self._summary(batch)).run
        while True:
            try:
                batch.asked.append(await self._any().retry(batch.job_id, named, api_key=KEY))
            except ClientError as fault:
                _refuse_faults(fault)
                if (await self._summary(batch)).run != before:
                    batch.asked.append(None)  # it runs, and the answer that said so was lost
                elif isinstance(fault, RequestRefused) and fault.status == 409:
                    return False
                else:
                    continue
            return True

    async def _summary(self, batch: Batch) -> JobSummary:
        return await self._insist(lambda client: client.status(batch.job_id))

    async def _allowed(self, call: Callable[[Client], Awaitable[object]]) -> None:
        """A call that may come too late."""
        try:
            await self._insist(call)
        except RequestRefused as fault:
            if fault.status != 409:
                raise Broken(f"an owner was refused: {fault.status} {fault}") from fault

    async def _insist(self, call: Callable[[Client], Awaitable[T]]) -> T:
        """Call until the service is there."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + AWAY_LIMIT_S
        while True:
            try:
                return await call(self._any())
            except ClientError as fault:
                _refuse_faults(fault)
                if not (isinstance(fault, Unreachable) or fault.retry_after_s is not None):
                    raise
                if loop.time() > deadline:
                    raise Broken(f"the API does not come back: {fault}") from fault
            await asyncio.sleep(AGAIN_S)

    def _any(self) -> Client:
        return self._chance.choice(self._clients)


def _refuse_faults(fault: ClientError) -> None:
    if isinstance(fault, RequestRefused) and fault.status == 500:
        raise Broken(f"the API failed by its own fault: {fault}") from fault


async def _done_within(task: "asyncio.Task[None]", seconds: float) -> bool:
    done, _ = await asyncio.wait({task}, timeout=seconds)
    return bool(done)
