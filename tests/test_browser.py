"""The published JavaScript example of an observer, as it stands there, against a real API."""

import asyncio
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from actors.settings import Settings
from api.auth import mint
from protocol.messages import Row
from stack import free_port
from tests.jobs import OWNER, Bench, failure, success, waiting
from tests.processes import process
from tests.served import Served
from tests.spec import proves

SEED = Path(__file__).parent.parent.parent / "shared" / "seed"
LIMIT_S = 30.0
JOB_ID = "550e8400-e29b-41d4-a716-446655440000"
"""The example's own."""


@pytest.fixture(scope="module")
def node() -> list[str]:
    """The command of a Node that knows WebSocket, as browsers do."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no Node on this machine")
    for command in ([program], [program, "--experimental-websocket"]):
        asked = subprocess.run(
            [*command, "--eval", "new WebSocket('ws://127.0.0.1:1').onerror = () => {}"],
            check=False,
            capture_output=True,
            timeout=LIMIT_S,
        )
        if asked.returncode == 0:
            return command
    pytest.skip("the Node of this machine has no WebSocket")


@pytest.fixture
def script(api: Settings) -> str:
    """The example for the API of these tests."""
    return example(api)


def example(api: Settings) -> str:
    """The example, unmodified but for host and token; the job is the example's own."""
    pages = sorted(SEED.glob("*.txt"))
    if not pages:
        pytest.skip("the published page is not beside this checkout")
    _, _, rest = pages[0].read_text().partition("\nUsage Example\n")
    script, _, _ = rest.partition("\nImportant Notes\n")
    assert "new WebSocket(" in script
    for published, ours in (("localhost:8000", f"127.0.0.1:{api.port}"), ("your_access_token", mint(api, OWNER))):
        assert published in script
        script = script.replace(published, ours)
    return script


@pytest.fixture
def api(settings: Settings) -> Iterator[Settings]:
    """The settings of an API that serves in a process of its own."""
    settings = replace(settings, port=free_port())
    with process(settings, "api") as running:
        deadline = time.monotonic() + LIMIT_S
        while not _answers(settings.port):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield settings


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=LIMIT_S) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


class Console:
    """What a script prints, line by line."""

    def __init__(self, script: asyncio.subprocess.Process) -> None:
        self._script = script
        self.lines: list[str] = []

    @classmethod
    async def of(cls, node: list[str], script: str) -> Self:
        """Run a script."""
        command = [*node, "--input-type=commonjs", "--eval", script]
        return cls(await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    async def until(self, start: str) -> None:
        """Read up to a line that starts so."""
        assert self._script.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            while not (self.lines and self.lines[-1].startswith(start)):
                line = await self._script.stdout.readline()
                assert line, f"it ended without {start!r}: {self.lines}"
                self.lines.append(line.decode().rstrip())

    async def end(self) -> int:
        """Read what is left and wait for the end."""
        output, _ = await asyncio.wait_for(self._script.communicate(), LIMIT_S)
        self.lines += output.decode().splitlines()
        assert self._script.returncode is not None
        return self._script.returncode


@proves(
    "ws:connect:endpoint",
    "ws:connect:token-in-query",
    "ws:javascript:connect",
    "ws:javascript:parse",
    "ws:javascript:catchup",
    "ws:javascript:progress",
    "ws:javascript:completed",
    "ws:javascript:close",
)
async def test_the_published_example_shows_a_job_from_catchup_to_ending(
    node: list[str], script: str, bench: Bench
) -> None:
    rows = bench.start(JOB_ID, rows=3)
    first = bench.claim(rows[0])
    bench.store.finish(first, success(first))
    console = await Console.of(node, script)
    await console.until("Existing results: 1")
    second, third = bench.claim(rows[1]), bench.claim(rows[2])
    bench.store.finish(second, failure(second))
    bench.store.retrying(third, waiting(third, delay_ms=0), delay_ms=0, counts=True)
    await console.until("Status: pending")
    bench.make_due(JOB_ID)
    bench.tick()
    third = bench.claim(rows[2], "again")
    tagged = Row.success(third.row_id, "Title 2", tags=["safety", "training"], retry_count=third.attempt)
    bench.store.finish(third, tagged)

    assert await console.end() == 0
    assert console.lines[0].startswith("Caught up to current state: {")
    told = console.lines[console.lines.index("Existing results: 1") + 1 :]
    assert told == [
        "Document 2: Title 1",
        "Status: processing, Progress: 33.33333333333333%",
        "Document 3: Title 2",
        "Status: processing, Progress: 33.33333333333333%",
        "Document 2: Title 1",
        "Status: failed, Progress: 66.66666666666666%",
        "Document 3: Title 2",
        "Status: pending, Progress: 66.66666666666666%",
        "Document 3: Title 2",
        "Status: processing, Progress: 66.66666666666666%",
        "Document 3: Title 2",
        "Status: success, Progress: 100%",
        "Tags: [ 'safety', 'training' ]",
        "Job completed!",
        "Success: 2, Failed: 1",
        "WebSocket closed (job continues running)",
    ]


@proves("ws:javascript:catchup", "ws:javascript:completed", "ws:javascript:close", "ws:notes:already-completed")
async def test_the_published_example_shows_a_job_that_is_over(node: list[str], script: str, bench: Bench) -> None:
    (row,) = bench.start(JOB_ID, rows=1)
    claim = bench.claim(row)
    bench.store.finish(claim, success(claim))
    console = await Console.of(node, script)
    assert await console.end() == 0
    assert console.lines[0].startswith("Caught up to current state: {")
    assert console.lines[-4:] == [
        "Existing results: 1",
        "Job completed!",
        "Success: 1, Failed: 0",
        "WebSocket closed (job continues running)",
    ]


@proves("ws:javascript:keepalive", "ws:keepalive:example")
async def test_the_published_example_shows_that_the_connection_is_alive(
    node: list[str], api_server: Served, bench: Bench
) -> None:
    bench.start(JOB_ID, rows=1)
    console = await Console.of(node, example(api_server.settings))
    await console.until("Connection alive, status: pending")
    bench.store.cancel(JOB_ID, OWNER)
    assert await console.end() == 0
    assert console.lines[-1] == "WebSocket closed (job continues running)"


@proves("ws:javascript:error")
def test_the_published_example_shows_that_nobody_answers(node: list[str], settings: Settings) -> None:
    command = [*node, "--input-type=commonjs", "--eval", example(replace(settings, port=free_port()))]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0
    assert ended.stderr.startswith("WebSocket error:")
