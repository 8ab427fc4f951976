"""pdfium: a second opinion on pages that pypdf cannot read, and the picture of those that hold no text.

For a child of `sandbox` only: some files make pdfium end its whole process.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from actors.textlayer import encrypted, sealed

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 200
"""At which Tesseract misses one word in a thousand of common print; 300 costs half as much again and saves none."""
SIDE_MIN_PX, SIDE_MAX_PX = 2_000, 4_000
"""Of the longer side: some scanners call a sheet of paper a stamp, some a poster."""
OBJECTS_MAX = 2_000
"""Looked at for pictures on a page; a page with more is not a scan."""
FORMS_DEEP = 30
"""As far as pdfium draws them, nearly."""
COVERED, TOUCHED = 0.5, 0.05
"""Shares of a page under pictures that make it one: the first where it has few words, the other where it has none."""
DRAWN, STROKES_EACH = 20, 20
"""A page without words on which more is drawn, be it in fewer objects of so many strokes each, shows them as curves, or
in a font without characters."""
FEW_LETTERS, DRAWN_BESIDE = 50, 300
"""So does a page with fewer letters, a stamp on it, on which much more is drawn than a diagram takes."""
_PATH, _IMAGE, _FORM = 2, 3, 5  # FPDF_PAGEOBJ_*

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


class Unreadable(Exception):
    """pdfium cannot read this document, or this page."""


@contextmanager
def opened(data: bytes, password: str | None) -> Iterator["Sheets"]:
    """The document, as long as the block lasts.

    Raises:
        Unreadable: it cannot be opened.
        DocumentRefused: it is encrypted and the password, or any, does not open it.
    """
    with _faults():
        document = _opened(data, password)
    try:
        yield Sheets(document)
    finally:
        document.close()


class Sheets:
    """The pages of an open document."""

    def __init__(self, document: Any) -> None:
        self._document = document

    def __len__(self) -> int:
        return len(self._document)

    @contextmanager
    def sheet(self, number: int) -> Iterator["Sheet"]:
        """A page by its number from 0, as long as the block lasts.

        Raises:
            Unreadable: it is damaged.
        """
        with _faults():
            page = self._document[number]
        try:
            yield Sheet(page)
        finally:
            page.close()


class Sheet:
    """A page that is open. All methods raise Unreadable where it is damaged."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def text(self) -> str:
        """Its text layer, with a line feed behind each line."""
        with _faults():
            layer = self._page.get_textpage()
            try:
                return str(layer.get_text_range()).replace("\r\n", "\n") if layer.count_chars() else ""
            finally:
                layer.close()

    def is_picture(self, known: int) -> bool:
        """Whether a page of which so many letters are known, few or none, shows most of what it says in pictures."""
        with _faults():
            page = self._page.get_bbox()
            objects = islice(self._page.get_objects(max_depth=1), OBJECTS_MAX)
            covered = sum(_common(page, each.get_bounds()) for each in objects if self._shows_image(each))
            share = covered / max(_area(page), 1.0)
            if share >= COVERED:
                return True
            if known:
                return known < FEW_LETTERS and self._is_drawn(DRAWN_BESIDE)
            return share >= TOUCHED or self._is_drawn(DRAWN)

    def picture(self) -> "Image":
        """The page in shades of grey, at 200 dots an inch unless it is too small or too large for that."""
        with _faults():
            side = max(1.0, *self._page.get_size())
            scale = min(max(DPI / 72, SIDE_MIN_PX / side), SIDE_MAX_PX / side)
            image: Image = self._page.render(scale=scale, grayscale=True).to_pil().copy()
            return image

    def _is_drawn(self, objects_max: int) -> bool:
        """Whether there are more objects than that on it, or as many strokes in fewer."""
        objects = islice(self._page.get_objects(max_depth=FORMS_DEEP), objects_max + 1)
        strokes = [_strokes(each) for each in objects]
        return len(strokes) > objects_max or sum(strokes) > objects_max * STROKES_EACH

    def _shows_image(self, drawn: Any) -> bool:
        """Whether this is an image, or a form that holds one: its place on the page is known, not that of its parts."""
        if drawn.type != _FORM:
            return bool(drawn.type == _IMAGE)
        within = self._page.get_objects(form=drawn, level=1, max_depth=FORMS_DEEP)
        return any(each.type == _IMAGE for each in islice(within, OBJECTS_MAX))


def _opened(data: bytes, password: str | None) -> Any:
    """A document that only its owner has locked opens without a password, and not with a wrong one."""
    from pypdfium2 import PdfDocument, PdfiumError  # noqa: PLC0415 - in the child only, and there only when needed
    from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY  # noqa: PLC0415 - likewise

    for key in (None, password):
        try:
            return PdfDocument(data, password=key)
        except PdfiumError as error:
            if error.err_code == FPDF_ERR_SECURITY:
                raise sealed() from None
            if error.err_code != FPDF_ERR_PASSWORD:
                raise Unreadable from None
    raise encrypted(wrong=bool(password))


@contextmanager
def _faults() -> Iterator[None]:
    """The binding's errors become ours; its own is a RuntimeError."""
    try:
        yield
    except (RuntimeError, ValueError, AssertionError, LookupError, TypeError, OSError, ctypes.ArgumentError):
        raise Unreadable from None


def _strokes(drawn: Any) -> int:
    from pypdfium2.raw import FPDFPath_CountSegments  # noqa: PLC0415 - in the child only, and there only when needed

    return max(0, FPDFPath_CountSegments(drawn.raw)) if drawn.type == _PATH else 0


def _common(one: Box, other: Box) -> float:
    return _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))


def _area(box: Box) -> float:
    left, bottom, right, top = box
    return max(0.0, right - left) * max(0.0, top - bottom)
