"""What is read out of PDFs, and how each that cannot be read is told apart."""

from functools import partial

import pytest
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import DocumentRefused
from actors.extract import HEADER_WITHIN_BYTES, Extraction, read_pdf
from actors.textlayer import Layer, read_layer
from bench.documents import PASSWORD, text_pdf
from protocol.words import ErrorCode
from tests.pdfs import FORM, IMAGE, LABYRINTH, page_with, refusal, two_pages

refused = partial(refusal, read_pdf)


def test_the_text_of_the_first_pages_is_read() -> None:
    extraction = read_pdf(text_pdf(1, pages=5), 2)
    assert "part 2" in extraction.text
    assert "part 3" not in extraction.text
    assert (extraction.page_count, extraction.pages_read) == (5, 2)
    assert extraction.metadata == {
        "extraction_method": "pypdf",
        "is_scanned": False,
        "page_count": 5,
        "pages_read": 2,
        "text_length": sum(map(len, extraction.pages)),
        "language": "en",
    }


def test_a_document_with_fewer_pages_than_asked_for_is_read_whole() -> None:
    extraction = read_pdf(text_pdf(1, pages=1), 10)
    assert (extraction.page_count, extraction.pages_read) == (1, 1)


@pytest.mark.parametrize("before", [0, HEADER_WITHIN_BYTES - 5])
def test_a_pdf_may_begin_a_little_late(before: int) -> None:
    assert read_pdf(b"\n" * before + text_pdf(1), 1).pages_read == 1


@pytest.mark.parametrize("data", [b"", b"<!doctype html><p>%PDF", b"\n" * HEADER_WITHIN_BYTES + b"%PDF-1.7"])
def test_what_is_no_pdf_is_not_a_pdf(data: bytes) -> None:
    assert refused(data).code is ErrorCode.NOT_A_PDF


def test_a_file_without_a_byte_is_told_as_empty() -> None:
    assert str(refused(b"")) == "The file is empty."


def test_a_page_without_anything_has_no_text() -> None:
    paper = FPDF()
    paper.add_page()
    assert refused(bytes(paper.output())).code is ErrorCode.NO_TEXT


def test_a_page_of_bullets_and_dots_has_no_text() -> None:
    assert refused(page_with(b"BT /F 12 Tf (... --- *) Tj ET")).code is ErrorCode.NO_TEXT


FULL_PAGE = page_with(b"200 0 0 200 0 0 cm /I Do", "/XObject<</I 6 0 R>>", IMAGE)
IN_A_FORM = page_with(
    b"200 0 0 200 0 0 cm /G Do", "/XObject<</G 7 0 R>>", IMAGE, FORM, streams={6: b"\x7f", 7: b"/I Do"}
)
INLINE = page_with(b"200 0 0 200 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI", "/ProcSet[/PDF]")
CURVES = page_with(b"10 10 m 90 90 l S " * 30, "/ProcSet[/PDF]")
STAMPED = page_with(
    b"q 200 0 0 200 0 0 cm /I Do Q BT /F 12 Tf (Received) Tj ET", "/Font<</F 5 0 R>>/XObject<</I 6 0 R>>", IMAGE
)


@pytest.mark.parametrize(
    "data",
    [FULL_PAGE, IN_A_FORM, INLINE, CURVES, STAMPED],
    ids=["an image", "an image in a form", "an image between the lines", "letters drawn as curves", "a stamped image"],
)
def test_pages_of_pictures_want_a_reader_of_scans(data: bytes) -> None:
    error = refused(data)
    assert error.code is ErrorCode.OCR_UNAVAILABLE
    assert "apt-get install tesseract-ocr" in str(error)


def test_without_a_reader_of_scans_the_other_pages_are_read_and_the_scans_counted() -> None:
    text = "The minutes of the finance committee are attached as a scan of the signed original."
    data = two_pages(f"BT /F 12 Tf ({text}) Tj ET".encode(), b"200 0 0 200 0 0 cm /I Do")
    extraction = read_pdf(data, 3)
    assert extraction.pages == [text, ""]
    assert extraction.metadata == {
        "extraction_method": "pypdf",
        "is_scanned": False,
        "page_count": 2,
        "pages_read": 1,
        "pages_unreadable": 1,
        "text_length": len(text),
        "language": "en",
    }


