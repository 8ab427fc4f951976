"""Every PDF of the shared samples ends as `expected.json` says, read as in production: by a pool of children."""

import json
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.blob import Blob
from actors.errors import DocumentRefused
from actors.extract import Extraction
from actors.sandbox import Sandbox
from tests.needs import lacking

SHARED = Path(__file__).parents[2] / "shared/data/pdfs"
SAMPLES: list[dict[str, Any]] = (
    json.loads((SHARED / "expected.json").read_text())["files"] if (SHARED / "expected.json").exists() else []
)
SCANS = {"scan_english.pdf", "scan_hindi.pdf", "mixed_text_then_scan.pdf"}
"""These want Tesseract."""
PAGES = 3


@pytest.fixture(scope="module")
def pool() -> Iterator[Sandbox]:
    if not SAMPLES:
        pytest.skip("the shared PDF samples are not on this machine")
    sandbox = Sandbox(processes=2, memory_mb=512, timeout_s=60)
    sandbox.start()
    yield sandbox
    sandbox.close()


def read(pool: Sandbox, sample: dict[str, Any], password: str | None = None) -> Extraction:
    path = SHARED / sample["file"]
    with Blob(path.open("rb"), path.stat().st_size) as blob:
        return pool.extract(blob, PAGES, password)


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def assert_right(extraction: Extraction, sample: dict[str, Any]) -> None:
    assert [phrase for phrase in sample["phrases"] if plain(phrase) not in plain(extraction.text)] == []
    assert sample["page_count"] in (None, extraction.page_count)
    assert sample["is_scanned"] in (None, extraction.metadata["is_scanned"])
    assert extraction.metadata.get("language") == sample.get("language", extraction.metadata.get("language"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["file"]))
def test_each_sample_ends_as_expected(sample: dict[str, Any], pool: Sandbox) -> None:
    if sample["file"] in SCANS and shutil.which("tesseract") is None:
        raise lacking("there is no Tesseract to read scans")
    right = {word.replace("_", "-") for word in [sample["error"] or "ok", *sample["accept"]]}
    ended = "ok"
    try:
        assert_right(read(pool, sample), sample)
    except DocumentRefused as error:
        ended = str(error.code)
    assert ended in right


@pytest.mark.parametrize("sample", [each for each in SAMPLES if each["password"]], ids=lambda each: str(each["file"]))
def test_a_sample_with_a_password_opens_with_it(sample: dict[str, Any], pool: Sandbox) -> None:
    assert_right(read(pool, sample, sample["password"]), sample)


@pytest.mark.skipif(not SAMPLES, reason="the shared PDF samples are not on this machine")
def test_no_sample_is_left_out() -> None:
    assert {path.name for path in SHARED.glob("*.pdf")} == {sample["file"] for sample in SAMPLES}
    assert {sample["file"] for sample in SAMPLES if sample["is_scanned"] is not False} == SCANS
