"""The observer socket (seed, contract §1), through a real server and a real Redis."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from actors.records import RowAddress
from actors.settings import Settings
from actors.store import key
from api.transport import INBOUND_MAX_BYTES
from protocol.messages import Row
from stack import free_port
from tests.jobs import Bench, failure, waiting
from tests.served import Frame, Served, play
from tests.spec import proves


def address(bench: Bench, row_id: int) -> RowAddress:
    """A row of the job of these tests."""
    return RowAddress("job", bench.facts()["run"], row_id)


@proves(
    "ws:connect:flow",
    "ws:catchup:on-connect",
    "ws:catchup:type",
    "ws:catchup:job-id",
    "ws:catchup:state",
    "ws:catchup:results",
    "ws:summary:catchup",
)
async def test_the_first_frame_is_a_catchup_with_state_results_rows_and_cursor(api: Served, bench: Bench) -> None:
    bench.start(rows=4)
    play(bench, "job", 1)
    play(bench, "job", 1, failure)
    bench.claim(address(bench, 2))
    async with api.observe("job") as observer:
        catchup = await observer.next()
    assert (catchup["type"], catchup["job_id"], catchup["state"]["status"]) == ("catchup", "job", "processing")
    counts = {"progress": 0.5, "processed_count": 1, "failed_count": 1, "total": 4}
    assert catchup["state"].items() >= counts.items()
    assert [(row["row_id"], row["row_number"], row["status"]) for row in catchup["results"]] == [
        (0, 1, "success"),
        (1, 2, "failed"),
    ]
    assert [(row["type"], row["row_id"], row["status"]) for row in catchup["rows"]] == [("progress", 2, "processing")]
    assert catchup["cursor"]
    assert "resumed" not in catchup


@proves(
    "ws:overview:real-time",
    "ws:progress:when",
    "ws:progress:progress",
    "ws:summary:progress",
    "ws:ending:when",
    "ws:ending:type",
    "ws:ending:processed-count",
    "ws:ending:failed-count",
    "ws:ending:message",
    "ws:summary:completed",
)
async def test_each_document_is_told_and_then_the_ending(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        play(bench, "job")
        frames, code, _ = await observer.rest()
    assert [(frame["type"], frame.get("row_id"), frame.get("status")) for frame in frames] == [
        ("progress", 0, "processing"),
        ("progress", 0, "success"),
        ("progress", 1, "processing"),
        ("progress", 1, "success"),
        ("progress", 2, "processing"),
        ("progress", 2, "success"),
        ("completed", None, None),
    ]
    assert [frame["progress"] for frame in frames[:-1]] == [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1]
    ending = {name: frames[-1][name] for name in ("processed_count", "failed_count", "message")}
    assert ending == {"processed_count": "3", "failed_count": "0", "message": "Job completed"}
    assert all(frame["cursor"] for frame in frames)
    assert code == 1000


@proves("ws:notes:already-completed")
async def test_a_job_that_is_over_is_a_catchup_an_ending_and_a_close(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    play(bench, "job", end=failure)
    async with api.observe("job") as observer:
        frames, code, _ = await observer.rest()
    assert [frame["type"] for frame in frames] == ["catchup", "completed"]
    assert frames[0]["state"]["message"] == "Job completed"
    assert (frames[1]["processed_count"], frames[1]["failed_count"]) == ("0", "2")
    assert code == 1000


def _cancel(bench: Bench) -> None:
    bench.store.cancel("job", "alice")


def _refuse_key(bench: Bench) -> None:
    claim = bench.claim(address(bench, 0))
    bench.store.fail_job(claim, Row.waiting(0, "Title 0"), "the provider refused the key")


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (_cancel, ("cancelled", "Job cancelled by its owner", "cancelled")),
        (_refuse_key, ("error", "the provider refused the key", "failed")),
    ],
)
@proves("ws:ending:when", "ws:ending:type", "ws:ending:message", "ws:summary:cancelled", "ws:summary:error")
async def test_other_endings_say_why_live_and_afterwards(
    api: Served, bench: Bench, end: Callable[[Bench], None], told: tuple[str, str, str]
) -> None:
    bench.start(rows=2)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        end(bench)
        live, code, _ = await observer.rest()
    async with api.observe("job") as observer:
        later, later_code, _ = await observer.rest()
    assert live[-1] == later[-1]
    assert (live[-1]["type"], live[-1]["message"], later[0]["state"]["status"]) == told
    assert (code, later_code) == (1000, 1000)


@proves("ws:progress:retry-after-ms", "ws:summary:catchup")
async def test_a_late_observer_sees_how_long_a_row_still_waits(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    claim = bench.claim(address(bench, 0))
    bench.store.retrying(claim, waiting(claim, 60_000), delay_ms=60_000, counts=True)
    bench.redis.zincrby(key("job", "due"), -30_000, "0")
    async with api.observe("job") as observer:
        (row,) = (await observer.next())["rows"]
    assert (row["status"], row["error_type"], row["retry_count"]) == ("pending", "network", 1)
    assert 20_000 < row["retry_after_ms"] <= 30_000
    assert "cursor" not in row


@proves("ws:keepalive:when", "ws:keepalive:example", "ws:summary:keepalive")
async def test_silence_is_filled_with_keepalives(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        first = await observer.next()
        bench.claim(address(bench, 0))
        rest = await observer.until("keepalive")
    assert first == {"type": "keepalive", "job_id": "job", "status": "pending"}
    assert rest[-1] == {"type": "keepalive", "job_id": "job", "status": "processing"}


@pytest.mark.parametrize("token", ["", "nonsense"])
@proves("ws:refusal:frame", "ws:refusal:code")
async def test_without_a_good_token_the_refusal_is_a_frame_and_1008(api: Served, bench: Bench, token: str) -> None:
    bench.start()
    async with api.observe("job", token=token) as observer:
        frames, code, _ = await observer.rest()
    assert frames == [{"error": "Authentication required", "job_id": "job"}]
    assert code == 1008


@proves("ws:connect:job-id")
async def test_a_foreign_job_and_one_that_never_was_are_refused_alike(api: Served, bench: Bench) -> None:
    bench.start()
    seen: list[tuple[list[Frame], Any, Any]] = []
    for job_id in ("job", "never", "a%7Db", "a" * 129):
        async with api.observe(job_id, token=api.token("bob")) as observer:
            frames, code, reason = await observer.rest()
        assert frames.pop()["error"] == "Job not found"
        seen.append((frames, code, reason))
    assert seen == [([], 1008, "Job not found")] * 4


@proves("ws:connect:token-in-query")
async def test_a_token_may_come_in_the_query_or_as_a_subprotocol(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.observe("job", token="", query=f"?token={api.token()}") as observer:
        assert (await observer.next())["type"] == "catchup"
    async with api.observe("job", token="", subprotocols=["bearer", api.token()]) as observer:
        assert observer.socket.subprotocol == "bearer"
        assert (await observer.next())["type"] == "catchup"
    async with api.observe("job", token="", subprotocols=["bearer", "nonsense"]) as observer:
        assert (await observer.rest())[1] == 1008
    assert api.token() not in api.log.read_text()


async def test_a_token_that_expires_closes_the_socket(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.observe("job", token=api.token(ttl_s=2)) as observer:
        assert (await observer.next())["type"] == "catchup"
        _, code, reason = await observer.rest()
    assert (code, reason) == (1008, "token expired")


@proves("ws:overview:read-only")
async def test_what_a_client_says_is_ignored(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    async with api.observe("job") as observer:
        for frame in ("", b"", "cancel", '{"type":"cancel"}', b"\x00\xff", "x" * INBOUND_MAX_BYTES) * 20:
            await observer.socket.send(frame)
        play(bench, "job")
        frames, code, _ = await observer.rest()
    assert frames[-1]["type"] == "completed"
    assert code == 1000


@pytest.mark.parametrize(
    "frame",
    [
        "x" * (INBOUND_MAX_BYTES + 1),
        b"x" * (INBOUND_MAX_BYTES + 1),
        "ä" * (INBOUND_MAX_BYTES // 2 + 1),
        b"x" * 3_000_000,
        ["x" * 1_000] * 50,
    ],
)
async def test_a_frame_over_4_kib_closes_with_1009(api: Served, bench: Bench, frame: Any) -> None:
    bench.start()
    async with api.observe("job") as observer:
        await observer.until("catchup")
        with suppress(ConnectionClosed):
            await observer.socket.send(frame)
        _, code, _ = await observer.rest()
    assert code == 1009


async def test_a_job_that_vanishes_under_its_observer_is_told(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.observe("job") as observer:
        await observer.until("catchup")
        bench.redis.delete(*bench.redis.keys("job:*"))
        frames, code, _ = await observer.rest()
    assert frames[-1] == {"error": "Job not found", "job_id": "job"}
    assert code == 1008


async def test_plain_http_to_the_socket_is_told_to_upgrade(api: Served) -> None:
    async with api.client() as client:
        answer = await client.get("/api/batch/ws/job")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")


async def test_a_socket_that_is_open_for_long_is_sent_to_connect_again(
    settings: Settings, tmp_path: Path, bench: Bench
) -> None:
    bench.start()
    there = replace(settings, port=free_port())
    with Served(there, tmp_path / "api.log", TAGSTREAM_OBSERVER_MAX_AGE_S="0.5") as api:
        async with api.observe("job") as observer:
            catchup = await observer.next()
            frames, code, reason = await observer.rest()
        assert (frames, code, reason) == ([], 1012, "open for long: connect again")
        async with api.observe("job", query=f"?cursor={catchup['cursor']}") as observer:
            assert (await observer.next())["resumed"] is True


async def test_a_job_of_another_owner_under_the_same_id_is_not_shown(api: Served, bench: Bench) -> None:
    bench.start(rows=6)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        play(bench, "job", 2)
        bench.redis.delete(*bench.redis.keys("job:*"))
        bench.start(rows=2, owner="bob")
        frames, code, reason = await observer.rest()
    assert (frames[-1], code, reason) == ({"error": "Job not found", "job_id": "job"}, 1008, "Job not found")
    assert not [frame for frame in frames if frame.get("type") == "catchup"]