def test_an_encrypted_document_opens_with_its_password_only() -> None:
    paper = FPDF()
    paper.set_encryption(owner_password="owner", user_password=PASSWORD)
    paper.add_page()
    paper.set_font("Helvetica")
    paper.cell(text="Low tide")
    data = bytes(paper.output())
    assert read_pdf(data, 1, PASSWORD).text == "Low tide"
    assert read_pdf(data, 1, "owner").text == "Low tide"
    assert str(refused(data)) == "The document is encrypted; it needs a password."
    assert str(refused(data, "wrong")) == "The document is encrypted; the password given does not open it."
    assert refused(data, "пароль").code is ErrorCode.ENCRYPTED


def test_a_password_that_is_not_needed_does_no_harm() -> None:
    assert read_pdf(text_pdf(1), 1, "anything").pages_read == 1


@pytest.mark.parametrize("cut", [20, 500, 2_000])
def test_a_truncated_document_is_corrupt(cut: int) -> None:
    assert refused(text_pdf(1)[:cut]).code is ErrorCode.CORRUPT


def test_a_broken_page_does_not_spoil_the_others_and_keeps_its_place() -> None:
    data = two_pages(b"not known", b"BT /F 12 Tf (still here) Tj ET", filtered="/Filter/NoSuchFilter")
    extraction = read_pdf(data, 3)
    assert extraction.pages == ["", "still here"]
    assert (extraction.pages_read, extraction.metadata["pages_unreadable"]) == (1, 1)


def test_a_document_of_broken_pages_is_corrupt() -> None:
    assert refused(page_with(b"x", filtered="/Filter/NoSuchFilter")).code is ErrorCode.CORRUPT


PLAIN = page_with(b"BT /F 12 Tf (Low tide) Tj ET")
BROKEN = {
    "a page tree that knows itself": PLAIN.replace(b"/Kids[3 0 R]", b"/Kids[2 0 R 3 0 R]"),
    "a length that is no number": PLAIN.replace(b"/Length 28", b"/Length (x)"),
    "a font that is none": PLAIN.replace(b"/Font<</F 5 0 R>>", b"/Font 5"),
    "resources in a list": PLAIN.replace(b"/Resources<<", b"/Resources[<<").replace(b"R>>>>>>", b"R>>>>]>>"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_pypdf_cannot_read_or_reads_as_garbage_pdfium_reads(data: bytes) -> None:
    assert "Low tide" not in str(layer_of(data))
    extraction = read_pdf(data, 3)
    assert extraction.text.strip() == "Low tide"
    assert extraction.metadata["extraction_method"] == "pdfium"
    assert extraction.pages_read >= 1


def layer_of(data: bytes) -> Layer | DocumentRefused:
    """What pypdf makes of it."""
    try:
        return read_layer(data, 3)
    except DocumentRefused as refusal:
        return refusal


def test_a_page_too_heavy_for_pypdf_is_read_by_pdfium() -> None:
    extraction = read_pdf(LABYRINTH, 3)
    assert (extraction.text, extraction.metadata["extraction_method"]) == ("a", "pdfium")


def test_text_that_nobody_can_decode_is_left_to_a_reader_of_pictures() -> None:
    assert refused(page_with(b"BT /F 12 Tf (\x02\x11\x05 \x07\x1b\x03\x04) Tj ET")).code is ErrorCode.OCR_UNAVAILABLE


def test_what_is_usable_is_told_before_anything_dangerous_is_tried() -> None:
    text = "The minutes of the finance committee are attached as a scan of the signed original."
    told: list[Extraction | None] = []
    data = two_pages(f"BT /F 12 Tf ({text}) Tj ET".encode(), b"200 0 0 200 0 0 cm /I Do")
    read_pdf(data, 3, tell=told.append)
    assert {each.text.strip() for each in told if each} == {text}
    told.clear()
    with pytest.raises(DocumentRefused):
        read_pdf(FULL_PAGE, 3, tell=told.append)
    assert told == [None, None]


def test_of_a_plain_document_nothing_is_told() -> None:
    told: list[Extraction | None] = []
    read_pdf(text_pdf(1), 3, tell=told.append)
    assert told == []


@settings(deadline=None)
@given(st.binary(max_size=2_000), st.integers(0, 4_500))
def test_no_damage_makes_the_reader_fail_otherwise(noise: bytes, at: int) -> None:
    whole = text_pdf(1, pages=1)
    data = whole[:at] + noise + whole[at + len(noise) :]
    try:
        assert isinstance(read_pdf(data, 3), Extraction)
    except DocumentRefused as error:
        assert error.code is not None  # noqa: PT017 - either is right
