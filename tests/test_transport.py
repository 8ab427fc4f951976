"""Connections to clients that misbehave, and what goes out on them."""

import asyncio
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest

from actors.records import Claim
from actors.settings import Settings
from api import line
from api.frames import Frame
from api.line import Line
from api.transport import Connection
from protocol.messages import Row
from stack import free_port
from tests.jobs import Bench
from tests.served import LIMIT_S, Served, handshake, play
from tests.waiting import until

MEBIBYTE = b" " * 1024 * 1024
TAKEN_S = 2.0
"""In so long a server that reads what a client says has read 40 MB of it many times over."""


@pytest.mark.parametrize("head", ["Content-Length: 17825792", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(("signed", "status"), [(True, 413), (False, 401)])
def test_a_refused_body_does_not_hide_the_answer(api: Served, *, head: str, signed: bool, status: int) -> None:
    token = api.token() if signed else "nonsense"
    request = f"POST /api/batch/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n"
    with socket.create_connection(("127.0.0.1", api.settings.port), timeout=LIMIT_S) as client:
        client.sendall(f"{request}Authorization: Bearer {token}\r\n\r\n".encode())
        for _ in range(17):
            client.sendall(b"100000\r\n" + MEBIBYTE + b"\r\n" if "chunked" in head else MEBIBYTE)
        answer = client.recv(64)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_an_observer_that_does_not_read_is_cut_off_and_delays_nobody(api: Served, bench: Bench) -> None:
    def heavy(claim: Claim) -> Row:
        return Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * 100_000})

    bench.start(rows=100)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", api.settings.port))
        deaf.sendall(handshake(api, "job"))
        async with api.observe("job") as observer:
            await observer.until("catchup")
            working = asyncio.create_task(asyncio.to_thread(play, bench, "job", end=heavy))
            frames = await observer.until("completed")
            await working
        await asyncio.to_thread(until_gone, deaf)
        assert len(await asyncio.to_thread(read_to_the_end, deaf)) < 4_000_000
    finals = {frame["row_id"] for frame in frames if frame.get("status") == "success"}
    assert finals | {row["row_id"] for frame in frames for row in frame.get("results", [])} == set(range(100))


def until_gone(client: socket.socket, limit_s: float = 4 * LIMIT_S) -> None:
    """Wait, without reading, until the other side has dropped the connection."""
    waiting = select.poll()
    waiting.register(client, select.POLLHUP | select.POLLERR)
    assert waiting.poll(1_000 * limit_s)


def read_to_the_end(client: socket.socket) -> bytes:
    """What still arrives."""
    parts = []
    with suppress(ConnectionResetError):
        while part := client.recv(65_536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "User-Agent"])
def test_bytes_that_are_no_text_in_a_handshake_are_no_fault_of_ours(api: Served, bench: Bench, name: str) -> None:
    bench.start(rows=1)
    play(bench, "job")
    with socket.create_connection(("127.0.0.1", api.settings.port), timeout=LIMIT_S) as client:
        client.sendall(handshake(api, "job").replace(b"Host: x", f"Host: x\r\n{name}: bearer, \xff".encode("latin1")))
        assert client.recv(64).startswith(b"HTTP/1.1 101 ")
    assert "Traceback" not in api.log.read_text()


def test_a_handshake_of_another_version_ends_its_connection(api: Served) -> None:
    with socket.create_connection(("127.0.0.1", api.settings.port), timeout=LIMIT_S) as client:
        client.sendall(handshake(api, "job").replace(b"Version: 13", b"Version: 8"))
        assert client.recv(4096).startswith(b"HTTP/1.1 400 ")
        assert client.recv(4096) == b""


async def test_who_speaks_before_the_handshake_is_answered_is_refused_and_gone(api: Served, bench: Bench) -> None:
    bench.start()
    with socket.create_connection(("127.0.0.1", api.settings.port), timeout=LIMIT_S) as hasty:
        hasty.sendall(handshake(api, "job") + b"\x81\x80\x00\x00\x00\x00")
        assert (await asyncio.to_thread(read_to_the_end, hasty)).startswith(b"HTTP/1.1 400 ")


async def test_a_connection_that_its_client_has_closed_is_let_go(own_api: Served) -> None:
    process = psutil.Process(own_api.process.pid)
    before = process.num_fds()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", own_api.settings.port), timeout=LIMIT_S) as client:
            client.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    async with asyncio.timeout(LIMIT_S):
        while process.num_fds() >= before + 20:
            await asyncio.sleep(0.1)


def test_http_2_is_not_spoken(own_api: Served) -> None:
    address = ("127.0.0.1", own_api.settings.port)
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    with socket.create_connection(address, timeout=LIMIT_S) as asking:
        asking.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n")
        assert asking.recv(64).startswith(b"HTTP/1.1 200 ")
    with socket.create_connection(address, timeout=LIMIT_S) as assuming:
        assuming.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        assert read_to_the_end(assuming).startswith(b"HTTP/1.1 4")
    assert "Traceback" not in own_api.log.read_text()


