"""Processes that the API starts for a file: bounded, silent about secrets, and never left behind."""

import asyncio
from typing import Any

import psutil
import pytest

from api.children import CHILDREN_MAX, Children, feed
from tests.waiting import until

ECHO = "json.tool"
"""Says again what it is given, if that is JSON."""
LIMIT_S = 30.0


async def ask(given: bytes, answer_max_bytes: int = 1_000_000) -> bytes | None:
    return await Children().ask(ECHO, "--compact", given, answer_max_bytes=answer_max_bytes, limit_s=LIMIT_S)


async def test_a_child_answers_what_it_is_given() -> None:
    given = b"[" + b"1," * 200_000 + b"2]"
    assert await ask(given) == given + b"\n"


async def test_one_that_fails_or_says_too_much_has_no_answer() -> None:
    assert await ask(b"{") is None
    assert await ask(b"[" + b"1," * 200_000 + b"2]", answer_max_bytes=1_000) is None


async def test_one_that_takes_too_long_is_ended() -> None:
    children, pids = Children(), list[int]()

    async def wait() -> None:
        async with children.start(ECHO, limit_s=1.0) as child:
            pids.append(child.pid)
            await child.wait()

    with pytest.raises(TimeoutError):
        await wait()
    assert not psutil.pid_exists(pids[0])


async def test_one_whose_caller_goes_is_ended() -> None:
    children, pids = Children(), asyncio.Queue[int]()

    async def wait() -> None:
        async with children.start(ECHO, limit_s=LIMIT_S) as child:
            pids.put_nowait(child.pid)
            await child.wait()

    caller = asyncio.create_task(wait())
    pid = await pids.get()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not psutil.pid_exists(pid)


async def test_no_secret_of_ours_is_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGSTREAM_SECRET_KEY", "s3cret")
    async with Children().start(ECHO, limit_s=LIMIT_S) as child:
        environ = until(psutil.Process(child.pid).environ)  # it is empty while the program is being exchanged
    assert "PYTHONPATH" in environ
    assert "s3cret" not in repr(environ)


async def test_more_than_two_at_a_time_wait_for_their_turn() -> None:
    children, running, most = Children(), 0, 0

    async def one(_: int) -> Any:
        nonlocal running, most
        async with children.start(ECHO, limit_s=LIMIT_S) as child:
            running += 1
            most = max(most, running)
            await feed(child, b"1", last=True)
            await child.wait()
            running -= 1

    await asyncio.gather(*map(one, range(3 * CHILDREN_MAX)))
    assert most == CHILDREN_MAX
