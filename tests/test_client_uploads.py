"""The client and the command line send files, and ask whether documents can be had."""

import json
from pathlib import Path

import pytest

from bench.documents import text_pdf
from protocol.client import Client, RequestRefused
from tests.hosts import host, says
from tests.jobs import Bench
from tests.served import Served
from tests.test_command_line import run
from tests.uploading import counted, kept


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.pdf", "b c.pdf"):
        (tmp_path / name).write_bytes(text_pdf(1, pages=1))
    (tmp_path / "page.html").write_bytes(b"<html>")
    return tmp_path


async def test_what_the_client_uploads_it_can_start(api: Served, bench: Bench, folder: Path) -> None:
    async with Client(api.url, api.token()) as client:
        uploads = await client.upload([folder / "a.pdf", str(folder / "b c.pdf")])
        assert [(each.file_name, each.size) for each in uploads] == [
            (name, (folder / name).stat().st_size) for name in ("a.pdf", "b c.pdf")
        ]
        job_id = await client.start([each.document for each in uploads], {})
    assert bench.redis.scard(f"job:{{{job_id}}}:uploads") == 2


async def test_files_that_are_no_pdfs_are_named(api: Served, bench: Bench, folder: Path) -> None:
    async with Client(api.url, api.token()) as client:
        with pytest.raises(RequestRefused) as refused:
            await client.upload([folder / "a.pdf", folder / "page.html"])
    assert refused.value.status == 422
    assert [fault.path for fault in refused.value.problem.errors] == ["files[1]"]
    assert kept(bench) == []


async def test_the_client_is_told_of_each_path(api: Served) -> None:
    async with host(says()) as private, Client(api.url, api.token()) as client:
        told = await client.validate_paths([{"path": private.url()}, {"path": "a.pdf", "type": "local"}])
    assert (told.total, told.valid_count) == (2, 0)
    assert [each.error_code for each in told.results] == ["address-refused", "forbidden"]


async def test_the_command_line_prints_what_names_each_file(api: Served, bench: Bench, folder: Path) -> None:
    plain = await run(api, "upload", folder / "a.pdf", folder / "b c.pdf")
    assert plain.status == 0
    first, second = plain.out.splitlines()
    assert (first.partition("/")[2], second.partition("/")[2]) == ("a.pdf", "b%20c.pdf")
    as_json = await run(api, "upload", folder / "a.pdf", "--json")
    assert json.loads(as_json.out)["size"] == (folder / "a.pdf").stat().st_size
    assert len(kept(bench)) == 3
    assert counted(bench) > 0


async def test_the_command_line_says_what_is_wrong_with_a_file(api: Served, folder: Path) -> None:
    refused = await run(api, "upload", folder / "page.html")
    assert (refused.status, refused.out) == (2, "")
    assert "files[0]: does not begin like a PDF (“page.html”)" in refused.err
    missing = await run(api, "upload", folder / "none.pdf")
    assert (missing.status, "No such file" in missing.err) == (2, True)