async def test_no_compression_is_agreed_on(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.observe("job", compression="deflate") as observer:
        assert observer.socket.protocol.extensions == []
        assert (await observer.next())["type"] == "catchup"


@pytest.fixture
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that nothing else uses."""
    with Served(replace(settings, port=free_port()), tmp_path / "api.log") as served:
        yield served


@pytest.fixture
def compressing(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that agrees on compression."""
    there = replace(settings, port=free_port(), observer_compression=True)
    with Served(there, tmp_path / "api.log", TAGSTREAM_OBSERVER_COMPRESSION="on") as served:
        yield served


async def test_compression_is_agreed_on_where_the_operator_wants_it_and_the_client_offers_it(
    compressing: Served, bench: Bench
) -> None:
    bench.start(rows=2)
    async with (
        compressing.observe("job", compression="deflate") as packed,
        compressing.observe("job", compression=None) as plain,
    ):
        assert packed.socket.protocol.extensions
        assert not plain.socket.protocol.extensions
        await asyncio.gather(packed.until("catchup"), plain.until("catchup"))
        play(bench, "job")
        (told, code, _), (same, _, _) = await asyncio.gather(packed.rest(), plain.rest())
    assert told == same
    assert (told[-1]["type"], code) == ("completed", 1000)


async def test_pings_are_answered_between_frames_and_never_within_one(api: Served, bench: Bench) -> None:
    bench.start(rows=80)
    play(bench, "job", 79, lambda claim: Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * 100_000}))
    async with api.observe("job") as observer:
        answers = [await observer.socket.ping() for _ in range(50)]
        catchup = await observer.next()
        await asyncio.wait_for(asyncio.gather(*answers), LIMIT_S)
        play(bench, "job")
        assert (await observer.until("completed"))[-1]["processed_count"] == "80"
    assert len(catchup["results"]) == 79


async def test_of_pings_that_come_together_the_last_is_answered(api: Served, bench: Bench) -> None:
    bench.start()
    pings = b"".join(b"\x89\x84\x00\x00\x00\x00%04d" % number for number in range(100))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.settings.port)
    writer.write(handshake(api, "job"))
    async with asyncio.timeout(LIMIT_S):
        await reader.readuntil(b"catchup")
        writer.write(pings)
        answers = await reader.readuntil(b"\x8a\x040099")
    assert answers.count(b"\x8a\x04") < 10
    writer.close()


async def test_who_floods_is_read_slowly_and_delays_nobody(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    bench.start("other")
    frame = b"\x81\xfe\x0f\xa0\x00\x00\x00\x00" + b"x" * 4_000
    with socket.create_connection(("127.0.0.1", api.settings.port)) as flooding:
        flooding.sendall(handshake(api, "other"))
        flooding.recv(4096)
        flood = asyncio.create_task(asyncio.to_thread(send_all, flooding, frame * 10_000))
        async with api.observe("job") as observer:
            await observer.until("catchup")
            play(bench, "job")
            assert (await observer.until("completed"))[-1]["processed_count"] == "1"
        taken_whole, _ = await asyncio.wait([flood], timeout=TAKEN_S)
        flooding.shutdown(socket.SHUT_RDWR)
        await flood
    assert not taken_whole


def send_all(client: socket.socket, data: bytes) -> None:
    """Send, until the connection is shut."""
    with suppress(OSError):
        client.sendall(data)


async def test_what_ends_amid_a_large_frame_is_said_behind_it(api: Served, bench: Bench) -> None:
    bench.start(rows=81)
    play(bench, "job", 80, lambda claim: Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * 100_000}))
    token = api.token(ttl_s=2)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(LIMIT_S)
        slow.connect(("127.0.0.1", api.settings.port))
        slow.sendall(handshake(api, "job").replace(api.token().encode(), token.encode()))
        await asyncio.sleep(2.1)  # the token expires while the catchup is being written
        told = await asyncio.to_thread(read_to_the_end, slow)
    _, _, frames = told.partition(b"\r\n\r\n")
    assert frames[:2] == b"\x81\x7f"
    rest = frames[10 + int.from_bytes(frames[2:10], "big") :]
    assert rest == b"\x88\x0f\x03\xf0token expired"


async def test_a_large_frame_that_is_broken_off_breaks_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PIECE_TIMEOUT_S", 0.05)
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    async with await asyncio.start_server(lambda _, writer: accepted.put_nowait(writer), "127.0.0.1", 0) as server:
        reader, deaf = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
        connection = Connection(*[Mock()] * 6, await accepted.get())  # type: ignore[call-arg]
        with pytest.raises(TimeoutError):
            await Line(Mock(is_open=True), connection).send(Frame(b"x" * 40_000_000))
        assert connection.writer.is_closing()
        with pytest.raises(ConnectionResetError):
            await reader.read(-1)
        deaf.close()


async def test_a_client_that_leaves_within_its_body_is_no_error_in_the_log(api: Served) -> None:
    before = api.log.read_text()
    head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token()}\r\nContent-Length: 900000\r\n"
    for _ in range(4):
        _, writer = await asyncio.open_connection("127.0.0.1", api.settings.port)
        writer.write(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode())
        await writer.drain()
        writer.close()
    await asyncio.to_thread(until, lambda: api.log.read_text().removeprefix(before).count("/api/uploads") == 4)
    async with api.client() as client:  # two requests later the tasks of these connections have ended
        for _ in range(2):
            await client.get("/api/health")
    assert "ERROR" not in api.log.read_text().removeprefix(before)
