"""A batch from a spreadsheet, over HTTP: the same rules as for JSON, told by line and column."""

import asyncio
from typing import Any

import httpx2
import msgspec
import pytest

from actors.store import key
from protocol.document import no_guess
from protocol.requests import Document
from tests.jobs import Bench
from tests.served import Served, start_body
from tests.sheets import Link, Rows, with_file, workbook
from tests.test_batch import API_KEY, PASSWORD, START, everything_in

CSV = "title;link;shelf\nA;https://example.org/a.pdf;left\nB;https://example.org/b.pdf;right\n"
HUGE = b"<row r='1048576'><c r='XFD1048576' t='n'><v>1</v></c></row>"


async def send(api: Served, file: bytes | str, subject: str = "alice", **fields: Any) -> httpx2.Response:
    """A start by form."""
    files = {"file": ("documents", file), "config": (None, "{}")}
    files |= {name: value if isinstance(value, tuple) else (None, value) for name, value in fields.items()}
    async with api.client(subject) as client:
        return await client.post(START, files=files)


def documents(bench: Bench, job_id: str) -> list[Document]:
    stored = bench.redis.hgetall(key(job_id, "documents"))
    return [msgspec.json.decode(stored[str(row)], type=Document) for row in range(len(stored))]


def faults(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code in (400, 422), answer.text
    return {fault["path"]: fault["message"] for fault in answer.json()["errors"]}


async def test_a_csv_starts_a_batch_and_says_how_it_was_read(api: Served, bench: Bench) -> None:
    told = (await send(api, CSV.encode("cp1252"), job_id="mine", config='{"num_tags": 5}')).json()
    assert told == {
        "job_id": "mine",
        "total_documents": 2,
        "message": "Batch started with 2 documents",
        "read_as": "CSV in UTF-8 with semicolons",
    }
    first, second = documents(bench, "mine")
    assert (first.title, first.file_path, first.columns) == ("A", "https://example.org/a.pdf", {"shelf": "left"})
    assert second.file_source_type == "url"
    assert bench.facts("mine")["config"] == '{"num_tags":5}'


async def test_a_workbook_starts_a_batch_and_keeps_numbers_in_columns_of_the_callers_own(
    api: Served, bench: Bench
) -> None:
    rows: Rows = [["Name", "URL", "ID", "year", "ok"], [2024, "https://example.org/a", 7.0, 2024, True]]
    assert (await send(api, workbook({"s": rows}), job_id="mine")).status_code == 202
    [document] = documents(bench, "mine")
    assert (document.title, document.id, document.columns) == ("2024", "7", {"year": 2024, "ok": True})


async def test_a_workbook_of_links_starts_a_batch_of_what_they_lead_to(api: Served, bench: Bench) -> None:
    link, formula = Link("https://example.org/a.pdf", "click here"), '=HYPERLINK("https://example.org/b.pdf","PDF")'
    rows: Rows = [["Name", "Link", "page"], ["A", link, Link("https://example.org", "home")], ["", formula, ""]]
    assert (await send(api, workbook({"s": rows}), job_id="mine")).status_code == 202
    first, second = documents(bench, "mine")
    assert (first.title, first.file_path, first.columns) == ("A", "https://example.org/a.pdf", {"page": "home"})
    assert (second.title, second.file_path, second.file_source_type) == ("b.pdf", "https://example.org/b.pdf", "url")


async def test_a_source_type_in_a_cell_is_known_in_whatever_case(api: Served, bench: Bench) -> None:
    rows = "path,Type\na.pdf,Local\nhttps://x.org/b.pdf, URL\nc.pdf,UPLOAD\n"
    mapping = '{"file_source_type": "Type"}'
    assert (await send(api, rows, job_id="mine", column_mapping=mapping)).status_code == 202
    assert [str(each.file_source_type) for each in documents(bench, "mine")] == ["local", "url", "upload"]


async def test_the_same_as_form_and_as_json_is_the_same_batch(api: Served, bench: Bench) -> None:
    rows = [{"title": "A", "link": "https://example.org/a.pdf", "shelf": "left"}]
    rows += [{"title": "B", "link": "https://example.org/b.pdf", "shelf": "right"}]
    async with api.client() as client:
        await client.post(START, json={"documents": rows, "config": {}, "job_id": "mine"})
    assert [(await send(api, CSV, job_id="mine")).status_code for _ in range(2)] == [202, 202]
    assert (await send(api, CSV + "C;https://example.org/c.pdf;left\n", job_id="mine")).status_code == 409
    assert len(bench.events("mine")) == 1


async def test_a_column_mapping_names_the_columns(api: Served, bench: Bench) -> None:
    file = "where,what\nhttps://example.org/a,A\n"
    answer = await send(api, file, job_id="mine", column_mapping='{"file_path": "where", "title": "what"}')
    assert answer.status_code == 202
    assert documents(bench, "mine")[0].title == "A"


@pytest.mark.parametrize("header", ["password", "Pass Word", "PWD", "Passwort:"])
async def test_secrets_of_a_form_stand_nowhere_in_clear(api: Served, bench: Bench, header: str) -> None:
    file = f"url,{header}\nhttps://example.org/a,{PASSWORD}\n"
    config = msgspec.json.encode({"api_key": API_KEY, "model_name": "m/1"}).decode()
    assert (await send(api, file, config=config)).status_code == 202
    for place in (everything_in(bench.redis, 0), everything_in(bench.redis, 1), api.log.read_text()):
        assert API_KEY not in place
        assert PASSWORD not in place


async def test_faults_say_line_and_column(api: Served) -> None:
    file = "name,pdf link\nA,https://x.org/a\n\nB,\nC,nowhere\n" + "D" * 1_001 + ",https://x.org\n"
    answer = await send(api, file)
    assert faults(answer) == {
        "documents[1].file_path": "is missing (line 4, column “pdf link”)",
        "documents[2].file_source_type": f"{no_guess('nowhere')[1]} (line 5)",
        "documents[3].title": "wants at most 1,000 characters (line 6, column “name”)",
    }


async def test_faults_of_a_workbook_say_the_row(api: Served) -> None:
    answer = await send(api, workbook({"s": [[], ["url"], ["https://x.org"], ["x" * 5_000]]}))
    assert faults(answer) == {"documents[1].file_path": "wants at most 4,096 characters (row 4, column “url”)"}
    answer = await send(api, workbook({"s": [["url"], ["https://x.org"], [Link("mailto:a@x.org", "mail")]]}))
    assert faults(answer) == {"documents[1].file_source_type": f"{no_guess('mail')[1]} (row 3)"}


@pytest.mark.parametrize("file", [{}, {"file": (None, b"")}, {"file": ("", b"")}])
async def test_a_form_without_a_file_says_what_it_wants(api: Served, file: dict[str, Any]) -> None:
    async with api.client() as client:
        answer = await client.post(START, files={"config": (None, "{}"), **file})
    assert faults(answer) == {"file": "is missing: a CSV file or an XLSX workbook"}


@pytest.mark.parametrize(
    ("file", "fields", "path", "message"),
    [
        (b"", {}, "file", "is empty"),
        (b"title,note\nA,b\n", {}, "file", "has no column for file_path"),
        (
            b"url;x\n",
            {},
            "file",
            "no rows below its header (its columns are “url”, “x”, read as CSV in UTF-8 with semi",
        ),
        (b"https://x.org/a?key=secret\n", {}, "file", "has no header: its first line names a document already"),
        (b"\n<html><table><tr><td>url</td></tr></table>", {}, "file", "is HTML, XML, RTF or JSON"),
        (b'[{"file_path": "https://x.org/a"}]', {}, "file", "is HTML, XML, RTF or JSON"),
        (b"url\n" + b"https://x.org\n" * 10_001, {}, "file", "has more than 10,000 rows"),
        (b"url,url\nx,y\n", {}, "file", "has two columns called “url”"),
        (b"\xd0\xcf\x11\xe0", {}, "file", "an old workbook"),
        (CSV, {"config": ""}, "config", "is missing"),
        (CSV, {"config": "{"}, "config", "it is not JSON"),
        (CSV, {"config": "[]"}, "config", "it is not a JSON object"),
        (CSV, {"config": '{"num_tags": 99}'}, "config.num_tags", "wants a whole number from 3 to 15"),
        (CSV, {"job_id": "a b"}, "job_id", "wants 1 to 128"),
        (CSV, {"column_mapping": '{"x": "y"}'}, "column_mapping.x", "neither side is one of"),
        (b"url,link\nx,y\n", {}, "file", "may be in any of the columns “url”, “link”; say in column_mapping.file_path"),
        (
            b"https://x.org/a,pw\nhttps://x.org/b,\n",
            {},
            "file",
            "has no header: its first line names a document already",
        ),
        (b"A.PDF;pw\nb.pdf;\n", {"column_mapping": '{"file_path": "where"}'}, "file", "has no header"),
        (b'file_path;title\na.pdf;A\nb.pdf;"B\nc.pdf;C\n', {}, "file", "the quote that opens in line 3 is not closed"),
        (CSV, {"weather": "fine"}, "weather", "is no field of this form"),
        (CSV, {"documents": "[]"}, "documents", "is no field of this form"),
    ],
)
async def test_a_form_that_will_not_do_names_the_field(
    api: Served, file: bytes, fields: dict[str, str], path: str, message: str
) -> None:
    assert message in faults(await send(api, file, **fields))[path]


async def test_a_file_without_the_columns_that_are_wanted_is_told_which_it_has(api: Served) -> None:
    read = "its columns are “title~path”, “note, or so”, read as CSV in UTF-8 with semicolons"
    wanted = "call one file_path, path, link or url, or name it in column_mapping"
    file = "title~path;note, or so\nA~b;c\n"
    assert faults(await send(api, file)) == {"file": f"has no column for file_path ({read}): {wanted}"}
    mapping = '{"file_path": "Path", "title": "Title", "id": "note, or so"}'
    missing = "names a column that the file does not have; it has: “title~path”, “note, or so”"
    assert faults(await send(api, file, column_mapping=mapping)) == {
        "column_mapping.file_path": missing,
        "column_mapping.title": missing,
    }
    assert faults(await send(api, CSV, column_mapping='{"title": "y"}')) == {
        "column_mapping.title": "names a column that the file does not have; it has: “title”, “link”, “shelf”"
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nurl\n",
        b'--x\r\nContent-Disposition: form-data; name="config"\r\n\r\n{}\r\n' * 30 + b"--x--\r\n",
        b"--x\r\n" + b"A" * 100_000 + b"\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nurl\r\n--x--\r\n",
        b"--x\r\nContent-Type: text/csv\r\n\r\nurl\r\n--x--\r\n",
    ],
)
async def test_a_hostile_form_is_the_clients_fault(api: Served, body: bytes) -> None:
    async with api.client() as client:
        answer = await client.post(START, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["message"]


async def test_nobody_starts_by_form_without_a_token_and_nobody_sends_more_than_16_mib(api: Served) -> None:
    async with httpx2.AsyncClient(base_url=api.url) as client:
        assert (await client.post(START, files={"file": b"x" * 1_000_000})).status_code == 401
    assert (await send(api, b"x" * 2**24)).status_code == 413


def sheet(content: bytes) -> bytes:
    """A workbook whose sheet holds this XML."""
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    whole = b'<%s xmlns="%s"><sheetData>%s</sheetData></%s>' % (b"worksheet", space, content, b"worksheet")
    return with_file(workbook({"s": [["url"]]}), {"xl/worksheets/sheet1.xml": whole})


BILLION_LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(9)
)


