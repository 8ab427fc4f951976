"""What became of the pages adds up to one document."""

import pytest

from actors.errors import DocumentRefused
from actors.legible import TEXT_MAX_CHARS
from actors.ocr import Reading
from actors.pages import FEW_LETTERS, Page, metadata_of, texts_of
from actors.textlayer import corrupt, too_complex
from protocol.words import ErrorCode

LONG = "The harbour was dredged again in the spring, and the tide gauge was moved to the new quay."
UNAVAILABLE = DocumentRefused("no Tesseract", code=ErrorCode.OCR_UNAVAILABLE)


def read(confidence: float, words: int) -> Reading:
    return Reading("", confidence, 0.0, [(0, 0, 1, 1)] * words)


def test_the_method_is_the_one_that_gave_most_of_the_text() -> None:
    pages = [Page("short"), Page(LONG, "tesseract", scanned=True), Page(LONG[:40], "pdfium")]
    assert metadata_of(pages, texts_of(pages), 9)["extraction_method"] == "tesseract"
    assert metadata_of(pages[::2], texts_of(pages[::2]), 9)["extraction_method"] == "pdfium"


@pytest.mark.parametrize(("scanned", "is_scanned"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_document_is_scanned_when_most_of_its_pages_are(scanned: int, is_scanned: bool) -> None:
    pages = [Page(LONG, scanned=number < scanned) for number in range(3)]
    assert metadata_of(pages, texts_of(pages), 3)["is_scanned"] is is_scanned


def test_confidence_is_that_of_the_words_and_only_of_pictures() -> None:
    pages = [Page(LONG), Page(LONG, seen=read(0.9, 3)), Page("", seen=read(0.5, 1))]
    assert metadata_of(pages, texts_of(pages), 3)["ocr_confidence"] == 0.8
    assert "ocr_confidence" not in metadata_of(pages[:1], texts_of(pages[:1]), 3)
    assert metadata_of([Page(LONG, seen=read(0.0, 0))], [LONG], 3)["ocr_confidence"] == 0


def test_pages_that_were_not_read_are_counted() -> None:
    pages = [Page(LONG), Page(fault=corrupt()), Page()]
    metadata = metadata_of(pages, texts_of(pages), 7)
    assert (metadata["pages_read"], metadata["pages_unreadable"], metadata["page_count"]) == (2, 1, 7)
    assert (metadata["text_length"], metadata["language"]) == (len(LONG), "en")


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ([None], ErrorCode.NO_TEXT),
        ([None, corrupt()], ErrorCode.CORRUPT),
        ([corrupt(), UNAVAILABLE], ErrorCode.OCR_UNAVAILABLE),
        ([UNAVAILABLE, too_complex(), corrupt()], ErrorCode.TOO_COMPLEX),
    ],
)
def test_without_any_text_the_gravest_fault_is_told(faults: list[DocumentRefused | None], code: ErrorCode) -> None:
    with pytest.raises(DocumentRefused) as caught:
        texts_of([Page(fault=fault) for fault in faults])
    assert caught.value.code is code


def test_a_few_words_are_not_taken_for_a_document_whose_scans_were_not_read() -> None:
    few = LONG[: FEW_LETTERS // 2]
    with pytest.raises(DocumentRefused) as caught:
        texts_of([Page(few), Page(fault=UNAVAILABLE)])
    assert caught.value.code is ErrorCode.OCR_UNAVAILABLE
    assert texts_of([Page(few), Page(fault=corrupt())]) == [few, ""]
    assert texts_of([Page(LONG), Page(fault=UNAVAILABLE)]) == [LONG, ""]


def test_pictures_without_text_are_told_from_pages_without_anything() -> None:
    for scanned, told in ((True, "pictures"), (False, "no text")):
        with pytest.raises(DocumentRefused, match=told):
            texts_of([Page(scanned=scanned)])


def test_all_texts_together_are_bounded() -> None:
    half = "x" * (TEXT_MAX_CHARS // 2)
    assert [len(text) for text in texts_of([Page(half), Page(half + "y"), Page("z")])] == [len(half), len(half), 0]


def test_a_garbled_layer_is_not_taken_and_does_not_hide_what_is_known() -> None:
    garbled = "\x02\x05\x11 \x07\x1b"
    page = Page()
    page.take(garbled, "pypdf")
    assert (page.text, str(page.fault)[:26]) == ("", "The text cannot be decoded")
    for layer in ("Low tide", garbled):
        page.take(layer, "pdfium")
        assert (page.text, page.method, str(page.fault)) == ("Low tide", "pdfium", "None")
