"""A socket is tried now and then while polling, and polled only while something answers."""

import asyncio

import pytest

from protocol import connection, watching
from protocol.client import Client, ClientError
from protocol.messages import Catchup, Completed, Keepalive, Message, Progress, Row
from tests.gate import Treatment, answers, gate_to, hangs, passes, resets
from tests.jobs import Bench
from tests.ledger import JOB, Move, ledger
from tests.served import LIMIT_S, Served, play
from tests.watchers import picture, rows_of, view_of, watched


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets are tried after every poll, and nobody waits long for what will not come."""
    monkeypatch.setattr(connection, "OPEN_TIMEOUT_S", 0.6)
    monkeypatch.setattr(watching, "PROBE_FIRST_S", 0.0)


async def test_a_socket_takes_over_when_the_way_is_free_and_repeats_no_row(api: Served, bench: Bench) -> None:
    bench.start(rows=8)
    told: list[Message] = []
    async with gate_to(api.settings.port, resets) as gate, watched(gate.url, api.token()) as messages:
        async for message in messages:
            told.append(message)
            if len(rows_of(told)) == 3:
                gate.sockets = passes
            await asyncio.to_thread(play, bench, "job", 1)
    assert gate.cursors[-1] is None
    assert told[-1].cursor is not None
    assert sorted(rows_of(told)) == list(range(8))
    (taken_over,) = [message for message in told if isinstance(message, Catchup) and message.cursor]
    assert taken_over.resumed is True
    assert view_of(told) == await picture(api.url, api.token())


async def test_a_way_that_closes_and_opens_again_is_gone_with_one_cursor(api: Served, bench: Bench) -> None:
    bench.start(rows=14)
    plan: list[tuple[int, Treatment]] = [(3, answers("403 Forbidden")), (6, passes), (10, answers("502 Bad Gateway"))]
    told: list[Message] = []
    async with gate_to(api.settings.port) as gate, watched(gate.url, api.token()) as messages:
        async for message in messages:
            told.append(message)
            if plan and len(rows_of(told)) >= plan[0][0]:
                _, gate.sockets = plan.pop(0)
                gate.cut()
            await asyncio.to_thread(play, bench, "job", 1)
    assert gate.cursors[0] is None
    assert set(gate.cursors[1:]) <= {message.cursor for message in told if message.cursor}
    assert sorted(rows_of(told)) == list(range(14))
    catchups = [message for message in told if isinstance(message, Catchup)]
    assert [bool(message.cursor) for message in catchups] == [True, False, True, False]
    assert all(message.resumed for message in catchups[1:])
    assert view_of(told) == await picture(api.url, api.token())


async def test_a_probe_that_fails_is_nobodys_business(api: Served, bench: Bench) -> None:
    bench.start(rows=5)
    told: list[Message] = []
    lost: list[ClientError] = []
    async with (
        gate_to(api.settings.port, resets) as gate,
        watched(gate.url, api.token(), on_lost=lost.append) as messages,
    ):
        async for message in messages:
            told.append(message)
            await asyncio.to_thread(play, bench, "job", 1)
    assert len(gate.cursors) > 4
    assert len(lost) == 2
    assert [type(message) for message in told if isinstance(message, Catchup)] == [Catchup]


async def test_sockets_are_tried_more_and_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PROBE_FIRST_S", 0.001)
    good = Row.success(0, "T", tags=["a"])
    history: list[list[Move]] = [*[[] for _ in range(250)], [good]]
    async with (
        ledger(1, history) as book,
        gate_to(book.port, answers("403 Forbidden")) as gate,
        Client(gate.url, "t", poll_s=(0, 0)) as client,
        asyncio.timeout(LIMIT_S),
    ):
        assert [type(message) async for message in client.watch(JOB)] == [Catchup, Progress, Completed]
    assert 2 <= len(gate.cursors) <= 30


@pytest.mark.parametrize("away", [resets, answers("503 Service Unavailable"), hangs], ids=["resets", "503", "hangs"])
async def test_a_server_that_is_away_is_not_taken_for_a_blocked_one(
    api: Served, bench: Bench, monkeypatch: pytest.MonkeyPatch, away: Treatment
) -> None:
    monkeypatch.setattr(connection, "CALL_TIMEOUT_S", 0.2)
    bench.start(rows=2)
    lost: list[ClientError] = []
    told: list[Message] = []

    def come_back(fault: ClientError) -> None:
        lost.append(fault)
        if len(lost) == 6:  # and by then socket and poll have failed twice, in turn
            gate.sockets = gate.calls = passes

    async with gate_to(api.settings.port) as gate, watched(gate.url, api.token(), on_lost=come_back) as messages:
        async for message in messages:
            told.append(message)
            if len(told) == 1:
                gate.sockets = gate.calls = away
                gate.cut()
            else:
                await asyncio.to_thread(play, bench, "job")
    assert len(lost) == 6
    assert all(message.cursor for message in told if not isinstance(message, Keepalive))
    assert gate.cursors[1:] == [told[0].cursor] * len(gate.cursors[1:])
