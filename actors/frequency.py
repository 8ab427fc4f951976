"""Texts that are not English: their grammar is not known, and what is left is how often and behind what a word stands.

A phrase is a word, or two neighbours that meet more than once. Nouns go first: an article stands before them, in
Hindi a postposition behind them, and in German they begin large.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from snowballstemmer import stemmer

from actors.ideographs import clauses, is_unspaced, unspaced
from actors.prose import MAX_TOKEN
from actors.smallwords import ARTICLES, COUNTING, ENCLITICS, POSTPOSITIONS, SILENT
from actors.spelling import distinct
from actors.writing import language_of

CHARACTERS = 20_000  # are counted
MEETINGS = 2  # make two neighbours a phrase
PAIR = 2  # what such a meeting is worth; that of a word that stands like a noun is as much
ELIDED = re.compile(r"\b([ldjmnstc]|qu|jusqu|lorsqu|puisqu|un|dell|all|nell|dall|sull)'(?=\w)", re.IGNORECASE)
"""`l'eau`"""
MISCODED = re.compile(r"[\u0900-\u0dff][:;]+[\u0900-\u0dff]|[\u0900-\u0dff][0-9A-Za-z]|[0-9A-Za-z][\u0900-\u0dff]")
"""Words of Indic scripts whose font tells wrong characters for some glyphs; what is left of them is no word."""
STEMMERS = {
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "hi": "hindi",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
}
STOP = "|"


class _Word(NamedTuple):
    shown: str
    low: str


def frequent(text: str) -> Iterator[str]:
    """The words and pairs that stand most often in the beginning of `text`, in lower case, in one form each."""
    text = text[:CHARACTERS]
    language = language_of(text) or ""
    words, runs = _split(text, chinese=language == "zh")
    scores = unspaced(runs) + _Nouns(words, large=language == "de").scores()
    ranked = sorted(scores, key=lambda phrase: (-scores[phrase], -len(phrase)))
    return distinct(ranked, cache(stemmer(STEMMERS[language]).stemWord)) if language in STEMMERS else iter(ranked)


def _split(text: str, *, chinese: bool) -> tuple[list[_Word], list[tuple[str, ...]]]:
    """The words between spaces and signs, and the clauses of scripts without spaces."""
    if MISCODED.search(text):
        text = " ".join(STOP if MISCODED.search(word) else word for word in text.split())
    signs = {ord(sign): f" {STOP} " for sign in set(text) if unicodedata.category(sign)[0] in "PS" and sign != "-"}
    words: list[_Word] = []
    runs: list[tuple[str, ...]] = []
    for each in ELIDED.sub(r"\1 ", text).translate(signs).split():
        shown = each.strip("-") or STOP
        if shown[0].isdigit() or is_unspaced(shown):
            runs += clauses(shown, chinese=chinese)
            shown = STOP
        words.append(_Word(shown, shown.lower()))
    return words, runs


class _Nouns:
    """The words of a text that may be what it is about. `large`: in its language nouns begin large."""

    def __init__(self, words: list[_Word], *, large: bool) -> None:
        edge = _Word(STOP, STOP)
        self._words = [edge, *words, edge]
        self._large = large
        self._content = {low: _is_content(low) for low in {word.low for word in words}} | {STOP: False}

    def scores(self) -> Counter[str]:
        """How often each word stands there and shows that it is a noun, and how often pairs meet."""
        counts: Counter[str] = Counter()
        scores: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        for at in filter(self._may_name, range(1, len(self._words) - 1)):
            before, low = self._words[at - 1].low, self._words[at].low
            counts[low] += 1
            scores[low] += 1 + self._is_marked(at)
            if self._content[before]:
                pairs[before, low] += 1
        often = {pair: times for pair, times in pairs.items() if times >= MEETINGS}
        bound = {word for pair, times in often.items() for word in pair if counts[word] == times}
        singles = Counter({low: score for low, score in scores.items() if low not in bound})
        return singles + Counter({" ".join(pair): PAIR * times for pair, times in often.items()})

    def _may_name(self, at: int) -> bool:
        before, word, after = self._words[at - 1 : at + 2]
        if not self._content[word.low] or (_is_short(word.low) and not self._is_marked(at)):
            return False
        if not self._large:
            return True
        # Every sentence begins large; a noun is seldom followed by another one.
        return word.shown[0].isupper() and (before.low != STOP or not after.shown[0].isupper())

    def _is_marked(self, at: int) -> bool:
        before, word, after = self._words[at - 1 : at + 2]
        named = word.shown[0].isupper() and before.low != STOP
        return named or before.low in ARTICLES or after.low in POSTPOSITIONS


def _is_content(low: str) -> bool:
    if not low[0].isalpha() or len(low) > MAX_TOKEN or low in SILENT or ("-" in low and not _is_compound(low)):
        return False
    return sum(map(str.isalpha, low)) >= _shortest(low)


def _is_compound(low: str) -> bool:
    """`sous-sol`, but not `peut-être`, `dit-elle` or `trois-pièces`."""
    parts = low.split("-")
    if parts[0] in ARTICLES or parts[0] in COUNTING or parts[-1] in ENCLITICS:
        return False
    return not all(part in SILENT for part in parts)


def _shortest(low: str) -> int:
    """Letters of a word of content: Arabic leaves vowels out, and Indic scripts hang them on."""
    return 2 if low[0] >= "\u0900" else 3


def _is_short(low: str) -> bool:
    """Three letters are a word of content only where it stands like a noun."""
    return len(low) < 4 and low[0] < "\u0590"
