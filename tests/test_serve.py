"""The server around the app: its listener, its end, its log, and clients that misbehave."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.settings import Settings
from api.auth import Door
from api.serve import SEND_BUFFER_BYTES, USER_TIMEOUT_MS, CannotListen, listen
from protocol.messages import Row
from stack import free_port
from tests.jobs import Bench
from tests.served import LIMIT_S, ROOT, Served, handshake, play, start_body


@pytest.fixture
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that the test may stop."""
    with Served(replace(settings, port=free_port()), tmp_path / "api.log") as served:
        yield served


async def test_sigterm_sends_observers_away_and_ends_within_ten_seconds(own_api: Served, bench: Bench) -> None:
    bench.start()
    async with own_api.observe("job") as one, own_api.observe("job") as other:
        await asyncio.gather(one.until("catchup"), other.until("catchup"))
        own_api.process.send_signal(signal.SIGTERM)
        endings = await asyncio.gather(one.rest(), other.rest())
    assert [(frames, code) for frames, code, _ in endings] == [([], 1012), ([], 1012)]
    assert await asyncio.to_thread(own_api.process.wait, LIMIT_S) == 0
    assert "Traceback" not in own_api.log.read_text()


async def test_sigterm_is_obeyed_whatever_clients_do(own_api: Served, bench: Bench) -> None:
    bench.start(rows=40)
    play(bench, "job", 39, lambda claim: Row.success(claim.row_id, "x", tags=["a"], metadata={"text": "x" * 100_000}))
    unfinished = f"POST /api/batch/start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {own_api.token()}\r\n"
    with socket.socket() as deaf, socket.create_connection(("127.0.0.1", own_api.settings.port)) as slow:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(slow.getpeername())
        deaf.sendall(handshake(own_api, "job"))
        slow.sendall(f"{unfinished}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
        await until_logged(own_api, "SOCKET")
        own_api.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(own_api.process.wait, LIMIT_S) == 0
    assert "Traceback" not in own_api.log.read_text()


async def test_an_observer_resumes_at_another_replica(own_api: Served, api: Served, bench: Bench) -> None:
    bench.start(rows=8)
    async with own_api.observe("job") as observer:
        await observer.until("catchup")
        play(bench, "job", 2)
        seen = [await observer.next() for _ in range(4)]
        own_api.process.send_signal(signal.SIGTERM)
        rest, code, _ = await observer.rest()
    assert code == 1012
    play(bench, "job", 2)
    async with api.observe("job", query=f"?cursor={(seen + rest)[-1]['cursor']}") as observer:
        catchup = await observer.next()
    assert catchup["resumed"] is True
    assert [row["row_id"] for row in catchup["results"]] == [2, 3]


def test_a_port_that_is_taken_is_one_sentence(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = replace(settings, port=other.getsockname()[1])
        with pytest.raises(CannotListen, match=rf"^cannot listen on 127\.0\.0\.1 port {taken.port}: .*PORT names"):
            listen(taken)
        ended = run(PORT=str(taken.port), TAGSTREAM_HOST="127.0.0.1", TAGSTREAM_SECRET_KEY=settings.secret_key)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert f"port {taken.port}" in ended.stderr


def test_what_is_set_on_the_listener_holds_for_its_connections(settings: Settings) -> None:
    with listen(replace(settings, port=free_port())) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER_BYTES


def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """`python -m api` to its end."""
    command = [sys.executable, "-m", "api", *arguments]
    known = {"PATH": os.environ["PATH"]} | environ
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=3 * LIMIT_S, env=known, cwd=ROOT
    )


@pytest.mark.parametrize(("name", "value"), [("PORT", "x"), ("TAGSTREAM_SECRET_KEY", "short"), ("TAGSTREAM_HOST", "")])
def test_a_setting_that_will_not_do_is_one_sentence(name: str, value: str) -> None:
    ended = run(**{name: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "short" not in ended.stderr


def test_the_token_command_prints_a_token_that_is_believed(settings: Settings) -> None:
    ended = run("token", "--sub", "alice", "--ttl-s", "60", TAGSTREAM_SECRET_KEY=settings.secret_key)
    assert Door(settings).admit(ended.stdout.strip()).subject == "alice"
    assert ended.stderr == ""


async def test_the_log_names_requests_without_their_queries(api: Served) -> None:
    async with api.client() as client:
        await client.get("/api/health?token=a-secret-in-a-query")
        await client.get("/api/%0afalse-line")
    await until_logged(api, "false-line")
    log = api.log.read_text()
    assert "GET /api/health 200" in log
    assert "a-secret-in-a-query" not in log
    assert "/api/%0afalse-line 404" in log


async def until_logged(api: Served, text: str) -> None:
    """Wait until the API's log holds `text`."""
    async with asyncio.timeout(LIMIT_S):
        while text not in api.log.read_text():
            await asyncio.sleep(0.02)


async def test_a_thousand_open_files_are_not_the_limit(api: Served) -> None:
    limits = Path(f"/proc/{api.process.pid}/limits").read_text()
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard


async def test_a_start_in_flight_at_sigterm_is_answered(own_api: Served, bench: Bench) -> None:
    async with own_api.client() as client:
        asking = asyncio.create_task(client.post("/api/batch/start", json=start_body(5_000, job_id="late")))
        await until_stored(bench, "late")
        own_api.process.send_signal(signal.SIGTERM)
        assert (await asking).status_code == 202


async def until_stored(bench: Bench, job_id: str) -> None:
    """Wait until the job is there."""
    async with asyncio.timeout(LIMIT_S):
        while not bench.facts(job_id):
            await asyncio.sleep(0.002)
