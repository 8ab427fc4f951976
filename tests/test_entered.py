"""What people have entered on a page is read with it."""

import pytest

from actors.extract import read_pdf
from tests.pdfs import page_with

WIDGET = "<</Subtype/Widget/FT/Tx/T(a)/V(Margaret Ashdown)>>"
TITLE = b"BT /F 12 Tf (Application) Tj ET"


def read(*entries: str) -> str:
    """The text of a page with these entries, and one field that others inherit from, which is object 6."""
    parent = "<</FT/Tx/Ff 4096/V(the inner harbour)/Parent 6 0 R>>"
    data = page_with(TITLE, "/Font<</F 5 0 R>>", parent)
    return read_pdf(data.replace(b"/Contents", f"/Annots[{''.join(entries)}]/Contents".encode()), 1).text


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (WIDGET, "Margaret Ashdown"),
        ("<</Subtype/Widget/FT/Ch/V[(herring)(cod)]>>", "herring\ncod"),
        ("<</Subtype/Widget/Parent 6 0 R>>", "the inner harbour"),
        ("<</Subtype/FreeText/Contents(Not before the spring)>>", "Not before the spring"),
        (WIDGET + WIDGET, "Margaret Ashdown"),
    ],
    ids=["a field", "choices", "inherited", "a note", "shown twice"],
)
def test_what_was_entered_comes_behind_the_page(entry: str, text: str) -> None:
    assert read(entry) == f"Application\n{text}"


@pytest.mark.parametrize(
    "entry",
    [
        "<</Subtype/Widget/FT/Tx/V(unseen)/F 2>>",
        "<</Subtype/Widget/FT/Tx/V(secret)/Ff 8192>>",
        "<</Subtype/Widget/FT/Btn/V/Yes>>",
        "<</Subtype/Widget/FT/Tx/V 6 0 R>>",
        "<</Subtype/Widget/FT/Tx/V( )/F(x)>>",
        "<</Subtype/Text/Contents(a remark in a window of its own)>>",
        "<</Subtype/Link>>",
        "null 7 (x) [[]] 99 0 R",
    ],
    ids=["hidden", "a password", "a button", "no text", "empty", "a remark", "a link", "nothing"],
)
def test_what_is_not_shown_is_not_read(entry: str) -> None:
    assert read(entry) == "Application"


def test_a_form_without_any_text_of_its_own_says_what_was_entered() -> None:
    data = page_with(b"").replace(b"/Contents", f"/Annots[{WIDGET}]/Contents".encode())
    assert read_pdf(data, 1).text == "Margaret Ashdown"


@pytest.mark.parametrize("entries", ["/Annots 3 0 R", "/Annots(x)", "/Annots[3 0 R]", f"/Annots[{WIDGET * 20_000}]"])
def test_a_broken_list_of_entries_does_not_spoil_its_page(entries: str) -> None:
    data = page_with(TITLE).replace(b"/Contents", f"{entries}/Contents".encode())
    assert read_pdf(data, 1).text.startswith("Application")
