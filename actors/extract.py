"""The text of a PDF (step 2 of a document).

pypdf reads the text layer. What it cannot read, or reads as garbage, pdfium reads too, and the better text is kept; a
page that still says little and is a picture is read by Tesseract. `read_pdf` runs in a child of `sandbox` only, since
a hostile file may cost its process.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from actors.blob import empty
from actors.errors import DocumentRefused
from actors.legible import clean, letters
from actors.ocr import Tesseract
from actors.pages import FEW_LETTERS, Page, metadata_of, texts_of
from actors.pdfium import Sheets, Unreadable, opened
from actors.textlayer import read_layer
from protocol.words import ErrorCode

PAGE_BREAK = "\n\n"
"""Between the texts of two pages."""
HEADER_WITHIN_BYTES = 1_024
"""Readers accept `%PDF-` so far behind the start of a file (ISO 32000-1, annex H.3.4.1)."""


class Extraction(msgspec.Struct):
    """What a document says."""

    pages: list[str]
    """The texts of the first pages in order, in NFKC, without control characters; together at most `TEXT_MAX_CHARS`.
    A page that is blank or could not be read has its place, and an empty text."""
    page_count: int
    """Of the whole document."""
    pages_read: int
    """Without those that could not be read."""
    metadata: dict[str, Any]
    """What `docs/protocol.md` says of the `metadata` of a success, as far as it is known here."""

    @property
    def text(self) -> str:
        """Of all pages that were read."""
        return PAGE_BREAK.join(self.pages)


Tell = Callable[[Extraction | None], None]
"""Hears what is usable so far, each time before something is tried that may cost the process."""


def read_pdf(
    data: bytes,
    num_pages: int,
    password: str | None = None,
    tesseract: Tesseract | None = None,
    tell: Tell = lambda _: None,
) -> Extraction:
    """Read the first `num_pages` pages.

    Raises:
        DocumentRefused: `code` is one of not-a-pdf, corrupt, encrypted, no-text, too-complex, ocr-unavailable.
        MemoryError: the document wants more than the process may have.
    """
    if not data:
        raise empty()
    if b"%PDF-" not in data[:HEADER_WITHIN_BYTES]:
        raise DocumentRefused("The file is not a PDF.", code=ErrorCode.NOT_A_PDF)
    document = _Document(data, num_pages, password)
    if document.doubtful:
        tell(document.so_far())
        with suppress(Unreadable), opened(data, password) as sheets:
            document.complete(sheets)
            for number in document.doubtful_pages():
                tell(document.so_far())
                document.read_again(number, sheets, tesseract)
    return document.extraction()


class _Document:
    """What is known of a document so far; at first what pypdf makes of it."""

    def __init__(self, data: bytes, num_pages: int, password: str | None) -> None:
        self._num_pages = num_pages
        self._pages: list[Page] = []
        self._page_count = 0
        self._refusal: DocumentRefused | None = None
        try:
            layer = read_layer(data, num_pages, password)
        except DocumentRefused as refusal:
            if refusal.code is ErrorCode.ENCRYPTED:
                raise
            self._refusal = refusal
        else:
            self._page_count = layer.page_count
            self._pages = [_page(*found) for found in zip(layer.pages, layer.entered, strict=True)]

    @property
    def doubtful(self) -> bool:
        """Whether another reader may find more."""
        return not self._pages or bool(self.doubtful_pages())

    def doubtful_pages(self) -> list[int]:
        """The numbers from 0 of those pages."""
        return [number for number, page in enumerate(self._pages) if page.doubtful]

    def complete(self, sheets: Sheets) -> None:
        """Where pypdf found no pages, take pdfium's word for how many there are."""
        if not self._pages:
            self._page_count = len(sheets)
            self._pages = [Page(fault=self._refusal) for _ in range(min(self._num_pages, len(sheets)))]

    def read_again(self, number: int, sheets: Sheets, tesseract: Tesseract | None) -> None:
        """Read a page by pdfium and Tesseract; where pdfium cannot, nothing changes."""
        with suppress(Unreadable), sheets.sheet(number) as sheet:
            self._pages[number].read_again(sheet, tesseract)

    def so_far(self) -> Extraction | None:
        """What there is already, if it is enough to go by."""
        if sum(letters(page.whole) for page in self._pages) < FEW_LETTERS:
            return None
        return self.extraction()

    def extraction(self) -> Extraction:
        """All pages together.

        Raises:
            DocumentRefused: there is no text.
        """
        if self._refusal and not self._pages:
            raise self._refusal
        texts = texts_of(self._pages)
        metadata = metadata_of(self._pages, texts, self._page_count)
        return Extraction(texts, self._page_count, metadata["pages_read"], metadata)


def _page(found: str | DocumentRefused, entered: str) -> Page:
    page = Page(entered=clean(entered))
    if isinstance(found, DocumentRefused):
        page.fault = found
    else:
        page.take(found, "pypdf")
    return page
