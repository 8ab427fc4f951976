"""What commands tell people: why a job stands still, which rows ran, which documents can be had, what to mend."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

import protocol.__main__ as program
from actors.seal import Seal
from bench.documents import text_pdf
from protocol.client import Client
from tests.conftest import SECRET_KEY
from tests.jobs import OWNER, Bench, failure
from tests.served import Served, play
from tests.test_command_line import command, end_of, line_of, run
from tests.test_single import jobs, refuse_key
from tests.waiting import until

PAUSED = "The budget of 5 tokens is used up"


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
    secrets = bench.redis.hgetall(f"job:{{{job_id}}}:secrets")
    play(bench, job_id)
    ended = await running
    assert ended.status == 0, ended.err
    assert "Mine" in ended.out
    assert Seal(SECRET_KEY).open("password", secrets["0"]) == "hush"
    assert json.loads(bench.facts(job_id)["config"]) == {"exclusion_words": ["guide", "manual"]}


def test_watching_where_nothing_listens_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAGSTREAM_TOKEN", "t")
    monkeypatch.setattr(program, "Client", partial(Client, patience_s=0.2, backoff_s=(0.01, 0.01)))
    assert program.main(["watch", "job", "--server", "http://127.0.0.1:1"]) == 2
    told = capsys.readouterr()
    assert told.out.count("connecting again (gives up in 0 s): http://127.0.0.1:1 cannot be reached") == 1
    assert told.err.startswith("gave up: http://127.0.0.1:1 cannot be reached")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["start", "-", "--model", "m/1"], "config.api_key: is needed: only local/keywords works without a key"),
        (["start", "-", "--column", "title=nope"], "column_mapping.title: names a column that no document has"),
        (["start", "-", "--rpm", "0"], "config.rpm: wants a whole number from 1 to 100000"),
        (["start", "-", "--vocabulary", "/nowhere"], "/nowhere: No such file"),
        (["process", "https://example.org/a.pdf", "--password-env", "NO_SUCH"], "the environment has no NO_SUCH"),
        (["process", "https://example.org/a.pdf", "--exclusions", "/nowhere"], "/nowhere: No such file"),
    ],
)
async def test_a_call_that_will_not_do_says_what_to_mend(
    api: Served, redis_url: str, arguments: list[str], why: str
) -> None:
    ended = await run(api, *arguments, given="title,url\nA,https://example.org/a\n")
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err
