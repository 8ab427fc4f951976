"""Watching over a line of any quality, and what was heard."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from protocol.client import Client, ClientError, Transport
from protocol.messages import Catchup, Message, Progress
from protocol.view import JobView
from tests.served import LIMIT_S


@asynccontextmanager
async def watched(
    url: str,
    token: str | Callable[[], str],
    *,
    transport: Transport = "auto",
    patience_s: float = 300.0,
    on_lost: Callable[[ClientError], None] | None = None,
) -> AsyncIterator[AsyncGenerator[Message, None]]:
    """The messages of a watch, within a bound of time."""
    client = Client(
        url, token, backoff_s=(0.001, 0.01), poll_s=(0.001, 0.01), patience_s=patience_s, transport=transport
    )
    async with client, asyncio.timeout(LIMIT_S), aclosing(client.watch("job", on_lost=on_lost)) as messages:
        yield messages


async def picture(url: str, token: str) -> JobView:
    """What a socket shows."""
    view = JobView("job")
    async with watched(url, token, transport="socket") as messages:
        async for message in messages:
            view.apply(message)
    return view


def view_of(told: Sequence[Message]) -> JobView:
    view = JobView("job")
    for message in told:
        view.apply(message)
    return view


def rows_of(told: Sequence[Message]) -> list[int]:
    """Every row that was told to have ended, as often as it was."""
    rows: list[int] = []
    for message in told:
        if isinstance(message, Catchup):
            rows += [row.row_id for row in message.results]
        elif isinstance(message, Progress) and message.status.final:
            rows.append(message.row_id)
    return rows
