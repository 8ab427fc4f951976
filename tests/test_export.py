"""All rows of a job as a file: what people open in a spreadsheet, and programs read line by line."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from actors.records import Claim, JobMissing
from actors.store import key
from api.children import Children
from api.export import TYPES, workbook
from api.problems import Problem
from protocol.messages import Evidence, Row
from protocol.requests import Document
from protocol.words import ErrorType, SourceType
from tests.jobs import Bench, success, waiting
from tests.served import LIMIT_S, Served, play
from tests.sheets import cells_of
from tests.test_results import every_third_fails, get

OWN: dict[str, Any] = {"shelf": "left", "=sum": "=1+1", "year": 2024, "ok": True, "none": None, "list": [1, "é"]}


def document(row: int, **known: Any) -> Document:
    path = f"https://example.org/{row}.pdf"
    return Document(**{"title": f"Title {row}", "file_path": path, "file_source_type": SourceType.URL} | known)


def start(bench: Bench, *documents: Document) -> None:
    bench.start(documents=list(documents))


async def table(api: Served, query: str = "format=csv") -> list[dict[str, str]]:
    answer = await get(api, f"job/results?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), strict=True))


async def test_a_csv_repeats_the_callers_columns_and_adds_what_became_of_each_row(api: Served, bench: Bench) -> None:
    start(bench, document(0, id="A-1", description="a, b", columns=OWN), document(1, columns={"shelf": "right"}))
    told = {"page_count": 7, "extraction_method": "pypdf", "is_scanned": False, "processing_time": 0.25}

    def end(claim: Claim) -> Row:
        evidence = [Evidence(tag="tax", page=2, quote="Taxes are due.")]
        known: dict[str, Any] = {
            "evidence": evidence,
            "retry_count": claim.attempt,
            "model_name": claim.model_name,
            "metadata": told,
        }
        return Row.success(claim.row_id, claim.document.title, tags=["annual-report", "tax"], **known)

    play(bench, "job", 1, end)
    play(bench, "job", 1, lambda _claim: Row.failed(1, "Title 1", error="No.", error_type=ErrorType.SOURCE))
    first, second = await table(api)
    assert first == {
        "row_number": "1", "id": "A-1", "title": "Title 0", "file_path": "https://example.org/0.pdf",
        "file_source_type": "url", "description": "a, b", "shelf": "left", "=sum": "=1+1", "year": "2024",
        "ok": "TRUE", "none": "", "list": '[1, "é"]', "status": "success", "tags": "annual-report, tax",
        "evidence": "tax (page 2): Taxes are due.", "error": "", "error_type": "", "error_code": "",
        "attempts": "1", "model_name": "local/keywords", "page_count": "7",
        "pages_read": "", "extraction_method": "pypdf", "is_scanned": "FALSE", "ocr_confidence": "", "language": "",
        "degraded": "", "processing_time": "0.25", "prompt_tokens": "", "completion_tokens": "",
    }  # fmt: skip
    assert (second["shelf"], second["year"], second["tags"]) == ("right", "", "")
    assert (second["status"], second["error"], second["error_type"]) == ("failed", "No.", "source")


async def test_a_row_that_has_not_ended_is_there_with_its_state(api: Served, bench: Bench) -> None:
    addresses = bench.start(rows=6)
    claims = [bench.claim(address) for address in addresses[:3]]
    bench.store.finish(claims[0], success(claims[0]))
    bench.store.retrying(claims[1], waiting(claims[1]), delay_ms=60_000, counts=True)
    rows = await table(api)
    assert [row["status"] for row in rows] == ["success", "pending", "processing", "pending", "pending", "pending"]
    assert (rows[1]["error"], rows[1]["attempts"], rows[2]["attempts"]) == ("try again", "1", "1")
    assert [row["title"] for row in rows] == [f"Title {row}" for row in range(6)]


@pytest.mark.parametrize("form", TYPES)
async def test_a_password_is_in_no_export(api: Served, bench: Bench, form: str) -> None:
    start(bench, document(0, password="sealed-text-of-a-password"))
    answer = await get(api, f"job/results?format={form}")
    assert b"sealed-text" not in answer.content
    assert b"password" not in answer.content


async def test_a_line_of_ndjson_says_all_that_is_known(api: Served, bench: Bench) -> None:
    start(bench, document(0, id="A-1", columns=OWN), document(1))
    play(bench, "job", 1)
    answer = await get(api, "job/results?format=ndjson")
    first, second = map(msgspec.json.decode, answer.content.splitlines())
    assert first == {
        "row_id": 0, "row_number": 1, "title": "Title 0", "file_path": "https://example.org/0.pdf", "id": "A-1",
        "file_source_type": "url", "status": "success", "tags": ["tag"], "retry_count": 1, "columns": OWN,
    }  # fmt: skip
    assert (second["status"], second["columns"]) == ("pending", {})


async def test_a_workbook_holds_text_and_numbers_and_no_formula(api: Served, bench: Bench) -> None:
    own = {**OWN, "long": "x" * 32_767, "odd": "a\x0bb", "big": 2**60}
    start(bench, document(0, title="=cmd()", columns=own), document(1))
    play(bench, "job", 1, every_third_fails)
    answer = await get(api, "job/results?format=xlsx")
    header, first, second = cells_of(answer.content)
    known = dict(zip(header, first, strict=True))
    assert (known["title"], known["=sum"], known["year"], known["ok"]) == ("=cmd()", "=1+1", 2024, True)
    assert (known["list"], len(known["long"]), known["big"]) == ('[1, "é"]', 32_767, str(2**60))
    assert (known["status"], known["error"], known["row_number"]) == ("failed", "no", 1)
    assert dict(zip(header, second, strict=True))["status"] == "pending"
    assert b"<f>" not in answer.content


@pytest.mark.parametrize("word", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
async def test_what_a_model_wrote_begins_no_formula_and_what_the_caller_gave_comes_back(
    api: Served, bench: Bench, word: str
) -> None:
    start(bench, document(0, columns={"mine": word}))
    play(bench, "job", 1, lambda _claim: Row.success(0, "x", tags=[word], model_name=word))
    [row] = await table(api)
    assert (row["tags"], row["model_name"], row["mine"]) == (f"'{word}", f"'{word}", word)


async def test_names_of_ours_that_the_caller_has_taken_get_a_prefix(api: Served, bench: Bench) -> None:
    start(bench, document(0, columns={"status": "mine", "tagstream_status": "too", "title": "own"}))
    [row] = await table(api)
    assert (row["status"], row["tagstream_status"], row["tagstream_tagstream_status"]) == ("mine", "too", "pending")
    assert (row["title"], row["tagstream_title"]) == ("own", "Title 0")


async def test_an_export_can_be_started_again_as_it_is(api: Served, bench: Bench) -> None:
    start(bench, document(0, id="7", columns={"shelf": "left"}))
    play(bench, "job")
    for form in ("csv", "xlsx"):
        content = (await get(api, f"job/results?format={form}")).content
        async with api.client() as client:
            files: dict[str, Any] = {"file": ("x", content), "config": (None, "{}"), "job_id": (None, form)}
            assert (await client.post("/api/batch/start", files=files)).status_code == 202
        again: Any = msgspec.json.decode(bench.redis.hget(key(form, "documents"), "0"))
        assert (again["title"], again["id"], again["columns"]["shelf"]) == ("Title 0", "7", "left")
        assert again["columns"]["tags"] == "tag"


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "text/csv", "text/csv; charset=utf-8"),
        ("", "application/x-ndjson", "application/x-ndjson; charset=utf-8"),
        ("", "application/ndjson", "application/x-ndjson; charset=utf-8"),
        ("", TYPES["xlsx"], TYPES["xlsx"]),
        ("", "*/*", "application/json"),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("", "image/png", "application/json"),
        ("", "text/csv;q=0.5, application/json", "application/json"),
        ("?format=csv", "application/json", "text/csv; charset=utf-8"),
        ("?format=json", "text/csv", "application/json"),
    ],
)
async def test_the_form_is_what_the_query_says_else_the_accept_header(
    api: Served, bench: Bench, query: str, accept: str, kind: str
) -> None:
    bench.start()
    async with api.client() as client:
        answer = await client.get(f"/api/batch/jobs/job/results{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    if kind != "application/json":
        assert answer.headers["content-disposition"].startswith('attachment; filename="job.')


async def test_only_rows_of_a_status_where_that_is_asked_for(api: Served, bench: Bench) -> None:
    bench.start(rows=1_000)
    play(bench, "job", 500, every_third_fails)
    failed = await table(api, "format=csv&status=failed")
    assert [row["row_number"] for row in failed] == [str(row + 1) for row in range(0, 500, 3)]
    assert len(await table(api)) == 1_000


@pytest.mark.parametrize(
    ("query", "name"),
    [("format=pdf", "format"), ("format=csv&limit=5", "limit"), ("format=csv&after=5", "after"), ("format=", "format")],
)
async def test_odd_queries_name_the_parameter(api: Served, bench: Bench, query: str, name: str) -> None:
    bench.start()
    answer = await get(api, f"job/results?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, name)


async def test_too_many_columns_for_a_table_are_a_reason_to_take_ndjson(api: Served, bench: Bench) -> None:
    start(bench, *(document(row, columns={f"c{row}-{place}": 1 for place in range(90)}) for row in range(12)))
    answer = await get(api, "job/results?format=csv")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "format")
    assert len((await get(api, "job/results?format=ndjson")).content.splitlines()) == 12


@pytest.mark.parametrize("form", TYPES)
async def test_a_foreign_job_and_one_that_never_was_answer_alike(api: Served, bench: Bench, form: str) -> None:
    bench.start()
    answers = [await get(api, f"{job}/results?format={form}", "bob") for job in ("job", "never", "a%7Db")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("what", ["delete", "retry"])
async def test_a_job_that_goes_under_an_export_breaks_it_off(api: Served, bench: Bench, form: str, what: str) -> None:
    start(bench, *(document(row, columns={"x": "x" * 32_000}) for row in range(400)))
    bench.store.cancel("job", "alice")
    async with api.client() as client, client.stream("GET", f"/api/batch/jobs/job/results?format={form}") as answer:
        assert answer.status_code == 200
        lines = answer.aiter_bytes(1_000)
        await anext(lines)
        async with api.client() as other:
            call = other.delete if what == "delete" else other.post
            path = "/api/batch/jobs/job" + ("" if what == "delete" else "/retry")
            assert (await call(path)).status_code in (202, 204)
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            async for _ in lines:
                pass


async def test_who_does_not_read_an_export_harms_nobody(api: Served, bench: Bench) -> None:
    start(bench, *(document(row, columns={"x": "x" * 32_000}) for row in range(400)))
    request = (
        f"GET /api/batch/jobs/job/results?format=csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token()}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", api.settings.port, limit=1)
    writer.write(request.encode())
    async with asyncio.timeout(LIMIT_S):
        rows = await table(api)
    assert len(rows) == 400
    writer.transport.abort()


async def test_the_head_of_an_export_has_no_body(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.client() as client:
        answer = await client.head("/api/batch/jobs/job/results?format=csv")
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await client.head("/api/batch/jobs/never/results?format=csv")).status_code == 404


async def made(*lines: bytes, fault: Exception | None = None) -> bytes:
    """A workbook of these lines, behind which `fault` comes."""

    async def given() -> AsyncGenerator[bytes, None]:
        for line in lines:
            yield line
        if fault is not None:
            raise fault

    with await workbook(Children(), given()) as file:
        return file.read()


async def test_a_workbook_is_whole_or_not_made_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cells_of(await made(b'["a", "b"]\n', b'[1, null]\n[true, "=x"]\n')) == [["a", "b"], [1, ""], [True, "=x"]]
    with pytest.raises(JobMissing):
        await made(b'["a"]\n', fault=JobMissing("job"))
    with pytest.raises(Problem) as problem:
        await made(b"no JSON\n")
    assert problem.value.status == 503
    assert list(tmp_path.iterdir()) == []
