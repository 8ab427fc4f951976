"""What commands tell people: why a job stands still, which rows ran, which documents can be had, what to mend."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import protocol.__main__ as program
from actors.seal import Seal
from actors.settings import Settings
from bench.documents import text_pdf
from protocol.client import Client
from stack import free_port
from tests.conftest import SECRET_KEY
from tests.jobs import OWNER, Bench, failure
from tests.served import Served, play
from tests.sheets import workbook
from tests.test_command_line import command, end_of, line_of, run
from tests.test_single import jobs, refuse_key
from tests.waiting import until

PAUSED = "The budget of 5 tokens is used up"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("local")
    (path / "a.pdf").write_bytes(b"%PDF-1.7")
    return path


@pytest.fixture(scope="module")
def open_server(redis_server: Any, folder: Path) -> Iterator[Served]:
    """An API that may look into a folder, at a few paths a request."""
    settings = Settings(secret_key=SECRET_KEY, redis_url=f"redis://127.0.0.1:{redis_server.port}/0", port=free_port())
    environ = {"TAGSTREAM_LOCAL_ROOT": str(folder), "TAGSTREAM_MAX_PATHS": "100"}
    with Served(settings, folder / "api.log", **environ) as served:
        yield served


async def test_status_says_why_a_job_is_paused_or_has_failed(api: Served, bench: Bench) -> None:
    bench.start("slow")
    bench.store.pause("slow", OWNER)
    bench.redis.hset("job:{slow}", "message", PAUSED)
    bench.start("dear", rows=1)
    refuse_key(bench, "dear")
    numbers = "done: 0 tagged, 0 failed\n"
    assert (await run(api, "status", "slow")).out == f"job slow: paused: {PAUSED}; 0 of 3 {numbers}"
    assert (await run(api, "status", "dear")).out == f"job dear: failed: The key is refused (auth); 0 of 1 {numbers}"


async def test_watching_a_paused_job_says_why(api: Served, bench: Bench) -> None:
    bench.start()
    bench.store.pause("job", OWNER)
    bench.redis.hset("job:{job}", "message", PAUSED)
    async with command(api, "watch", "job") as running:
        assert await line_of(running) == f"job job: paused: {PAUSED}; 0 of 3 done: 0 tagged, 0 failed\n"


async def test_a_big_batch_is_told_a_line_a_row_and_once(api: Served, bench: Bench) -> None:
    bench.start(rows=40)
    play(bench, "job", 2, failure)
    play(bench, "job")
    ended = await run(api, "watch", "job")
    lines = ended.out.splitlines()
    assert sum("Title" in line for line in lines) == 40
    assert lines[-1] == "Job completed: 38 tagged, 2 failed (2 source)"


@pytest.mark.parametrize("rows", [["--row", 1], []], ids=["a row", "all that failed"])
async def test_watching_a_retry_shows_the_rows_of_this_run(api: Served, bench: Bench, rows: list[object]) -> None:
    bench.start(rows=3)
    play(bench, "job", 1)
    play(bench, "job", 1, failure)
    play(bench, "job", 1)
    async with command(api, "retry", "job", *rows, "--watch") as running:
        assert await line_of(running) == "job job: 1 to run\n"
        play(bench, "job")
        ended = await end_of(running)
    assert [line for line in ended.out.splitlines() if "Title" in line] == ["2/3 success    Title 1: tag"]
    assert ended.out.endswith("Job completed: 3 tagged, 0 failed\n")


async def test_results_can_be_those_that_ended_so(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 1, failure)
    play(bench, "job")
    assert "Title 1" not in (await run(api, "results", "job", "--status", "failed")).out
    told = await run(api, "results", "job", "--status", "success", "--json")
    assert [json.loads(line)["row_id"] for line in told.out.splitlines()] == [1, 2]


async def test_a_spreadsheet_that_was_guessed_at_says_so(api: Served, bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("title;url\nÜber A;https://example.org/a\n".encode("cp1252"))
    ended = await run(api, "start", tmp_path / "a.csv", "--job-id", "mine")
    assert ended == (0, "mine\n", "read as CSV in windows-1252 (a guess) with semicolons\n")


async def test_one_document_takes_its_title_password_and_exclusions(api: Served, bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(text_pdf(1, pages=1))
    (tmp_path / "words.txt").write_text("manual\n")
    known = ["--title", "Mine", "--password-env", "PDF_PASSWORD", "--exclusions", tmp_path / "words.txt"]
    running = asyncio.create_task(
        run(api, "process", tmp_path / "a.pdf", *known, "--exclude", "guide", PDF_PASSWORD="hush")
    )
    await asyncio.to_thread(until, lambda: bool(jobs(bench)) or running.done())
    (job_id,) = jobs(bench)
    await asyncio.to_thread(until, lambda: bench.state(0, job_id).get("s") == "sent")
    secrets = bench.redis.hgetall(f"job:{{{job_id}}}:secrets")
    play(bench, job_id)
    ended = await running
    assert ended.status == 0, ended.err
    assert "Mine" in ended.out
    assert Seal(SECRET_KEY).open("password", secrets["0"]) == "hush"
    assert json.loads(bench.facts(job_id)["config"]) == {"exclusion_words": ["guide", "manual"]}


async def test_paths_are_looked_at_and_said_to_be_good_or_not(open_server: Served, redis_url: str) -> None:
    ended = await run(open_server, "validate", "a.pdf", "b.pdf", "http://127.0.0.1/a", "--type", "local")
    lines = ended.out.splitlines()
    assert (ended.status, ended.err) == (1, "")
    assert lines[0].startswith("valid    a.pdf (")
    assert [line.split(":")[0] for line in lines[1:3]] == ["invalid  b.pdf", "invalid  http"]
    assert lines[1].endswith("(source)")
    assert lines[3:] == ["1 of 3 valid"]
    assert (await run(open_server, "validate", "a.pdf", "--type", "local")).status == 0
    odd = await run(open_server, "validate", "a.pdf", "ftp://example.org/a")
    assert odd.status == 1
    assert "write local or upload" in odd.out.splitlines()[0]
    assert "has a scheme that is not read here" in odd.out.splitlines()[1]


async def test_the_paths_of_a_batch_are_looked_at(open_server: Served, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "docs.csv").write_text("where;file_source_type\n" + "a.pdf;local\n" * 150)
    batch = json.dumps([{"link": "a.pdf", "type": "x", "file_source_type": "local"}])
    named = ["--column", "file_path=where", "--json"]
    ended = await run(open_server, "validate", tmp_path / "docs.csv", *named)
    assert ended.status == 0, ended.err
    assert [json.loads(line)["valid"] for line in ended.out.splitlines()] == [True] * 150
    assert (await run(open_server, "validate", "-", given=batch)).out.endswith("1 of 1 valid\n")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["lines", "json"])
def test_watching_where_nothing_listens_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    monkeypatch.setenv("TAGSTREAM_TOKEN", "t")
    monkeypatch.setattr(program, "Client", partial(Client, patience_s=0.2, backoff_s=(0.01, 0.01)))
    assert program.main(["watch", "job", "--server", "http://127.0.0.1:1", *options]) == 2
    told = capsys.readouterr()
    away = "http://127.0.0.1:1 cannot be reached"
    assert (told.err if options else told.out).count(f"connecting again (gives up in 0 s): {away}") == 1
    assert told.out.count("\n") == (not options)
    assert told.err.splitlines()[-1].startswith(f"gave up: {away}")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["start", "-", "--model", "m/1"],
            "config.api_key: is needed: only local/keywords works without a key (--api-key-env)",
        ),
        (
            ["start", "-", "--column", "title=nope"],
            "names a column that the file does not have; it has: “title”, “url” (--column)",
        ),
        (["start", "-", "--rpm", "0"], "config.rpm: wants a whole number from 1 to 100000 (--rpm)"),
        (["start", "-", "--vocabulary", "/nowhere"], "/nowhere: No such file"),
        (["process", "https://example.org/a.pdf", "--password-env", "NO_SUCH"], "the environment has no NO_SUCH"),
        (["process", "https://example.org/a.pdf", "--exclusions", "/nowhere"], "/nowhere: No such file"),
        (["validate", "/nowhere.csv"], "/nowhere.csv: No such file"),
    ],
)
async def test_a_call_that_will_not_do_says_what_to_mend(
    api: Served, redis_url: str, arguments: list[str], why: str
) -> None:
    ended = await run(api, *arguments, given="title,url\nA,https://example.org/a\n")
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err


async def test_a_workbook_is_not_validated(api: Served, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook({"s": [["url"], ["https://example.org/a"]]}))
    ended = await run(api, "validate", tmp_path / "a.xlsx")
    assert (ended.status, ended.err.partition("a.xlsx")[2]) == (
        2,
        " is a workbook: save it as CSV to have its paths looked at\n",
    )
