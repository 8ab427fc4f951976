"""A spreadsheet goes in and comes back with its tags: the API, a worker and Redis as they run."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.documents import text_pdf
from tests.jobs import Bench, check_invariants
from tests.processes import ended, process, until
from tests.served import Served
from tests.sheets import cells_of, workbook
from tests.test_results import get
from tests.test_wordlist import list_pdf

ROWS = 6
HEADER = ["Name", "path", "file_source_type", "shelf", "year"]


def sheet() -> list[list[str | int]]:
    """Six documents; the last one is not there."""
    return [[f"Títle {row}", f"{row}.pdf", "local", f"-shelf{row}", 2020 + row] for row in range(ROWS)]


def as_csv(encoding: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([HEADER, *sheet()])
    return text.getvalue().encode(encoding)


@pytest.mark.parametrize(
    ("file", "read_as"),
    [
        (as_csv("utf-8-sig"), "CSV in UTF-8 with semicolons"),
        (as_csv("cp1252"), "CSV in windows-1252 (a guess) with semicolons"),
        (as_csv("utf-16"), "CSV in UTF-16 with semicolons"),
        (workbook({"Notes": [["a note"]], "Documents": [HEADER, *sheet()]}), "sheet “Documents” of a workbook"),
    ],
    ids=["utf-8", "windows-1252", "utf-16", "xlsx"],
)
async def test_a_spreadsheet_comes_back_with_its_tags(
    api: Served, bench: Bench, tmp_path: Path, file: bytes, read_as: str
) -> None:
    for number in range(ROWS - 1):
        (tmp_path / f"{number}.pdf").write_bytes(text_pdf(number, pages=1))
    files: dict[str, Any] = {"file": ("x", file), "config": (None, '{"num_tags": 3}'), "job_id": (None, "job")}
    async with api.client() as client:
        told = (await client.post("/api/batch/start", files=files)).json()
        assert told["read_as"] == read_as
        with process(replace(api.settings, local_root=tmp_path, worker_threads=2, extract_processes=1), "actors"):
            await until(bench, ended)
        first_tags = cells_of((await client.get("/api/batch/jobs/job/results?format=xlsx")).content)[1]
    text = (await get(api, "job/results?format=csv")).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["title"] for row in rows] == [f"Títle {row}" for row in range(ROWS)]
    assert [(row["shelf"], row["year"]) for row in rows] == [(f"-shelf{row}", f"{2020 + row}") for row in range(ROWS)]
    assert [row["status"] for row in rows] == ["success"] * 5 + ["failed"]
    assert rows[0]["tags"] in first_tags
    assert rows[0]["tags"].count(", ") == 2
    assert (rows[5]["error_type"], rows[5]["error_code"]) == ("source", "not-found")
    check_invariants(bench)


async def test_a_list_of_the_first_tags_keeps_them_out_of_the_second_batch(
    api: Served, bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "0.pdf").write_bytes(text_pdf(0, pages=1))
    files: dict[str, Any] = {
        "file": ("x", b"path,file_source_type\n0.pdf,local\n"),
        "config": (None, '{"num_tags": 3}'),
    }
    tags: list[list[str]] = []
    with process(replace(api.settings, local_root=tmp_path, worker_threads=2, extract_processes=1), "actors"):
        async with api.client() as client:
            for job_id in ("first", "second"):
                words: dict[str, Any] = {"exclusion_file": ("words.pdf", list_pdf(*tags[0]))} if tags else {}
                await client.post("/api/batch/start", files=files | {"job_id": (None, job_id)} | words)
                await until(bench, ended, job_id)
                tags.append((await client.get(f"/api/batch/jobs/{job_id}/results")).json()["results"][0]["tags"])
    assert len(tags[0]) == len(tags[1]) == 3
    assert not {*tags[0]} & {*tags[1]}
