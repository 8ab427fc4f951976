"""Whoever sends a byte now and then is given up; whoever sends steadily may take longer than the window."""

import asyncio

import pytest

from actors.errors import TimedOut
from tests.hosts import LIMIT_S, Conversation, document, fetcher, host, refusal

BODY_BYTES, STEPS = 300_000, 60


async def drip(conversation: Conversation) -> None:
    """A byte now and then, for ever."""
    await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        await conversation.send(b"%")
        await asyncio.sleep(0.02)


async def steady(conversation: Conversation) -> None:
    """A body in many pieces with pauses between them."""
    await conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES)
    for _ in range(STEPS):
        await conversation.send(bytes(BODY_BYTES // STEPS))
        await asyncio.sleep(0.04)


async def test_a_host_that_drips_is_given_up_long_before_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.rate.WINDOW_S", 0.3)
    async with host(drip) as there:
        error = await refusal(there.url())
        assert type(error) is TimedOut
        assert str(error) == "The document came too slowly: less than 10 kB in 10 seconds."
        await asyncio.wait_for(there.left.wait(), LIMIT_S)


async def test_a_host_that_sends_steadily_may_take_longer_than_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.rate.WINDOW_S", 2.0)
    async with host(steady) as there, fetcher() as fetching:
        with await fetching.fetch(document(there.url())) as blob:
            assert blob.size_bytes == BODY_BYTES
