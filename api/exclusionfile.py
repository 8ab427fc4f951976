"""`exclusion_file` of a form: a list of terms as text, read here, or as PDF, which a worker reads later.

Terms that are none would be taken in silence, and what was to be kept out would come through: so what looks like
anything but a list is refused.
"""

import re
from typing import NamedTuple

import msgspec

from api.csvtext import Text, decode
from api.multipart import Part
from api.table import Unreadable
from protocol.config import TaggingConfig
from protocol.exclusions import LIST_PDF_MAX_BYTES, LIST_TEXT_MAX_BYTES, TERMS_MAX, BadList, read_terms
from protocol.faults import Fault, InvalidRequest

FIELD = "exclusion_file"
PDF_TYPE = "application/pdf"
HEADER_WITHIN_BYTES = 1024

_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
"""How Office's files, new and old, and packed ones begin."""
_MARKUP = re.compile(r'\s*(?:<[!?/a-z]|\{\\rtf|\[\s*["{[]|\{\s*")', re.IGNORECASE)
# But for the end of a file that DOS puts there.
_CONTROL = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")


class Exclusions(NamedTuple):
    """What a list says; one of the two, or neither where there is no list."""

    terms: list[str] = []
    pdf: bytes = b""
    read_as: str = ""
    """How it was understood, for people."""


def read_exclusions(file: Part | None) -> Exclusions:
    """Blocking, and not quick where the encoding must be guessed.

    Raises:
        InvalidRequest: about `exclusion_file`.
    """
    if file is None:
        return Exclusions()
    is_pdf = b"%PDF-" in file.content[:HEADER_WITHIN_BYTES]
    limit_bytes = LIST_PDF_MAX_BYTES if is_pdf else LIST_TEXT_MAX_BYTES
    if len(file.content) > limit_bytes:
        raise _refused(f"is larger than {limit_bytes // 2**20} MiB")
    if is_pdf:
        return Exclusions(pdf=file.content, read_as="exclusion list in PDF: read by a worker before the first row")
    try:
        text, encoding = _text(file)
        terms = read_terms(text)
    except (BadList, Unreadable) as fault:
        raise _refused(str(fault)) from None
    count = f"{len(terms):,} term{'s' if len(terms) > 1 else ''}"
    return Exclusions(terms, read_as=f"exclusion list in {encoding}: {count}")


def _text(file: Part) -> Text:
    """What the file says, if it is text of the plainest kind.

    Raises:
        Unreadable: it is something else, whatever it is called.
    """
    if not file.content:
        raise Unreadable("is empty")
    if file.media_type == PDF_TYPE or file.file_name.lower().endswith(".pdf"):
        raise Unreadable("is no PDF, though it is called one")
    if file.content.startswith(_ARCHIVES):
        raise Unreadable("is an archive or a document of an office suite; save the list as plain text or as PDF")
    text = decode(file.content, file.charset)
    if _CONTROL.search(text.text):
        raise Unreadable("holds control characters: it is no text")
    if _MARKUP.match(text.text):
        raise Unreadable("looks like markup or JSON; a list has a term a line, or several with commas between")
    return text


def with_terms(config: TaggingConfig, terms: list[str]) -> TaggingConfig:
    """The config with these terms excluded as well.

    Raises:
        InvalidRequest: together they are too many.
    """
    words = list(dict.fromkeys([*config.exclusion_words, *terms]))
    if len(words) > TERMS_MAX:
        raise _refused(f"and exclusion_words hold more than {TERMS_MAX:,} terms together")
    return msgspec.structs.replace(config, exclusion_words=words) if terms else config


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest([Fault(FIELD, why)])
