"""The published JavaScript example of an observer, as it stands there, in a browser and in Node, against a real API."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from actors.settings import Settings
from api.auth import mint
from protocol.messages import Row
from stack import free_port
from tests import chromium
from tests.jobs import OWNER, Bench, failure, success, waiting
from tests.served import Served
from tests.spec import proves

SEED = Path(__file__).parent.parent.parent / "shared" / "seed"
LIMIT_S = 30.0
JOB_ID = "550e8400-e29b-41d4-a716-446655440000"
"""The example's own."""
CLOSED = "WebSocket closed (job continues running)"
"""Its last line."""


class Console(Protocol):
    """What a script prints, line by line."""

    lines: list[str]

    async def until(self, start: str) -> None:
        """Wait for a line that starts so."""

    def shown(self, words: list[str]) -> str:
        """A list as it is printed."""


Run = Callable[[str], AbstractAsyncContextManager[Console]]
"""Runs a script for the length of a block; in Node it must then end by itself."""


@pytest.fixture(params=["chromium", "node"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs scripts in each engine."""
    if request.param == "chromium":
        return lambda script: chromium.page(script, tmp_path / "profile")
    command = node()
    return lambda script: run_in_node(command, script)


@pytest.fixture
def script(own_api: Served) -> str:
    """The example for the API of these tests."""
    return example(own_api.settings)


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
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API whose keepalives are as rare as they are for everybody."""
    with Served(replace(settings, port=free_port()), tmp_path / "api.log") as served:
        yield served


def node() -> list[str]:
    """The command of a Node that knows WebSocket, as browsers do; without one, Chromium alone runs the example."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no Node on this machine: install 20.10 or newer")
    for command in ([program], [program, "--experimental-websocket"]):
        asked = subprocess.run(
            [*command, "--eval", "new WebSocket('ws://127.0.0.1:1').onerror = () => {}"],
            check=False,
            capture_output=True,
            timeout=LIMIT_S,
        )
        if asked.returncode == 0:
            return command
    pytest.skip("the Node of this machine has no WebSocket: install 20.10 or newer")


class NodeConsole:
    """The output of a script that Node runs."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output
        self.lines: list[str] = []

    async def until(self, start: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not (self.lines and self.lines[-1].startswith(start)):
                line = await self._output.readline()
                assert line, f"it ended without {start!r}: {self.lines}"
                self.lines.append(line.decode().rstrip())

    def shown(self, words: list[str]) -> str:
        return f"[ {', '.join(map(repr, words))} ]"


@asynccontextmanager
async def run_in_node(command: list[str], script: str) -> AsyncIterator[NodeConsole]:
    """Run a script, which must end well."""
    command = [*command, "--no-warnings", "--input-type=commonjs", "--eval", script]
    running = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert running.stdout is not None
    try:
        console = NodeConsole(running.stdout)
        yield console
        rest, _ = await asyncio.wait_for(running.communicate(), LIMIT_S)
        console.lines += rest.decode().splitlines()
        assert running.returncode == 0
    finally:
        if running.returncode is None:
            running.kill()
            await running.communicate()


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
async def test_the_published_example_shows_a_job_from_catchup_to_ending(run: Run, script: str, bench: Bench) -> None:
    rows = bench.start(JOB_ID, rows=3)
    first = bench.claim(rows[0])
    bench.store.finish(first, success(first))
    async with run(script) as console:
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
        await console.until(CLOSED)

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
        f"Tags: {console.shown(['safety', 'training'])}",
        "Job completed!",
        "Success: 2, Failed: 1",
        CLOSED,
    ]


@proves("ws:javascript:catchup", "ws:javascript:completed", "ws:javascript:close", "ws:notes:already-completed")
async def test_the_published_example_shows_a_job_that_is_over(run: Run, script: str, bench: Bench) -> None:
    (row,) = bench.start(JOB_ID, rows=1)
    claim = bench.claim(row)
    bench.store.finish(claim, success(claim))
    async with run(script) as console:
        await console.until(CLOSED)
    assert console.lines[0].startswith("Caught up to current state: {")
    assert console.lines[-4:] == ["Existing results: 1", "Job completed!", "Success: 1, Failed: 0", CLOSED]


@proves("ws:javascript:keepalive", "ws:keepalive:example")
async def test_the_published_example_shows_that_the_connection_is_alive(
    run: Run, api_server: Served, bench: Bench
) -> None:
    bench.start(JOB_ID, rows=1)
    async with run(example(api_server.settings)) as console:
        await console.until("Connection alive, status: pending")
        bench.store.cancel(JOB_ID, OWNER)
        await console.until(CLOSED)
    assert console.lines[-1] == CLOSED


@proves("ws:javascript:error")
async def test_the_published_example_shows_that_nobody_answers(run: Run, settings: Settings) -> None:
    async with run(example(replace(settings, port=free_port()))) as console:
        await console.until("WebSocket error:")
