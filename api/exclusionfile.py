"""`exclusion_file` of a form: a list of terms as text, read here, or as PDF, which a worker reads later."""

from typing import NamedTuple

import msgspec

from api.csvtext import decode
from api.multipart import Part
from api.table import Unreadable
from protocol.config import TaggingConfig
from protocol.exclusions import LIST_PDF_MAX_BYTES, LIST_TEXT_MAX_BYTES, TERMS_MAX, BadList, read_terms
from protocol.faults import Fault, InvalidRequest

FIELD = "exclusion_file"
HEADER_WITHIN_BYTES = 1024


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
        return Exclusions(pdf=file.content, read_as="exclusion list in PDF")
    try:
        text, encoding = decode(file.content, file.charset)
        return Exclusions(read_terms(text), read_as=f"exclusion list in {encoding}")
    except (BadList, Unreadable) as fault:
        raise _refused(str(fault)) from None


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
