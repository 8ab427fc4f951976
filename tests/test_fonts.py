"""Characters that pypdf would have to guess are left to pdfium, which knows them."""

import pytest

from actors.errors import DocumentRefused
from actors.extract import read_pdf
from actors.textlayer import read_layer
from protocol.words import ErrorCode
from tests.pdfs import page_with

KOREAN = "항만 보고서는 다음 달에 제출될 예정이다."
JAPANESE = "港の報告は来月に議会へ提出される。"


def page(text: bytes, encoding: str, ordering: str, more: str = "") -> bytes:
    """A page in a composite font that is not embedded."""
    font = f"<</Type/Font/Subtype/Type0/BaseFont/Tide/Encoding/{encoding}/DescendantFonts[7 0 R]{more}>>"
    kind = f"/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 2>>"
    descendant = f"<</Type/Font/Subtype/CIDFontType0/BaseFont/Tide{kind}/FontDescriptor 8 0 R>>"
    descriptor = "<</Type/FontDescriptor/FontName/Tide/Flags 4/FontBBox[0 0 1000 1000]>>"
    content = b"BT /F 12 Tf 10 100 Td <" + text.hex().encode() + b"> Tj ET"
    return page_with(content, "/Font<</F 6 0 R>>", font, descendant, descriptor, box="0 0 900 200")


@pytest.mark.parametrize(
    ("text", "codec", "encoding", "ordering"),
    [
        (KOREAN, "cp949", "KSCms-UHC-H", "Korea1"),
        (KOREAN, "euc_kr", "KSC-EUC-H", "Korea1"),
        (JAPANESE, "euc_jp", "EUC-H", "Japan1"),
        (JAPANESE, "shift_jis", "90pv-RKSJ-H", "Japan1"),
    ],
)
def test_text_in_a_national_encoding_is_read(text: str, codec: str, encoding: str, ordering: str) -> None:
    extraction = read_pdf(page(text.encode(codec), encoding, ordering), 1)
    assert (extraction.text.strip(), extraction.metadata["extraction_method"]) == (text, "pdfium")


def test_encodings_that_pypdf_knows_are_left_to_it() -> None:
    extraction = read_pdf(page(JAPANESE.encode("utf-16-be"), "UniJIS-UTF16-H", "Japan1"), 1)
    assert extraction.text.strip() == JAPANESE


def test_numbers_of_glyphs_are_not_taken_for_characters() -> None:
    (guessed,) = read_layer(page(b"\0H\0L\0M", "Identity-H", "Identity"), 1).pages
    assert isinstance(guessed, DocumentRefused)
    assert guessed.code is ErrorCode.NO_TEXT


@pytest.mark.parametrize("resources", ["/Font 7", "/Font[6 0 R]", "/Font<</F 7 0 R/G null/H(x)>>"])
def test_fonts_that_are_none_do_no_harm(resources: str) -> None:
    assert len(read_layer(page_with(b"BT /F 12 Tf (Low tide) Tj ET", resources), 1).pages) == 1