@pytest.mark.parametrize(
    "file",
    [
        sheet(b"<row r='1'><c r='A1' t='str'><v>url</v></c></row>" + HUGE),
        with_file(
            workbook({"s": [["url"]]}), {"xl/sharedStrings.xml": BILLION_LAUGHS + b"<sst><si><t>&j;</t></si></sst>"}
        ),
        with_file(workbook({"s": [["url"], ["x"]]}), {"xl/worksheets/sheet1.xml": b" " * 250_000_000}),
        sheet(b"<row r='1'><c r='A1' t='str'><v>" + b"x" * 200_000_000 + b"</v></c></row>"),
        workbook({f"sheet {number}": [["a"], ["b"]] for number in range(1_000)}),
    ],
    ids=["far cell", "entities", "blank", "long cell", "sheets"],
)
async def test_a_hostile_workbook_harms_nobody(api: Served, bench: Bench, file: bytes) -> None:
    assert len(file) < 2**22
    assert "file" in faults(await send(api, file))
    assert (await send(api, CSV)).status_code == 202


async def test_the_api_answers_others_while_large_files_are_read(api: Served, bench: Bench) -> None:
    rows: Rows = [["url", *(f"c{place}" for place in range(19))]]
    rows = [
        *rows,
        *([f"https://example.org/{row}", *(f"value {row} {place}" for place in range(19))] for row in range(10_000)),
    ]
    file = workbook({"s": rows})
    async with api.client() as client, asyncio.TaskGroup() as tasks:
        starts = [tasks.create_task(send(api, file)) for _ in range(3)]
        asked = 0
        while not all(start.done() for start in starts):
            assert (await client.get("/api/health")).status_code == 200
            asked += 1
    assert [start.result().status_code for start in starts] == [202] * 3
    assert asked > 0


async def test_json_starts_as_before_and_says_nothing_of_a_file(api: Served) -> None:
    async with api.client() as client:
        assert "read_as" not in (await client.post(START, json=start_body())).json()
