"""The documents that bench and demo are made of are real, varied and always the same."""

from pathlib import Path

import pytest

from actors.errors import DocumentRefused
from actors.extract import read_pdf
from bench.documents import SUBJECTS, Row, demo_documents, text_pdf
from protocol.words import ErrorCode


def test_a_seed_makes_one_document_and_another_seed_another() -> None:
    assert text_pdf(1) == text_pdf(1)
    assert len({text_pdf(seed) for seed in range(10)}) == 10


@pytest.mark.parametrize("pages", [1, 3, 8, 3 * len(SUBJECTS) + 1])
def test_a_document_has_the_pages_asked_for_full_of_text(pages: int) -> None:
    for seed in range(5):
        extraction = read_pdf(text_pdf(seed, pages), 10)
        assert extraction.page_count == pages
        assert len(extraction.text) > 1_500 * min(pages, 10)


def test_all_rows_of_the_demo_can_be_tagged_but_the_last_two(tmp_path: Path) -> None:
    *good, damaged, missing = demo_documents(tmp_path)
    assert len(good) >= 12
    for row in good:
        assert len(read_pdf(data(tmp_path, row), 3, row.get("password")).text) > 300
    with pytest.raises(DocumentRefused) as caught:
        read_pdf(data(tmp_path, damaged), 3)
    assert caught.value.code is ErrorCode.CORRUPT
    assert not (tmp_path / missing["file_path"]).exists()


def test_the_demo_shows_many_kinds(tmp_path: Path) -> None:
    rows = demo_documents(tmp_path)
    assert {row["file_source_type"] for row in rows} == {"local"}
    assert len({row["title"] for row in rows}) == len(rows)
    pages = {read_pdf(data(tmp_path, row), 1, row.get("password")).page_count for row in rows[:-2]}
    assert {1, 4, 60} <= pages
    (locked,) = [row for row in rows if "password" in row]
    with pytest.raises(DocumentRefused) as caught:
        read_pdf(data(tmp_path, locked), 1)
    assert caught.value.code is ErrorCode.ENCRYPTED


def data(folder: Path, row: Row) -> bytes:
    return (folder / row["file_path"]).read_bytes()


def test_where_scans_can_be_read_one_is_shown(tmp_path: Path) -> None:
    rows = demo_documents(tmp_path, scans=True)
    (scan,) = [row for row in rows if row not in demo_documents(tmp_path)]
    with pytest.raises(DocumentRefused) as caught:
        read_pdf(data(tmp_path, scan), 1)
    assert caught.value.code is ErrorCode.OCR_UNAVAILABLE
    assert rows.index(scan) == len(rows) - 3
