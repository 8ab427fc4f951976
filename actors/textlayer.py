"""The text layer of a PDF as pypdf reads it; for a child of `sandbox` only."""

import io
import logging
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.entered import entered_on
from actors.errors import DocumentRefused
from actors.fonts import is_guessed
from actors.legible import TEXT_MAX_CHARS
from protocol.words import ErrorCode

if TYPE_CHECKING:
    from pypdf import PdfReader

# Tighter than pypdf's own: its limits count per stream, and ten pages may all show the same one.
LIMITS: dict[str, Any] = {
    "zlib_maximum_output_length": 20_000_000,
    "stream_parsing_work_maximum_count": 300_000,
    "page_tree_maximum_entries": 20_000,
    "jbig2dec_binary": None,  # no programs are run for a document here
    "disable_legacy_handling": True,  # half a millisecond a document
}

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


class Layer(NamedTuple):
    """What pypdf found."""

    pages: list[str | DocumentRefused]
    """The text of each page as it stands there, or why it could not be read. They end where there is enough text."""
    entered: list[str]
    """What people have entered on each page: it is shown there, and no part of that text."""
    page_count: int
    """Of the whole document."""


def read_layer(data: bytes, num_pages: int, password: str | None = None) -> Layer:
    """Read the first `num_pages` pages. One that is broken does not spoil the others; one too heavy is the last.

    Raises:
        DocumentRefused: `code` is one of corrupt, encrypted, too-complex.
        MemoryError: the document wants more than the process may have.
    """
    from pypdf import apply_configuration  # noqa: PLC0415 - in the child only

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it comments on every oddity of a file
    # pypdf keeps its limits in a context variable: a thread started elsewhere would not have them.
    with _faults(), apply_configuration(**LIMITS):
        reader = _opened(data, password)
        page_count = len(reader.pages)
        pages = _pages(reader, min(num_pages, page_count))
        return Layer(pages, [_entered(reader, number) for number in range(len(pages))], page_count)


def _pages(reader: "PdfReader", count: int) -> list[str | DocumentRefused]:
    from pypdf.errors import LimitReachedError  # noqa: PLC0415 - in the child only

    pages: list[str | DocumentRefused] = []
    room = TEXT_MAX_CHARS
    for number in range(count):
        try:
            text = reader.pages[number].extract_text()
            pages.append(undecodable() if text and is_guessed(reader.pages[number]) else text)
            room -= len(text)
        except LimitReachedError:
            return pages + [too_complex()] * (count - number)
        except _broken():
            pages.append(corrupt())
        if room <= 0:
            break
    return pages


def _entered(reader: "PdfReader", number: int) -> str:
    with suppress(RecursionError, *_broken()):
        return "\n".join(entered_on(reader.pages[number]))[:TEXT_MAX_CHARS]
    return ""


@contextmanager
def _faults() -> Iterator[None]:
    """pypdf's errors, and the stray ones that broken files make it throw, become ours."""
    from pypdf.errors import FileNotDecryptedError, LimitReachedError  # noqa: PLC0415 - in the child only

    try:
        yield
    except (LimitReachedError, RecursionError):
        raise too_complex() from None
    except FileNotDecryptedError:
        raise encrypted() from None
    except _broken():
        raise corrupt() from None


def _broken() -> tuple[type[Exception], ...]:
    from pypdf.errors import DependencyError, DeprecationError, PyPdfError  # noqa: PLC0415 - in the child only

    return PyPdfError, DependencyError, DeprecationError, *_STRAY


def _opened(data: bytes, password: str | None) -> "PdfReader":
    """A document that only its owner has locked opens without a password, and with a wrong one too."""
    from pypdf import PdfReader  # noqa: PLC0415 - in the child only

    reader = PdfReader(io.BytesIO(data))  # in memory: pypdf reads in small bites, which a file answers slowly
    if reader.is_encrypted and not reader.decrypt("") and not (password and reader.decrypt(password)):
        raise encrypted(wrong=bool(password))
    return reader


def sealed() -> DocumentRefused:
    """What a document ends with that opens for whoever holds a certificate, or a program of somebody's own."""
    return DocumentRefused("The document is encrypted; no password opens it.", code=ErrorCode.ENCRYPTED)


def encrypted(*, wrong: bool = False) -> DocumentRefused:
    """What a document ends with that wants a password, or another one."""
    reason = "the password given does not open it" if wrong else "it needs a password"
    return DocumentRefused(f"The document is encrypted; {reason}.", code=ErrorCode.ENCRYPTED)


def corrupt() -> DocumentRefused:
    """What a document ends with that no reader can open."""
    return DocumentRefused("The document is damaged and cannot be read.", code=ErrorCode.CORRUPT)


def undecodable() -> DocumentRefused:
    """What a page ends with whose text stays a riddle."""
    return DocumentRefused(
        "The text cannot be decoded: its fonts do not say which characters they show.", code=ErrorCode.NO_TEXT
    )


def too_complex() -> DocumentRefused:
    """What a document ends with that wants more time or memory than one may have."""
    return DocumentRefused("The document is too complex to be read here.", code=ErrorCode.TOO_COMPLEX)
