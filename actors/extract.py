"""The text of a PDF (step 2 of a document).

`read_pdf` runs in a child of `sandbox` only: it alone imports pypdf, and a hostile file may cost its process.
"""

import io
import logging
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from actors.errors import DocumentRefused
from protocol.words import ErrorCode

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

TEXT_MAX_CHARS = 200_000
PAGE_BREAK = "\n\n"
"""Between the texts of two pages."""
HEADER_WITHIN_BYTES = 1_024
"""Readers accept `%PDF-` so far behind the start of a file (ISO 32000-1, annex H.3.4.1)."""
# Tighter than pypdf's own: its limits count per stream, and ten pages may all show the same one.
LIMITS: dict[str, Any] = {
    "zlib_maximum_output_length": 20_000_000,
    "stream_parsing_work_maximum_count": 300_000,
    "page_tree_maximum_entries": 20_000,
    "jbig2dec_binary": None,  # no programs are run for a document
    "disable_legacy_handling": True,  # half a millisecond a document
}
FORMS_MAX = 1_000

# What pypdf throws at broken files beside its own errors.
_STRAY = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    StopIteration,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]|\u00ad\n?")
_INLINE_IMAGE = re.compile(rb"\bBI\s[^\x00]{1,1000}?\sID\s")


class Extraction(msgspec.Struct):
    """What a document says."""

    pages: list[str]
    """The text of each page read, in NFKC, without control characters; together at most `TEXT_MAX_CHARS`."""
    page_count: int
    """Of the whole document."""
    pages_read: int
    metadata: dict[str, Any]
    """`extraction_method`, `is_scanned`, `page_count`, `pages_read`; `pages_unreadable` where some were."""

    @property
    def text(self) -> str:
        """Of all pages that were read."""
        return PAGE_BREAK.join(self.pages)


def read_pdf(data: bytes, num_pages: int, password: str | None = None) -> Extraction:
    """Read the first `num_pages` pages.

    Raises:
        DocumentRefused: `code` is one of not-a-pdf, corrupt, encrypted, no-text, too-complex, ocr-unavailable.
        MemoryError: the document wants more than the process may have.
    """
    from pypdf import apply_configuration  # noqa: PLC0415 - in the child only

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it comments on every oddity of a file
    if b"%PDF-" not in data[:HEADER_WITHIN_BYTES]:
        raise DocumentRefused("The file is not a PDF.", code=ErrorCode.NOT_A_PDF)
    # pypdf keeps its limits in a context variable: a thread started elsewhere would not have them.
    with _faults(), apply_configuration(**LIMITS):
        reader = _opened(data, password)
        pages = _Pages()
        page_count = len(reader.pages)
        for number in range(min(num_pages, page_count)):
            if not pages.add(reader.pages[number]):
                break
        return pages.extraction(page_count)


class _Pages:
    """What the pages gave so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.scanned = self.unreadable = 0
        self.limit_reached = False

    def add(self, page: "PageObject") -> bool:
        """Read a page; one that is broken or too heavy does not spoil the others. False: read no more."""
        from pypdf.errors import LimitReachedError  # noqa: PLC0415 - in the child only

        try:
            text = clean(page.extract_text())[: self._room()]
            self.scanned += not _says_something(text) and _has_picture(page)
            self.texts.append(text)
        except LimitReachedError:
            self.limit_reached = True
        except _broken():
            self.unreadable += 1
        return not self.limit_reached and self._room() > 0

    def _room(self) -> int:
        return TEXT_MAX_CHARS - sum(map(len, self.texts))

    def extraction(self, page_count: int) -> Extraction:
        if not any(map(_says_something, self.texts)):
            raise self._refusal()
        pages_read = len(self.texts)
        metadata: dict[str, Any] = {
            "extraction_method": "pypdf",
            "is_scanned": 2 * self.scanned > pages_read,
            "page_count": page_count,
            "pages_read": pages_read,
        }
        if unreadable := self.unreadable + self.limit_reached:
            metadata["pages_unreadable"] = unreadable
        return Extraction(self.texts, page_count, pages_read, metadata)

    def _refusal(self) -> DocumentRefused:
        if self.limit_reached:
            return too_complex()
        if self.unreadable:
            return _corrupt()
        if self.scanned:
            return DocumentRefused(
                "The pages are pictures without text; this server cannot read scans yet.",
                code=ErrorCode.OCR_UNAVAILABLE,
            )
        return DocumentRefused("There is no text on the pages that were read.", code=ErrorCode.NO_TEXT)


@contextmanager
def _faults() -> Iterator[None]:
    """pypdf's errors, and the stray ones that broken files make it throw, become ours."""
    from pypdf.errors import FileNotDecryptedError, LimitReachedError  # noqa: PLC0415 - in the child only

    try:
        yield
    except (LimitReachedError, RecursionError):
        raise too_complex() from None
    except FileNotDecryptedError:
        raise _encrypted() from None
    except _broken():
        raise _corrupt() from None


def _broken() -> tuple[type[Exception], ...]:
    from pypdf.errors import DependencyError, DeprecationError, PyPdfError  # noqa: PLC0415 - in the child only

    return PyPdfError, DependencyError, DeprecationError, *_STRAY


def _opened(data: bytes, password: str | None) -> "PdfReader":
    """A document that only its owner has locked opens without a password, and with a wrong one too."""
    from pypdf import PdfReader  # noqa: PLC0415 - in the child only

    reader = PdfReader(io.BytesIO(data))  # in memory: pypdf reads in small bites, which a file answers slowly
    if reader.is_encrypted and not reader.decrypt("") and not (password and reader.decrypt(password)):
        raise _encrypted(wrong=bool(password))
    return reader


def _encrypted(*, wrong: bool = False) -> DocumentRefused:
    reason = "the password given does not open it" if wrong else "it needs a password"
    return DocumentRefused(f"The document is encrypted; {reason}.", code=ErrorCode.ENCRYPTED)


def _corrupt() -> DocumentRefused:
    return DocumentRefused("The document is damaged and cannot be read.", code=ErrorCode.CORRUPT)


def too_complex() -> DocumentRefused:
    """What a document ends with that wants more time or memory than one may have."""
    return DocumentRefused("The document is too complex to be read here.", code=ErrorCode.TOO_COMPLEX)


def clean(text: str) -> str:
    """At most `TEXT_MAX_CHARS` of a text, in NFKC, without what neither JSON nor a reader can use.

    Halves of surrogate pairs are joined where they belong together and dropped where they do not; a soft hyphen goes
    with the line break behind it.
    """
    text = text[:TEXT_MAX_CHARS].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return unicodedata.normalize("NFKC", _UNPRINTABLE.sub("", text))[:TEXT_MAX_CHARS]


def _says_something(text: str) -> bool:
    return any(map(str.isalnum, text))


def _has_picture(page: "PageObject") -> bool:
    """Whether a page shows an image, itself or in its forms; without decoding any."""
    waiting: list[Any] = [page]
    seen: set[int] = set()
    while waiting and len(seen) < FORMS_MAX:
        resources = _resolved(waiting.pop().get("/Resources"))
        named = [_resolved(each) for each in _resolved(resources.get("/XObject")).values()]
        if any(each.get("/Subtype") == "/Image" for each in named):
            return True
        waiting += [each for each in named if id(each) not in seen]
        seen.update(map(id, named))
    contents = page.get_contents()
    return contents is not None and bool(_INLINE_IMAGE.search(contents.get_data()))


def _resolved(entry: Any) -> Any:
    """A dictionary that may be given by reference, or not at all."""
    found = entry.get_object() if entry is not None else None
    return found if isinstance(found, dict) else {}
