"""What in a document supports a tag: only what stands there is ever shown, in the document's own words.

A quote is looked for without regard to case, white space, hyphens and quotation marks.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from actors.answer import Quote
from actors.prompt import beginning, visible
from actors.spelling import singular
from protocol.messages import Evidence

QUOTE_MAX_CHARACTERS = 300
"""Of a quote are shown."""
CLAIM_MAX_CHARACTERS = 2_000
"""What is longer is no quote."""
CLAIM_MIN_CHARACTERS = 2
"""Letters and digits; what is shorter stands everywhere."""
PLACES_MAX = 1_000
"""In a page are looked at for one quote."""
AROUND_CHARACTERS = 120
"""Before and behind a phrase, its sentence is looked for."""

_GAPS = (
    r"\s\-\u00ad\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff'\"\u2018-\u201f\u02bc\u00ab\u00bb*`"
)
"""Besides gaps: quotation marks, which a model within JSON writes otherwise than the document, and what makes bold."""
_GAP, _SOLID = re.compile(f"[{_GAPS}]+"), re.compile(f"[^{_GAPS}]+")
_EDGES = " \t\n.,;:\u2026'\"\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_CUT_WORD = re.compile(r"(?<=\w)[-\u2010]\n\s*(?=[^\W\d_])")
_SENTENCE_END = re.compile(r"[.!?\u3002\u0964]+(?:\s+|$)|\n[ \t]*\n")
_WORDS_PARTED_BELOW = "\u0e00"
"""From here on scripts put no spaces between words."""


def supported(tags: Sequence[str], quotes: Iterable[tuple[str, Quote]], pages: Sequence[str]) -> list[Evidence]:
    """For each tag the first of its quotes that stands in the document, where one does.

    `quotes`: each with the tag that it is for, in that tag's final form.
    """
    found: dict[str, Evidence] = {}
    read = [_Page(number, text) for number, text in enumerate(pages, 1)]
    for tag, quote in quotes:
        if tag in tags and tag not in found and (evidence := _verified(tag, quote, read)):
            found[tag] = evidence
    return [found[tag] for tag in tags if tag in found]


def sentences(tags: Iterable[str], pages: Sequence[str]) -> list[Evidence]:
    """For each tag the first sentence in which its words stand together, in singular or plural, where one does."""
    read = [_Page(number, text) for number, text in enumerate(pages, 1)]
    return [evidence for tag in tags if (evidence := next(_sentences_with(tag, read), None))]


def _sentences_with(tag: str, pages: list["_Page"]) -> Iterator[Evidence]:
    for page in pages:
        if place := page.find(tag) or page.find(f"{tag}s") or page.find(singular(tag)):
            yield page.show(tag, page.sentence(place))


def _verified(tag: str, quote: Quote, pages: list["_Page"]) -> Evidence | None:
    if len(quote.text) > CLAIM_MAX_CHARACTERS:
        return None
    text = unicodedata.normalize("NFKC", quote.text).strip(_EDGES)
    if sum(map(str.isalnum, text)) < CLAIM_MIN_CHARACTERS:
        return None
    for page in sorted(pages, key=lambda page: page.number != quote.page):
        if place := page.find(text):
            return page.show(tag, place)
    return None


class _Page:
    """A page in which one looks for words."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self._text = text

    @cached_property
    def _squeezed(self) -> str:
        return _GAP.sub("", _folded(self._text))

    @cached_property
    def _solids(self) -> tuple[list[int], list[int]]:
        """Where each run without gaps begins: in the squeezed text, and in the text itself."""
        spans = [solid.span() for solid in _SOLID.finditer(self._text)]
        return list(accumulate((end - start for start, end in spans), initial=0)), [start for start, _ in spans]

    def find(self, words: str) -> range | None:
        """Where these words first stand as whole words."""
        sought = _GAP.sub("", _folded(words))
        at = -1
        for _ in range(PLACES_MAX):
            at = self._squeezed.find(sought, at + 1)
            if at < 0 or not sought:
                break
            place = range(self._origin(at), self._origin(at + len(sought) - 1) + 1)
            if not (self._within_word(place.start) or self._within_word(place.stop)):
                return place
        return None

    def _origin(self, at: int) -> int:
        """Where a sign of the squeezed text stands in the text itself."""
        squeezed, starts = self._solids
        solid = bisect_right(squeezed, at) - 1
        return starts[solid] + at - squeezed[solid]

    def _within_word(self, at: int) -> bool:
        pair = self._text[at - 1 : at + 1] if at else ""
        return len(pair) == 2 and pair.isalnum() and max(pair) < _WORDS_PARTED_BELOW

    def sentence(self, place: range) -> range:
        """The sentence around a place, or the words around it where that goes far."""
        low, high = max(0, place.start - AROUND_CHARACTERS), place.stop + AROUND_CHARACTERS
        first = self._text.find(" ", low, place.start) + 1 if low else 0
        ended = [end.end() for end in _SENTENCE_END.finditer(self._text, low, place.start)]
        last = self._text.rfind(" ", place.stop, high) if high < len(self._text) else high
        ends = _SENTENCE_END.search(self._text, place.stop, high)
        return range(max([first, *ended]), max(place.stop, ends.end() if ends else last))

    def show(self, tag: str, place: range) -> Evidence:
        """What stands there, on one line."""
        words = _CUT_WORD.sub("", visible(self._text[place.start : place.stop]))
        return Evidence(tag=tag, page=self.number, quote=beginning(" ".join(words.split()), QUOTE_MAX_CHARACTERS))


def _folded(text: str) -> str:
    """In lower case, sign by sign, so that places stay what they are."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
    return low
