"""The client with files: spreadsheets go as they are, exports come whole or not at all."""

import asyncio
import io
import json
from pathlib import Path

import pytest

from protocol.client import ExportForm, RequestRefused, Unreachable
from protocol.words import DocumentStatus
from tests.gate import gate_to
from tests.jobs import Bench, failure
from tests.served import LIMIT_S, Served, play
from tests.sheets import cells_of, workbook
from tests.test_client_and_server import client
from tests.test_command_line import run
from tests.test_export import document, start

CSV = "Weblink;title;shelf\nhttps://example.org/a.pdf;Über A;left\nhttps://example.org/b.pdf;B;right\n"
MAPPING = {"file_path": "Weblink"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "batch"
    path.write_bytes(CSV.encode("cp1252"))
    return path


async def test_a_spreadsheet_is_started_with_its_exclusions(api: Served, bench: Bench, file: Path) -> None:
    async with client(api.url, api.token()) as caller:
        words = b"# none of these\nmanual, guide\n"
        started = await caller.start_file(file, {"num_tags": 5}, column_mapping=MAPPING, exclusion_file=words)
    assert started.read_as == "CSV in windows-1252 (a guess) with semicolons; exclusion list in UTF-8: 2 terms"
    assert json.loads(bench.facts(started.job_id)["config"]) == {"num_tags": 5, "exclusion_words": ["manual", "guide"]}


async def test_what_is_wrong_with_it_is_told(api: Served, file: Path) -> None:
    async with client(api.url, api.token()) as caller:
        with pytest.raises(RequestRefused, match="file: has no column for file_path"):
            await caller.start_file(file, {})


@pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx"])
async def test_an_export_is_what_the_server_has(api: Served, bench: Bench, form: ExportForm) -> None:
    bench.start(rows=3)
    play(bench, "job", 1, failure)
    whole, failed = io.BytesIO(), io.BytesIO()
    async with client(api.url, api.token()) as caller:
        await caller.export("job", form, whole)
        await caller.export("job", form, failed, status=DocumentStatus.FAILED)
        with pytest.raises(RequestRefused, match="not"):
            await caller.export("never", form, whole)
    counts = [
        len(cells_of(file.getvalue())) - 1 if form == "xlsx" else file.getvalue().count(b"Title")
        for file in (whole, failed)
    ]
    assert counts == [3, 1]


async def test_an_export_that_breaks_off_says_so(api: Served, bench: Bench) -> None:
    start(bench, *(document(row, columns={"x": "x" * 32_000}) for row in range(400)))

    class Slow(io.BytesIO):
        """Where the line is cut when the first bytes have come."""

        def write(self, piece: object) -> int:
            gate.cut()
            return super().write(piece)  # type: ignore[arg-type]

    async with gate_to(api.settings.port) as gate, client(gate.url, api.token()) as caller, asyncio.timeout(LIMIT_S):
        with pytest.raises(Unreachable):
            await caller.export("job", "csv", Slow())


async def test_the_command_line_starts_exports_and_gives_the_template(
    api: Served, bench: Bench, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("manual\n")
    began = await run(
        api, "start", file, "--column", "file_path=Weblink", "--exclusions", tmp_path / "words.txt", "--job-id", "mine"
    )
    assert (began.status, began.out) == (0, "mine\n"), began.err
    assert json.loads(bench.facts("mine")["config"]) == {"exclusion_words": ["manual"]}
    play(bench, "mine")
    exported = await run(api, "results", "mine", "--format", "csv")
    assert exported.out.splitlines()[1].startswith("1,,Über A,https://example.org/a.pdf,url,,left,success,tag,")
    saved = tmp_path / "out.xlsx"
    assert await run(api, "results", "mine", "--format", "xlsx", "-o", saved, "--status", "failed") == (0, "", "")
    assert len(cells_of(saved.read_bytes())) == 1
    assert (await run(api, "template")).out.startswith("\ufefftitle,file_path,")
    assert (await run(api, "template", "--format", "csv", "-o", saved)).status == 0
    assert saved.read_text().startswith("\ufefftitle,file_path,")


async def test_a_file_has_the_form_that_its_name_says(api: Served, bench: Bench, tmp_path: Path) -> None:
    bench.start(rows=1)
    for command in (["results", "job"], ["template"]):
        assert await run(api, *command, "-o", saved := tmp_path / "out.XLSX") == (0, "", "")
        assert "title" in cells_of(saved.read_bytes())[0]
    assert await run(api, "results", "job", "-o", saved := tmp_path / "out.ndjson") == (0, "", "")
    assert json.loads(saved.read_text())["status"] == "pending"


async def test_the_command_line_takes_a_workbook_from_standard_input(api: Served, bench: Bench, tmp_path: Path) -> None:
    book = tmp_path / "batch.xlsx"
    book.write_bytes(workbook({"s": [["url"], ["https://example.org/a"]]}))
    assert (await run(api, "start", book, "--job-id", "mine")).out == "mine\n"
    assert (await run(api, "start", "-", "--job-id", "mine", given="url\nhttps://example.org/a\n")).out == "mine\n"
    assert len(bench.events("mine")) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["start", "-", "--column", "file_path"], "--column wants OURS=YOURS"),
        (["start", "-", "--exclusions", "/nowhere"], "/nowhere: No such file"),
        (["results", "job", "--output", "x"], "--output goes with --format"),
        (["results", "never", "--format", "csv"], "not"),
        (["results", "job", "--format", "csv", "-o", "/nowhere/at/all"], "No such file"),
        (["results", "job", "--format", "pdf"], "invalid choice"),
        (["template", "--format", "ndjson"], "invalid choice"),
    ],
)
async def test_a_call_that_will_not_do_is_one_sentence(
    api: Served, bench: Bench, arguments: list[str], why: str
) -> None:
    bench.start()
    ended = await run(api, *arguments, given=CSV)
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err


async def test_exclusions_go_with_spreadsheets_only(api: Served, file: Path) -> None:
    ended = await run(api, "start", "-", "--exclusions", file, given='[{"file_path": "https://example.org/a"}]')
    assert ended.status == 2
    assert ended.err.startswith("--exclusions goes with CSV and XLSX, since a list is sent in a form; with JSON give")
