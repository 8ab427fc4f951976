"""The command line as people run it: a process, against the real API; the store plays the workers."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.gate import gate_to, strips
from tests.jobs import Bench, failure
from tests.served import LIMIT_S, Served, play

CSV = "title,link,shelf\nA,https://example.org/a.pdf,left\nB,https://example.org/b.pdf,right\n"


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


@asynccontextmanager
async def command(api: Served, *arguments: object, **environ: str) -> AsyncIterator[Process]:
    """`python -m protocol ...` as somebody with a token."""
    known = os.environ | {"TAGSTREAM_URL": api.url, "TAGSTREAM_TOKEN": api.token()} | environ
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "protocol", *map(str, arguments), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=known
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def end_of(running: Process, given: str = "") -> Outcome:
    async with asyncio.timeout(LIMIT_S):
        out, err = await running.communicate(given.encode())
    assert running.returncode is not None
    assert b"Traceback" not in err
    return Outcome(running.returncode, out.decode(), err.decode())


async def run(api: Served, *arguments: object, given: str = "", **environ: str) -> Outcome:
    async with command(api, *arguments, **environ) as running:
        return await end_of(running, given)


async def line_of(running: Process) -> str:
    assert running.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        return (await running.stdout.readline()).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "documents.csv"
    path.write_text(CSV)
    return path


async def test_start_prints_the_job_id_and_beside_it_how_the_file_was_read(
    api: Served, bench: Bench, file: Path
) -> None:
    ended = await run(api, "start", file, "--job-id", "mine", "--num-tags", 5, "--num-pages", 2)
    assert ended == (0, "mine\n", "read as CSV in UTF-8 with commas\n")
    assert json.loads(bench.facts("mine")["config"]) == {"num_tags": 5, "num_pages": 2}


async def test_start_takes_what_the_tags_shall_be_like(api: Served, bench: Bench, file: Path) -> None:
    models = ["--fallback-model", "m/2", "--fallback-model", "local/keywords", "--api-key-env", "MY_KEY"]
    asked = ["--evidence", "--language", "english", *models]
    ended = await run(api, "start", file, "--job-id", "mine", *asked, MY_KEY="s3cr3t-key")
    assert ended.status == 0, ended.err
    assert json.loads(bench.facts("mine")["config"]) == {
        "evidence": True,
        "language": "english",
        "fallback_models": ["m/2", "local/keywords"],
    }


async def test_start_reads_standard_input_and_an_object(api: Served, bench: Bench) -> None:
    batch = {
        "documents": [{"where": "https://x.org/a"}],
        "config": {"num_tags": 4},
        "column_mapping": {"where": "file_path"},
    }
    ended = await run(api, "start", "-", "--num-pages", 2, "--job-id", "mine", given=json.dumps(batch))
    assert ended.status == 0, ended.err
    assert json.loads(bench.facts("mine")["config"]) == {"num_tags": 4, "num_pages": 2}


async def test_start_takes_the_key_from_the_environment(api: Served, bench: Bench, file: Path) -> None:
    ended = await run(
        api, "start", file, "--job-id", "mine", "--model", "m/1", "--api-key-env", "MY_KEY", MY_KEY="s3cr3t-key"
    )
    assert ended.status == 0, ended.err
    assert (bench.facts("mine")["model_name"], bench.facts("mine")["api_key_from"]) == ("m/1", "caller")


async def test_a_batch_is_watched_to_its_end(api: Served, bench: Bench, file: Path) -> None:
    async with command(api, "start", file, "--watch", "--job-id", "mine") as running:
        assert await line_of(running) == "job mine: pending, 0 of 2 done: 0 tagged, 0 failed\n"
        await asyncio.to_thread(play, bench, "mine")
        ended = await end_of(running)
    assert ended.status == 0
    assert "1/2 success    A: tag\n" in ended.out
    assert ended.out.endswith("Job completed: 2 tagged, 0 failed\n")


async def test_a_job_is_watched_to_its_end_where_sockets_are_blocked(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    async with (
        gate_to(api.settings.port, strips) as gate,
        command(api, "watch", "job", TAGSTREAM_URL=gate.url) as running,
    ):
        assert (await line_of(running)).startswith("connecting again: no socket comes through, so it polls: ")
        assert await line_of(running) == "job job: pending, 0 of 2 done: 0 tagged, 0 failed\n"
        await asyncio.to_thread(play, bench, "job")
        ended = await end_of(running)
    assert ended.status == 0
    assert "1/2 success    Title 0: tag\n" in ended.out
    assert ended.out.endswith("Job completed: 2 tagged, 0 failed\n")


async def test_watch_tells_messages_as_json_when_asked(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    play(bench, "job", 1, failure)
    play(bench, "job")
    ended = await run(api, "watch", "job", "--json")
    assert ended.status == 0
    assert [json.loads(line)["type"] for line in ended.out.splitlines()] == ["catchup", "completed"]


async def test_a_job_is_paused_resumed_run_again_and_deleted(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    assert await run(api, "pause", "job") == (0, "job job: paused\n", "")
    assert await run(api, "resume", "job") == (0, "job job: pending\n", "")
    play(bench, "job", end=failure)
    async with command(api, "retry", "job", "--row", "1", "--watch") as running:
        assert await line_of(running) == "job job: 1 to run\n"
        play(bench, "job")
        ended = await end_of(running)
    assert ended.status == 0
    assert (await run(api, "retry", "job", "--row", "9")).status == 2
    assert await run(api, "delete", "job") == (0, "job job: deleted\n", "")
    assert (await run(api, "status", "job")).status == 2


async def test_a_job_that_is_stopped_ends_watching_with_1(api: Served, bench: Bench) -> None:
    bench.start()
    async with command(api, "watch", "job") as running:
        await line_of(running)
        assert await run(api, "cancel", "job") == (0, "job job: cancelled\n", "")
        ended = await end_of(running)
    assert ended.status == 1
    assert "Job cancelled" in ended.out
    assert (await run(api, "watch", "job", "--json")).status == 1


async def test_status_and_results_tell_what_is_there(api: Served, bench: Bench) -> None:
    bench.start()
    play(bench, "job", 1)
    play(bench, "job", 1, failure)
    assert (await run(api, "status", "job")).out == "job job: processing, 2 of 3 done: 1 tagged, 1 failed\n"
    told = await run(api, "results", "job", "--json")
    assert [json.loads(line)["status"] for line in told.out.splitlines()] == ["success", "failed"]
    assert "Title 0" in (await run(api, "results", "job")).out


async def test_interrupting_says_that_the_job_goes_on(api: Served, bench: Bench) -> None:
    bench.start()
    async with command(api, "watch", "job") as running:
        await line_of(running)
        running.send_signal(signal.SIGINT)
        ended = await end_of(running)
    assert ended.status == 130
    assert ended.err == "interrupted; the job goes on: python -m protocol watch job\n"
    assert bench.facts()["status"] == "pending"


async def test_a_reader_that_leaves_ends_the_command_quietly(api: Served, bench: Bench) -> None:
    bench.start(rows=200)
    play(bench, "job")
    async with command(api, "results", "job", "--json") as running:
        await line_of(running)
        transport = running._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        transport.close()
        async with asyncio.timeout(LIMIT_S):
            assert running.stderr is not None
            assert await running.stderr.read() == b""
            assert await running.wait() in (0, 1)


async def test_a_token_file_is_read(api: Served, bench: Bench, tmp_path: Path) -> None:
    bench.start()
    (tmp_path / "token").write_text(api.token() + "\n")
    ended = await run(api, "status", "job", "--token-file", tmp_path / "token", TAGSTREAM_TOKEN="")
    assert ended.status == 0, ended.err


@pytest.mark.parametrize(
    ("arguments", "environ", "why"),
    [
        (["watch", "nope"], {}, "Job not found\n"),
        (["status", "nope"], {}, "not"),
        (["results", "../jobs"], {}, "Job not found\n"),
        (["watch", "job"], {"TAGSTREAM_TOKEN": "wrong"}, "Authentication required\n"),
        (["status", "job"], {"TAGSTREAM_TOKEN": "wrong"}, "token"),
        (["status", "job"], {"TAGSTREAM_TOKEN": ""}, "no token: set TAGSTREAM_TOKEN or give --token-file\n"),
        (["status", "job", "--token-file", "/nowhere"], {}, "/nowhere: No such file or directory\n"),
        (["status", "job", "--token-file", sys.executable], {}, "characters that no header can carry\n"),
        (
            ["status", "job", "--server", "nowhere"],
            {},
            "'nowhere' is no address of a server, as http://127.0.0.1:8000 is\n",
        ),
        (["status", "job", "--server", "http://127.0.0.1:1"], {}, "http://127.0.0.1:1 cannot be reached"),
        (["start", "/nowhere"], {}, "/nowhere: No such file or directory\n"),
        (["start", "-", "--num-tags", "99"], {}, "config.num_tags: wants a whole number from 3 to 15"),
        (["start", "-", "--job-id", "a b"], {}, "job_id: wants 1 to 128"),
        (["start", "-", "--job-id", "\udcff"], {}, "surrogates not allowed\n"),
        (["start", "-", "--api-key-env", "NO_SUCH_KEY"], {}, "the environment has no NO_SUCH_KEY\n"),
        (["fly"], {}, "invalid choice"),
        ([], {}, "required"),
    ],
)
async def test_a_call_that_will_not_do_is_one_sentence(
    api: Served, bench: Bench, arguments: list[str], environ: dict[str, str], why: str
) -> None:
    bench.start()
    ended = await run(api, *arguments, given=CSV, **environ)
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err
