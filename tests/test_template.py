"""The spreadsheet to fill in."""

import csv
import io

import httpx2
import pytest

from api.exported import BOM
from protocol.columns import ALIASES, FIELDS
from tests.jobs import Bench
from tests.served import Served
from tests.sheets import cells_of

TEMPLATE = "/api/batch/template"


async def test_the_template_tells_every_column_that_is_understood(api: Served) -> None:
    async with api.client() as client:
        told = (await client.get(TEMPLATE)).json()
    assert set(told["columns"]) == set(FIELDS)
    assert [field["name"] for field in told["fields"]] == told["columns"]
    assert [field["name"] for field in told["fields"] if field["required"]] == ["file_path"]
    assert {field["name"]: tuple(field["aliases"]) for field in told["fields"] if field["aliases"]} == ALIASES
    rows = list(csv.DictReader(io.StringIO(told["template"])))
    assert list(rows[0]) == told["columns"]
    assert all(row["file_path"] for row in rows)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_the_template_is_a_file_that_can_be_started(api: Served, bench: Bench, form: str) -> None:
    async with api.client() as client:
        file = await client.get(f"{TEMPLATE}?format={form}")
        assert file.headers["content-disposition"] == f'attachment; filename="template.{form}"'
        started = await client.post(
            "/api/batch/start", files={"file": ("x", file.content), "config": (None, "{}"), "job_id": (None, "j")}
        )
        plain = (await client.get(TEMPLATE)).json()["template"]
    assert started.status_code == 202
    assert bench.facts("j")["total"] == "2"
    lines = list(csv.reader(io.StringIO(plain)))
    assert lines == (cells_of(file.content) if form == "xlsx" else lines)
    assert form == "xlsx" or file.text == BOM + plain


async def test_other_forms_and_strangers_are_refused(api: Served) -> None:
    async with api.client() as client, httpx2.AsyncClient(base_url=api.url) as stranger:
        assert (await client.get(f"{TEMPLATE}?format=ods")).status_code == 422
        assert (await stranger.get(TEMPLATE)).status_code == 401
