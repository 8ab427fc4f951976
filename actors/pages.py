"""What became of each page that was to be read, and of all of them together."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from actors.errors import DocumentRefused
from actors.legible import TEXT_MAX_CHARS, clean, is_garbled, is_miscoded, is_muddled, letters, runs_left, sample_of
from actors.ocr import Reading, Tesseract, without_tesseract
from actors.pdfium import Sheet
from actors.textlayer import undecodable
from actors.writing import FAMILIAR, STRANGE, familiar, is_enciphered, language_of
from protocol.words import ErrorCode

FEW_LETTERS = 50
"""A document with fewer says nothing while some of it could not be read."""
SPARSE_LETTERS = 200
"""With fewer a page that is a picture, and was not looked at, has not been read."""
STAMP_LETTERS = 500
"""A page with fewer may be a picture on which they are stamped: its number, who has scanned it, on which terms."""
RICHER, CLEARER = 1.2, 0.4
"""How many times as many letters as the text that is known another's must have to be preferred; the second where it is
clearly better read. Letters of Indic scripts are fewer than their spelling in Latin ones."""
_GRAVEST_FIRST = (ErrorCode.TOO_COMPLEX, ErrorCode.OCR_UNAVAILABLE, ErrorCode.CORRUPT, ErrorCode.NO_TEXT)

Method = Literal["pypdf", "pdfium", "tesseract"]


@dataclass(slots=True)
class Page:
    """One page. `fault`: why it could not be read, or not all of it."""

    text: str = ""
    method: Method = "pypdf"
    fault: DocumentRefused | None = None
    scanned: bool = False
    entered: str = ""
    """What people have entered on it; no reader's text has it."""
    seen: Reading | None = None
    """What Tesseract made of it, also where that was not taken."""

    @property
    def whole(self) -> str:
        """Its text, and what was entered."""
        return "\n".join(filter(None, (self.text, self.entered)))

    @property
    def doubtful(self) -> bool:
        """Whether another reader may find more on it."""
        little = self.fault is not None or letters(self.text, STAMP_LETTERS) < STAMP_LETTERS
        sample = sample_of(self.text)
        return little or is_muddled(sample) or self._is_misordered or familiar(sample) < FAMILIAR

    def take(self, raw: str, method: Method) -> None:
        """Take a text layer for the page's text, unless it is garbled: then what was known stays."""
        if not is_garbled(raw):
            self.text, self.method, self.fault = clean(raw), method, None
        elif not self.text:
            self.fault = undecodable()

    def read_again(self, sheet: Sheet, tesseract: Tesseract | None) -> None:
        """Let pdfium read it, and Tesseract if there is little still, or much misread, and it is a picture; or if its
        letters are not all known.

        Raises:
            Unreadable: pdfium fails; what was known stays.
        """
        raw = sheet.text()
        if self._is_better(clean(raw)) or (self._is_misordered and runs_left(raw)):
            self.take(raw, "pdfium")
        if not self.doubtful:
            return
        known = letters(self.text)
        picture = sheet.is_picture(known)
        self.scanned = picture and not known
        if picture or self._is_undecoded:
            self._look_at(sheet, tesseract, picture=picture)

    def _look_at(self, sheet: Sheet, tesseract: Tesseract | None, *, picture: bool) -> None:
        try:
            self.seen = tesseract.read(sheet.picture()) if tesseract else without_tesseract()
        except DocumentRefused as refusal:
            self.fault = refusal if letters(self.text) < SPARSE_LETTERS else self.fault
            return
        if self._is_better(seen := clean(self.seen.text)):
            self.text, self.method, self.fault, self.scanned = seen, "tesseract", None, picture

    @property
    def _is_misordered(self) -> bool:
        """pypdf loses spaces, and the places of numbers, in text that runs from right to left; pdfium does not."""
        return self.method == "pypdf" and runs_left(self.text)

    @property
    def _is_undecoded(self) -> bool:
        strange = is_miscoded(self.text) or is_enciphered(self.text)
        return strange or (self.fault is not None and self.fault.code is ErrorCode.NO_TEXT)

    def _is_better(self, seen: str) -> bool:
        clearer = is_muddled(self.text) and not is_muddled(seen)
        clearer = clearer or familiar(seen) > max(RICHER * familiar(self.text), STRANGE)
        return letters(seen) > (CLEARER if clearer else RICHER) * letters(self.text)


def texts_of(pages: list[Page]) -> list[str]:
    """The texts of all pages, together at most `TEXT_MAX_CHARS` long.

    Raises:
        DocumentRefused: there is none, or so little where pages were not read that it would be taken for the whole.
    """
    found = sum(letters(page.whole, FEW_LETTERS) for page in pages)
    faults = {page.fault.code: page.fault for page in pages if page.fault}
    if not found or (found < FEW_LETTERS and ErrorCode.OCR_UNAVAILABLE in faults):
        raise next((faults[code] for code in _GRAVEST_FIRST if code in faults), _no_text(pages))
    texts, room = [], TEXT_MAX_CHARS
    for page in pages:
        texts.append(page.whole[:room])
        room -= len(texts[-1])
    return texts


def metadata_of(pages: list[Page], texts: list[str], page_count: int) -> dict[str, Any]:
    """What a success tells of how it was read."""
    lengths: Counter[Method] = Counter()
    for page in pages:
        lengths[page.method] += len(page.text)
    unread = sum(page.fault is not None for page in pages)
    metadata: dict[str, Any] = {
        "extraction_method": lengths.most_common(1)[0][0],
        "is_scanned": 2 * sum(page.scanned for page in pages) > len(pages),
        "page_count": page_count,
        "pages_read": len(pages) - unread,
        "text_length": sum(map(len, texts)),
    }
    if unread:
        metadata["pages_unreadable"] = unread
    if seen := [page.seen for page in pages if page.seen]:
        words = sum(len(each.boxes) for each in seen)
        mean = sum(each.confidence * len(each.boxes) for each in seen) / max(words, 1)
        metadata["ocr_confidence"] = round(mean, 3)
    if language := language_of("\n".join(texts)):
        metadata["language"] = language
    return metadata


def _no_text(pages: list[Page]) -> DocumentRefused:
    pictures = any(page.scanned for page in pages)
    sentence = "The pages are pictures in which no text can be made out." if pictures else ""
    return DocumentRefused(sentence or "There is no text on the pages that were read.", code=ErrorCode.NO_TEXT)
