"""Scans that bring a text of their own, and fonts that tell it wrongly: what people see on the page is what counts."""

import io
import shutil

import pytest
from fpdf import FPDF
from fpdf.enums import TextMode
from pypdfium2 import PdfDocument

from actors import ocr
from actors.extract import Extraction, read_pdf
from actors.ocr import Tesseract
from bench.documents import text_pdf
from tests.needs import lacking
from tests.pdfs import page_with
from tests.test_samples import SHARED
from tests.waiting import LIMIT_S

SEEN = text_pdf(2, 1)
SAID = read_pdf(SEEN, 1).text
HINDI = SHARED / "hindi_text_layer.pdf"
STAMP = "Envelope 6F0C2A11-93D4-4C6B-8E55-0B7A21D9C3F4, scanned by the front office, page 1 of 1, certified copy"
TERMS = f"{STAMP}. Downloaded from the archive of the university library; all use is subject to its terms, " * 3


@pytest.fixture(autouse=True, scope="module")
def _tesseract_is_there() -> None:
    if shutil.which(ocr.PROGRAM) is None:
        raise lacking("there is no Tesseract to read scans")


def searchable(layer: str) -> bytes:
    """A scan of `SEEN` over a text that nobody sees."""
    paper, picture = FPDF(), io.BytesIO()
    with PdfDocument(SEEN) as document:
        document[0].render(scale=200 / 72, grayscale=True).to_pil().save(picture, "JPEG")
    paper.add_page()
    paper.set_font("Helvetica", size=8)
    with paper.local_context(text_mode=TextMode.INVISIBLE):
        paper.multi_cell(0, 4, layer)
    paper.image(picture, 0, 0, paper.w, paper.h)
    return bytes(paper.output())


def read(data: bytes) -> Extraction:
    return read_pdf(data, 1, tesseract=Tesseract("eng,hin", LIMIT_S))


def test_a_good_layer_is_taken_as_it_is() -> None:
    metadata = read(searchable(SAID)).metadata
    assert (metadata["extraction_method"], metadata["is_scanned"]) == ("pypdf", False)


MISREAD = SAID.replace("e ", "~ ").replace("in", "l;n").replace("o", "0")
LETTERS_MISREAD = SAID.replace("he", "bc").replace("i", "l").replace("o", "c").replace("a", "n")


@pytest.mark.parametrize(
    "layer", [STAMP, TERMS, MISREAD, LETTERS_MISREAD], ids=["a stamp", "terms", "misread", "letters misread"]
)
def test_a_layer_that_says_less_than_the_picture_is_not_taken_for_the_page(layer: str) -> None:
    found = read(searchable(layer))
    assert (found.metadata["extraction_method"], found.metadata["is_scanned"]) == ("tesseract", True)
    words = set(SAID.split())
    assert len(words & set(found.text.split())) > 0.9 * len(words)


def test_text_in_a_cipher_is_read_as_it_looks() -> None:
    table = b"1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <61> <7A> <0064> endbfrange"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"
    plain = SAID.replace("(", "").replace(")", "").lower().splitlines()[:20]
    content = b"BT /F 11 Tf 14 TL 20 560 Td " + b"".join(f"({line}) Tj T* ".encode() for line in plain) + b"ET"
    entries = (font, f"<</Length {len(table)}>>")
    found = read(page_with(content, "/Font<</F 6 0 R>>", *entries, box="0 0 600 600", streams={7: table}))
    assert (found.metadata["extraction_method"], found.metadata["language"]) == ("tesseract", "en")
    words = set(" ".join(plain).split())
    assert len(words & set(found.text.split())) > 0.9 * len(words)


@pytest.mark.skipif(not HINDI.exists(), reason="the shared PDF samples are not on this machine")
def test_words_that_a_font_tells_wrongly_are_read_as_they_look() -> None:
    found = read(HINDI.read_bytes())
    assert (found.metadata["extraction_method"], found.metadata["is_scanned"]) == ("tesseract", False)
    for word in ("वार्षिक", "अधिकांश", "जिलों", "कुओं", "नागरिक"):
        assert word in found.text
