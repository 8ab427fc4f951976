"""Exclusion lists: what stands in them. A line holds one term or many, with commas between; `#` begins a comment."""

import re
from collections.abc import Iterable, Iterator

from protocol.config import WORD_LENGTH_MAX

TERMS_MAX = 5_000
"""Of a list and of `config.exclusion_words` together."""
LIST_TEXT_MAX_BYTES = 1024 * 1024
LIST_PDF_MAX_BYTES = 4 * 1024 * 1024
LIST_PAGES_MAX = 50

# At the start of a line or behind a space, so that `C#` is a term.
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_MARKS = re.compile("[\x00-\x1f\x7f-\x9f\ufeff]+")
_QUOTES = "\"'\u201c\u201d"


class BadList(ValueError):
    """The list cannot be used; the text is the rest of a sentence that begins with `it`."""


def read_terms(text: str, terms_max: int = TERMS_MAX) -> list[str]:
    """The terms of a list, in its order, each once.

    Raises:
        BadList: it holds none, too many, or one that is too long.
    """
    terms = list(dict.fromkeys(_terms(text.splitlines())))
    if not terms:
        raise BadList("holds no term")
    if len(terms) > terms_max:
        raise BadList(f"holds more than {terms_max:,} terms")
    return terms


def _terms(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        for part in _COMMENT.sub("", line).split(","):
            term = _MARKS.sub(" ", part).strip().strip(_QUOTES).strip()
            if len(term) > WORD_LENGTH_MAX:
                raise BadList(f"holds a term of more than {WORD_LENGTH_MAX} characters (line {number})")
            if term:
                yield term
