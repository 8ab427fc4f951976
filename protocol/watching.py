"""Watching a job to its ending: by sockets, one after the other, and by polling where no socket comes through.

Sockets are taken for blocked when something answers and yet none brings its first message, `BLOCKED_AFTER` times, or
once where what answered leaves no hope (a redirect, 200, 403, 426 …), and HTTP does answer. Where HTTP does not answer
either, the server is away, and sockets are tried again. A refusal by the service itself never leads to polling.
While polling, a socket is tried now and then, after about `PROBE_FIRST_S` at first, then more and more seldom.
"""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

from protocol.connection import Backoff, Server
from protocol.failures import ClientError, UnexpectedAnswer, Unreachable
from protocol.lookup import Lookup, socket_path
from protocol.messages import Catchup, Ending, Keepalive, Message
from protocol.polling import Pace, Poller
from protocol.told import Told

Transport = Literal["auto", "socket", "polling"]
"""How a job is watched: by sockets, by polling, or by whichever comes through."""

BLOCKED_AFTER = 2
PROBE_FIRST_S, PROBE_MAX_S = 30.0, 600.0
KEEPALIVE_S = 30.0
"""As on a socket: polling does not leave the caller longer without a message."""

OnLost = Callable[[ClientError], None]


class Watching:
    """One iteration of `Client.watch`."""

    def __init__(
        self,
        server: Server,
        job_id: str,
        cursor: str | None,
        *,
        transport: Transport,
        backoff: Backoff,
        pace: Pace,
        on_lost: OnLost | None,
    ) -> None:
        self._server, self._job_id, self._transport = server, job_id, transport
        self._backoff, self._pace, self._on_lost = backoff, pace, on_lost
        self._told = Told(cursor)
        self._poller = Poller(Lookup(server, job_id, tries_max=1), self._told)
        self._polls = transport == "polling"
        self._probes = False
        self._probe_wait_s, self._probe_at = PROBE_FIRST_S, math.inf
        self._blocked = 0

    async def messages(self) -> AsyncGenerator[Message, None]:
        """What is new, up to and with the ending."""
        while True:
            try:
                async with aclosing(self._poll() if self._polls else self._listen()) as messages:
                    async for message in messages:
                        if message.job_id != self._job_id:
                            raise UnexpectedAnswer("a message of another job")
                        news = self._told.news(message)
                        if news is not None:
                            yield news
                        if isinstance(message, Ending):
                            return
            except ClientError as fault:
                await self._mend(fault)

    async def _listen(self) -> AsyncGenerator[Message, None]:
        """The messages of one socket."""
        async with aclosing(self._server.listen(socket_path(self._job_id, self._told.cursor))) as messages:
            async for message in messages:
                self._backoff.heard(news=not isinstance(message, Catchup))
                self._blocked, self._probes, self._poller.caught_up = 0, False, False
                self._probe_wait_s = PROBE_FIRST_S
                yield message

    async def _poll(self) -> AsyncGenerator[Message, None]:
        """The messages of poll after poll; it ends when it is time to try a socket."""
        clock = asyncio.get_running_loop().time
        said_at = clock()
        while True:
            found, lacking = await self._poller.poll()
            for message in found:
                yield message
            if lacking:
                raise Unreachable(f"{self._server.name} counts {lacking} rows more than it gives", retry_after_s=0)
            self._backoff.heard(news=bool(found))
            if found:
                said_at = clock()
            elif self._told.status is not None and clock() - said_at >= KEEPALIVE_S:
                said_at = clock()
                yield Keepalive(job_id=self._job_id, status=self._told.status)
            if clock() >= self._probe_at:
                self._polls, self._probes = False, True
                return
            await asyncio.sleep(self._pace.next_s(news=bool(found)))

    async def _mend(self, fault: ClientError) -> None:
        """See to it that watching goes on after a fault; raises it where nothing helps."""
        polled, self._polls = self._polls, self._transport == "polling"
        self._blocked += fault.blocked
        if self._probes and (fault.blocked or fault.retry_after_s is not None):
            self._fall_back()
        elif self._is_blocked(fault):
            if self._on_lost is not None:
                self._on_lost(Unreachable(f"no socket comes through, so it polls: {fault}"))
            self._fall_back()
        else:
            self._poller.caught_up = self._poller.caught_up and not polled
            await self._backoff.wait(fault, self._on_lost)

    def _is_blocked(self, fault: ClientError) -> bool:
        hopeless = fault.retry_after_s is None or self._blocked >= BLOCKED_AFTER
        return self._transport == "auto" and fault.blocked and hopeless

    def _fall_back(self) -> None:
        """Poll, and try a socket later."""
        self._polls, self._probes = True, False
        wait_s = self._probe_wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret
        self._probe_at = asyncio.get_running_loop().time() + wait_s
        self._probe_wait_s = min(2 * self._probe_wait_s, PROBE_MAX_S)
