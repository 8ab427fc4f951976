"""pypdf reads text layers within its limits, and all that it throws becomes a reason."""

import contextvars
import threading
import zlib
from functools import partial

import pytest
from fpdf import FPDF

from actors.errors import DocumentRefused
from actors.legible import TEXT_MAX_CHARS
from actors.textlayer import read_layer
from bench.documents import PASSWORD, text_pdf
from protocol.words import ErrorCode
from tests.pdfs import LABYRINTH, page_with, pdf, refusal, two_pages


def codes(data: bytes, num_pages: int = 3) -> list[ErrorCode | None]:
    """Why each page could not be read; None: it was."""
    pages = read_layer(data, num_pages).pages
    return [page.code if isinstance(page, DocumentRefused) else None for page in pages]


refused = partial(refusal, read_layer)


def test_only_the_pages_asked_for_are_read() -> None:
    layer = read_layer(text_pdf(1, pages=5), 2)
    assert (len(layer.pages), layer.page_count) == (2, 5)


def test_an_encrypted_document_opens_with_its_passwords_only() -> None:
    paper = FPDF()
    paper.set_encryption(owner_password="owner", user_password=PASSWORD)
    paper.add_page()
    paper.set_font("Helvetica")
    paper.cell(text="Low tide")
    data = bytes(paper.output())
    for right in (PASSWORD, "owner"):
        assert read_layer(data, 1, right).pages == ["Low tide"]
    for wrong in (None, "wrong", "пароль"):
        assert refused(data, wrong).code is ErrorCode.ENCRYPTED


@pytest.mark.parametrize("data", [b"%PDF-1.7", text_pdf(1)[:500]])
def test_what_cannot_be_opened_is_corrupt(data: bytes) -> None:
    assert refused(data).code is ErrorCode.CORRUPT


def test_a_page_tree_that_bites_its_tail_ends() -> None:
    data = pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>")
    assert refused(data).code in (ErrorCode.CORRUPT, ErrorCode.TOO_COMPLEX)


def test_a_broken_page_does_not_spoil_the_others() -> None:
    data = two_pages(b"not known", b"BT /F 12 Tf (still here) Tj ET", filtered="/Filter/NoSuchFilter")
    assert codes(data) == [ErrorCode.CORRUPT, None]


def test_a_stream_that_inflates_without_measure_is_too_complex() -> None:
    content = zlib.compress(b"BT /F 12 Tf (a) Tj ET " * 2_000_000)
    assert codes(page_with(content, filtered="/Filter/FlateDecode")) == [ErrorCode.TOO_COMPLEX]


def test_behind_a_page_that_is_too_heavy_no_other_is_tried() -> None:
    content = zlib.compress(b"BT /F 12 Tf (a) Tj " + b"1 0 Td " * 400_000 + b"ET")
    data = two_pages(content, b"BT /F 12 Tf (not reached) Tj ET", filtered="/Filter/FlateDecode")
    assert codes(data) == [ErrorCode.TOO_COMPLEX] * 2


def test_pages_end_where_there_is_text_enough() -> None:
    page = b"BT /F 12 Tf (" + b"long " * (TEXT_MAX_CHARS // 5) + b") Tj ET"
    assert len(read_layer(two_pages(page, b"BT /F 12 Tf (not reached) Tj ET"), 3).pages) == 1


def test_the_limits_hold_in_a_thread_that_knows_nothing_of_them() -> None:
    ended: list[list[ErrorCode | None]] = []
    thread = threading.Thread(target=contextvars.Context().run, args=(lambda: ended.append(codes(LABYRINTH)),))
    thread.start()
    thread.join(60)
    assert ended == [[ErrorCode.TOO_COMPLEX]]
