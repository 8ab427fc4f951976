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


HEBREW = ["הדוח על הנמל של השנה שעברה", "יוצג למועצה בשנת 2024 עם התוכנית"]
ALEF, LETTER_PT = 0x5D0, 7


def leftward(lines: list[str]) -> bytes:
    """A page on which each word stands left of the one before, and its letters as they are drawn: from the left."""
    table = b"1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <61> <7B> <05D0> endbfrange"
    font = f"<</Type/Font/Subtype/Type1/BaseFont/Courier/FirstChar 0/Widths[{'600 ' * 256}]/ToUnicode 7 0 R>>"
    content = ["BT /F 12 Tf"]
    for line, y in zip(lines, range(180, 0, -20), strict=False):
        x = 390
        for word in line.split():
            x -= LETTER_PT * (len(word) + 1)
            drawn = word if word.isdigit() else "".join(chr(ord(each) - ALEF + ord("a")) for each in reversed(word))
            content.append(f"1 0 0 1 {x} {y} Tm ({drawn}) Tj")
    streams = {7: table}
    more = (font, f"<</Length {len(table)}>>")
    data = "\n".join([*content, "ET"]).encode()
    return page_with(data, "/Font<</F 6 0 R>>", *more, box="0 0 400 200", streams=streams)


def test_text_that_runs_from_right_to_left_keeps_its_words() -> None:
    data = leftward(HEBREW)
    assert read_layer(data, 1).pages != ["\n".join(HEBREW)]
    extraction = read_pdf(data, 1)
    assert extraction.text.split() == " ".join(HEBREW).split()
    assert (extraction.metadata["extraction_method"], extraction.metadata["language"]) == ("pdfium", "he")
