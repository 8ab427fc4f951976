"""Observers that come and go, and a ledger of what each is told: nothing missing, nothing twice, all in order."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.batch import MESSAGE_MAX_BYTES
from bench.readside import Service
from bench.report import Broken
from protocol.messages import Cancelled, Catchup, Completed, Ending, Failed, Message, Progress, Refusal, parse
from protocol.view import JobView

PAUSE_S = 0.5
"""Before an observer comes again it waits at most so long."""
CLOSE_TIMEOUT_S = 1.0


class Ledger:
    """Compares each message with those before it.

    Within a run every row that ends raises the count of those that have ended by one; so a count that jumps tells
    of a message that is missing, although its row might turn up in a later catchup. A full catchup begins anew:
    it is what an observer gets whose past is not known any more.
    """

    def __init__(self) -> None:
        self.missing = self.duplicated = self.disordered = self.messages = self.catchups = 0
        """`catchups`: full ones, behind the first."""
        self._ended: set[int] = set()
        self._total = self._counted = 0
        self._place = (0, 0)
        """Of the last event in its stream, by its cursor."""
        self._over = self._fresh = False
        """`_fresh`: the last message was a catchup, with which an ending shares its cursor."""

    def take(self, message: Message) -> None:
        """Note the next message of the job."""
        self.messages += 1
        self.disordered += self._over and not isinstance(message, Catchup | Ending)
        match message:
            case Catchup():
                self._catch_up(message)
            case Progress():
                self._move(message)
            case Completed() | Cancelled() | Failed():
                self._end(message)
        self._fresh = isinstance(message, Catchup)

    def _catch_up(self, told: Catchup) -> None:
        rows = {row.row_id for row in told.results}
        if told.resumed:
            self.duplicated += len(rows & self._ended)
            self._ended |= rows
            self._advance(told.cursor, again=True)
        else:
            self.catchups += told.resumed is False
            self._ended, self._place = rows, place(told.cursor)
        self._total = told.state.total
        self._counted = told.state.processed_count + told.state.failed_count
        self.missing += max(0, self._counted - len(self._ended))

    def _move(self, told: Progress) -> None:
        self._advance(told.cursor)
        counted = round(told.progress * self._total)
        if not told.status.final:
            self.disordered += counted != self._counted
        elif told.row_id in self._ended:
            self.duplicated += 1
        else:
            self._ended.add(told.row_id)
            self.missing += max(0, counted - self._counted - 1)
            self.disordered += counted <= self._counted
        self._counted = max(counted, self._counted)

    def _end(self, told: Ending) -> None:
        self._advance(told.cursor, again=self._fresh)
        self._over = True
        self.missing += max(0, int(told.processed_count) + int(told.failed_count) - len(self._ended))

    def _advance(self, cursor: str | None, *, again: bool = False) -> None:
        before, self._place = self._place, place(cursor)
        self.disordered += self._place < before or (self._place == before and not again)


def place(cursor: str | None) -> tuple[int, int]:
    """Where in its stream an event stands; a cursor is `run.ms-number`."""
    ms, _, number = (cursor or "").rpartition(".")[2].partition("-")
    return int(ms), int(number)


class Visitor:
    """One observer: it connects to any of the services, drops the connection after a while, and goes on elsewhere."""

    def __init__(self, services: Sequence[Service], job_id: str, chance: random.Random, stay_s: float) -> None:
        self.view, self.ledger, self.connections = JobView(job_id), Ledger(), 0
        self._services, self._chance, self._stay_s = services, chance, stay_s

    async def run(self) -> None:
        """Watch until the ending is told."""
        while self.view.ending is None:
            self.connections += 1
            with suppress(TimeoutError, OSError, WebSocketException):
                async with asyncio.timeout(self._chance.uniform(0, 2 * self._stay_s)):
                    await self._visit(self._chance.choice(self._services))
            if self.view.ending is None:
                await asyncio.sleep(self._chance.uniform(0, PAUSE_S))

    async def watch_whole(self) -> None:
        """Watch on one connection, as somebody who comes when all is over."""
        await self._visit(self._services[0])

    async def _visit(self, service: Service) -> None:
        path = service.path(self.view.job_id) + (f"?cursor={self.view.cursor}" if self.view.cursor else "")
        async with connect(
            f"ws://127.0.0.1:{service.port}{path}",
            additional_headers={"Authorization": f"Bearer {service.token}"},
            proxy=None,
            compression=None,
            max_size=MESSAGE_MAX_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
        ) as socket:
            try:
                async for frame in socket:
                    self._take(frame)
            except asyncio.CancelledError:
                self._drop(socket)
                raise

    def _take(self, frame: str | bytes) -> None:
        message = parse(frame)
        if isinstance(message, Refusal):
            raise Broken(f"an observer was refused: {message.error}")
        self.ledger.take(message)
        self.view.apply(message)

    def _drop(self, socket: ClientConnection) -> None:
        """Half of the time without a word."""
        if self._chance.random() < 0.5:
            socket.transport.abort()
