"""What is read out of PDFs, and how each that cannot be read is told apart."""

import contextvars
import threading
import unicodedata
import zlib

import pytest
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import DocumentRefused
from actors.extract import HEADER_WITHIN_BYTES, TEXT_MAX_CHARS, Extraction, clean, read_pdf
from bench.documents import PASSWORD, text_pdf
from protocol.words import ErrorCode


def refused(data: bytes, password: str | None = None) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        read_pdf(data, 3, password)
    return caught.value


def pdf(*objects: str, streams: dict[int, bytes] | None = None) -> bytes:
    """A file of these objects, numbered from 1, the first being the catalogue; some with a stream behind."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        stream = (streams or {}).get(number)
        tail = b"" if stream is None else b"\nstream\n" + stream + b"\nendstream"
        out += f"{number} 0 obj\n{text}".encode() + tail + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{offset:010} 00000 n \n" for offset in offsets).encode()
    return bytes(out + f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode())


def page_with(content: bytes, resources: str = "/Font<</F 5 0 R>>", *more: str, filtered: str = "") -> bytes:
    """One page that draws `content`."""
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<<{resources}>>>>",
        f"<</Length {len(content)}{filtered}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *more,
        streams={4: content},
    )


def test_the_text_of_the_first_pages_is_read() -> None:
    extraction = read_pdf(text_pdf(1, pages=5), 2)
    assert "part 2" in extraction.text
    assert "part 3" not in extraction.text
    assert (extraction.page_count, extraction.pages_read) == (5, 2)
    assert extraction.metadata == {"extraction_method": "pypdf", "is_scanned": False, "page_count": 5, "pages_read": 2}


def test_a_document_with_fewer_pages_than_asked_for_is_read_whole() -> None:
    extraction = read_pdf(text_pdf(1, pages=1), 10)
    assert (extraction.page_count, extraction.pages_read) == (1, 1)


@pytest.mark.parametrize("before", [0, HEADER_WITHIN_BYTES - 5])
def test_a_pdf_may_begin_a_little_late(before: int) -> None:
    assert read_pdf(b"\n" * before + text_pdf(1), 1).pages_read == 1


@pytest.mark.parametrize("data", [b"", b"<!doctype html><p>%PDF", b"\n" * HEADER_WITHIN_BYTES + b"%PDF-1.7"])
def test_what_is_no_pdf_is_not_a_pdf(data: bytes) -> None:
    assert refused(data).code is ErrorCode.NOT_A_PDF


def test_a_page_without_anything_has_no_text() -> None:
    paper = FPDF()
    paper.add_page()
    assert refused(bytes(paper.output())).code is ErrorCode.NO_TEXT


def test_a_page_of_bullets_and_dots_has_no_text() -> None:
    assert refused(page_with(b"BT /F 12 Tf (... --- *) Tj ET")).code is ErrorCode.NO_TEXT


LABYRINTH = page_with(
    zlib.compress(b"BT /F 12 Tf (a) Tj " + b"1 0 Td " * 400_000 + b"ET"), filtered="/Filter/FlateDecode"
)
"""A page of countless operators."""
IMAGE = "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 0>>"
FORM = "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 0/Resources<</XObject<</I 6 0 R/G 7 0 R>>>>>>"


@pytest.mark.parametrize(
    "data",
    [
        page_with(b"/I Do", "/XObject<</I 6 0 R>>", IMAGE),
        page_with(b"/G Do", "/XObject<</G 7 0 R>>", IMAGE, FORM),
        page_with(b"BI /W 1 /H 1 /CS /G /BPC 8 ID \x00 EI", "/ProcSet[/PDF]"),
    ],
    ids=["image", "image in a form that shows itself", "image between the lines"],
)
def test_pages_of_pictures_want_a_reader_of_scans(data: bytes) -> None:
    error = refused(data)
    assert error.code is ErrorCode.OCR_UNAVAILABLE
    assert "cannot read scans yet" in str(error)


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


def test_a_filter_name_of_old_is_corrupt() -> None:
    assert refused(page_with(b"x", filtered="/Filter/Fl")).code is ErrorCode.CORRUPT


def test_a_broken_page_does_not_spoil_the_others() -> None:
    data = pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        "<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources<</Font<</F 6 0 R>>>>>>",
        "<</Type/Page/Parent 2 0 R/Contents 7 0 R/Resources<</Font<</F 6 0 R>>>>>>",
        "<</Length 9/Filter/NoSuchFilter>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Length 29>>",
        streams={5: b"not known", 7: b"BT /F 12 Tf (still here) Tj ET"},
    )
    extraction = read_pdf(data, 3)
    assert extraction.text == "still here"
    assert extraction.metadata["pages_unreadable"] == 1


def test_a_stream_that_inflates_without_measure_is_too_complex() -> None:
    content = zlib.compress(b"BT /F 12 Tf (a) Tj ET " * 2_000_000)
    assert refused(page_with(content, filtered="/Filter/FlateDecode")).code is ErrorCode.TOO_COMPLEX


def test_a_page_of_countless_operators_is_too_complex() -> None:
    assert refused(LABYRINTH).code is ErrorCode.TOO_COMPLEX


def test_the_limits_hold_in_a_thread_that_knows_nothing_of_them() -> None:
    codes: list[ErrorCode | None] = []

    def read() -> None:
        codes.append(refused(LABYRINTH).code)

    thread = threading.Thread(target=contextvars.Context().run, args=(read,))
    thread.start()
    thread.join(60)
    assert codes == [ErrorCode.TOO_COMPLEX]


@settings(deadline=None)
@given(st.binary(max_size=2_000), st.integers(0, 4_500))
def test_no_damage_makes_the_reader_fail_otherwise(noise: bytes, at: int) -> None:
    whole = text_pdf(1, pages=1)
    data = whole[:at] + noise + whole[at + len(noise) :]
    try:
        assert isinstance(read_pdf(data, 3), Extraction)
    except DocumentRefused as error:
        assert error.code is not None  # noqa: PT017 - either is right


@settings(deadline=None)
@given(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Lo", "Lm"])))
def test_cleaned_text_can_be_sent_and_read(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert unicodedata.is_normalized("NFKC", cleaned)
    assert not set(cleaned) & set("\0\x07\x1b\u00ad\ufeff")


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("o\ufb03ce", "office"),
        ("a\0b", "ab"),
        ("infor\u00ad\nmation", "information"),
        ("\ud835\udc00", "A"),
        ("x\ud835y", "xy"),
        ("line\n\tnext", "line\n\tnext"),
        ("e\u0301", "é"),
        ("ﷺ" * TEXT_MAX_CHARS, ("صلى الله عليه وسلم" * TEXT_MAX_CHARS)[:TEXT_MAX_CHARS]),
    ],
    ids=["ligature", "NUL", "soft hyphen", "surrogate pair", "lone surrogate", "white space", "accent", "too long"],
)
def test_text_is_cleaned(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned
