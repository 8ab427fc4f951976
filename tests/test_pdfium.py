"""pdfium reads what pypdf cannot, tells pictures from pages of text, and draws them within bounds."""

import pytest
from fpdf import FPDF

from actors.errors import DocumentRefused
from actors.extract import read_pdf
from actors.pdfium import SIDE_MAX_PX, SIDE_MIN_PX, Unreadable, opened
from bench.documents import PASSWORD, text_pdf
from bench.scans import Scanner
from protocol.words import ErrorCode
from tests.pdfs import FORM, IMAGE, page_with

TEXT = b"BT /F 12 Tf (Received) Tj ET "
BOTH = "/Font<</F 5 0 R>>/XObject<</I 6 0 R>>"


def locked() -> bytes:
    """A document that wants a password."""
    paper = FPDF()
    paper.set_encryption(owner_password="owner", user_password=PASSWORD)
    paper.add_page()
    paper.set_font("Helvetica")
    paper.cell(text="Low tide")
    return bytes(paper.output())


def test_the_text_of_a_page_is_read_line_by_line() -> None:
    with opened(text_pdf(1), None) as sheets, sheets.sheet(0) as sheet:
        assert len(sheets) == 3
        lines = sheet.text().split("\n")
    assert len(lines) > 20
    assert not any("\r" in line for line in lines)


def test_a_page_without_text_has_none() -> None:
    with opened(Scanner().scan(text_pdf(1, 1)), None) as sheets, sheets.sheet(0) as sheet:
        assert sheet.text() == ""


@pytest.mark.parametrize("password", [PASSWORD, "owner"])
def test_a_locked_document_opens_with_its_passwords(password: str) -> None:
    with opened(locked(), password) as sheets, sheets.sheet(0) as sheet:
        assert sheet.text() == "Low tide"


@pytest.mark.parametrize("password", [None, "wrong", "пароль", "p" * 1_000])
def test_a_locked_document_stays_closed_otherwise(password: str | None) -> None:
    with pytest.raises(DocumentRefused) as caught, opened(locked(), password):
        pass
    assert caught.value.code is ErrorCode.ENCRYPTED


def test_what_only_its_owner_has_locked_opens_even_with_a_wrong_password() -> None:
    paper = FPDF()
    paper.set_encryption(owner_password="owner")
    paper.add_page()
    for password in (None, "wrong"):
        with opened(bytes(paper.output()), password) as sheets:
            assert len(sheets) == 1


def test_what_is_damaged_is_unreadable() -> None:
    with pytest.raises(Unreadable), opened(text_pdf(1)[:500], None):
        pass
    with opened(text_pdf(1), None) as sheets, pytest.raises(Unreadable), sheets.sheet(3):
        pass


@pytest.mark.parametrize(
    ("content", "picture"),
    [
        (b"q 200 0 0 200 0 0 cm /I Do Q", True),
        (b"q 150 0 0 150 0 0 cm /I Do Q", True),
        (b"q 100 0 0 100 0 0 cm /I Do Q", False),
        (b"q 200 0 0 50 0 0 cm /I Do Q q 200 0 0 60 0 140 cm /I Do Q", True),
        (b"q 900 0 0 900 190 190 cm /I Do Q", False),
        (b"10 10 m 90 90 l S " * 30, False),
        (b"10 10 m 90 90 l S " * 400, True),
        (b"10 10 m " + b"90 90 l 10 90 l " * 4_000 + b"S", True),
        (b"", False),
    ],
    ids=["all", "half", "a quarter", "two strips", "beyond the edge", "a diagram", "curves", "one curve", "nothing"],
)
def test_a_page_with_few_words_is_a_picture_where_pictures_cover_half_of_it(content: bytes, picture: bool) -> None:
    with opened(page_with(TEXT + content, BOTH, IMAGE), None) as sheets, sheets.sheet(0) as sheet:
        assert sheet.is_picture(8) is picture


@pytest.mark.parametrize(
    ("content", "picture"),
    [
        (b"q 100 0 0 100 0 0 cm /I Do Q", True),
        (b"q 20 0 0 20 0 0 cm /I Do Q", False),
        (b"10 10 m 90 90 l S " * 30, True),
        (b"10 10 m 90 90 l S " * 10, False),
        (b"10 10 m " + b"90 90 l 10 90 l " * 400 + b"S", True),
        (b"", False),
    ],
    ids=["a quarter", "a dot", "curves", "a frame", "one curve", "nothing"],
)
def test_a_page_without_words_is_a_picture_where_anything_is_drawn(content: bytes, picture: bool) -> None:
    with opened(page_with(content, BOTH, IMAGE), None) as sheets, sheets.sheet(0) as sheet:
        assert sheet.is_picture(0) is picture


def test_pictures_and_curves_are_found_in_forms_as_well() -> None:
    for drawn in (b"/I Do", b".1 .1 m .9 .9 l S " * 30):
        data = page_with(b"200 0 0 200 0 0 cm /G Do", "/XObject<</G 7 0 R>>", IMAGE, FORM, streams={7: drawn})
        with opened(data, None) as sheets, sheets.sheet(0) as sheet:
            assert sheet.is_picture(0)


def test_a_page_is_drawn_in_grey_at_200_dots_an_inch() -> None:
    with opened(text_pdf(1), None) as sheets, sheets.sheet(0) as sheet:
        picture = sheet.picture()
    assert (picture.mode, abs(picture.width - 1654) < 3, abs(picture.height - 2339) < 3) == ("L", True, True)
    assert picture.getextrema() == (0, 255)


@pytest.mark.parametrize("box", ["0 0 14400 14400", "0 0 200000 300", "0 0 1 1000000", "0 0 0 0", "9 9 -9 -9"])
def test_however_large_a_page_says_it_is_its_picture_is_bounded(box: str) -> None:
    with opened(page_with(TEXT, box=box), None) as sheets, sheets.sheet(0) as sheet:
        assert max(sheet.picture().size) <= SIDE_MAX_PX + 1


def test_a_sheet_that_calls_itself_a_stamp_is_drawn_large_enough_to_be_read() -> None:
    with opened(page_with(TEXT, box="0 0 60 85"), None) as sheets, sheets.sheet(0) as sheet:
        assert abs(max(sheet.picture().size) - SIDE_MIN_PX) <= 1


@pytest.mark.parametrize("handler", ["Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4/R 4", "Somebody.Own/V 1"])
def test_a_document_that_no_password_opens_is_encrypted_all_the_same(handler: str) -> None:
    data = page_with(TEXT, "/Font<</F 5 0 R>>", f"<</Filter/{handler}>>")
    data = data.replace(b"/Root", b"/Encrypt 6 0 R/ID[(a)(b)]/Root")
    with pytest.raises(DocumentRefused, match="no password opens it") as caught:
        read_pdf(data, 1, PASSWORD)
    assert caught.value.code is ErrorCode.ENCRYPTED


def test_a_picture_is_found_however_deep_in_forms_it_lies() -> None:
    depth = 20
    forms = [FORM.replace("/G 7 0 R", f"/G {8 + level} 0 R") for level in range(depth)]
    shown = {7 + level: b"/G Do" for level in range(depth - 1)} | {6 + depth: b"/I Do"}
    data = page_with(b"200 0 0 200 0 0 cm /G Do", "/XObject<</G 7 0 R>>", IMAGE, *forms, streams=shown)
    with opened(data, None) as sheets, sheets.sheet(0) as sheet:
        assert sheet.is_picture(0)
