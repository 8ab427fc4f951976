"""The one spelling that all tags have, and when two of them are the same word in another form."""

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from snowballstemmer import stemmer

TAG_LIMIT_CHARACTERS = 60
REMEMBERED_CHARACTERS = 4_096
REMEMBERED_STEMS = 16_384
ALIKE_LETTERS = 2
"""With which two words must begin to have one stem: few need to be stemmed, which takes 12 microseconds a word."""

_POSSESSIVE = re.compile(r"['\u2019](?=s\b)")
_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")
_JOINERS = "\u200c\u200d"
_SCRIPTS_WITH_JOINERS = r"\u0590-\u1fff\ua800-\uabff\U00010a00-\U00011fff"
_LOOSE_JOINERS = re.compile(rf"(?<![{_SCRIPTS_WITH_JOINERS}])[{_JOINERS}]+|[{_JOINERS}]+(?=-|$)")
"""Zero-width joiners, but for those within Arabic, Devanagari ...: there they belong to the spelling of a word."""
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_GREEK = re.compile(r"(?<=[ey])s[ei]s$")
_BETWEEN_WORDS = re.compile(r"[- ]")
LINKS = frozenset(["a", "an", "and", "for", "in", "of", "on", "the", "to", "with"])

_porter, _one_at_a_time = stemmer("porter"), threading.Lock()


def kebab(text: str) -> str:
    """A phrase as a tag: at most `TAG_LIMIT_CHARACTERS`, whole words. Empty if no letter is in it."""
    spelled = spell(text[: 4 * TAG_LIMIT_CHARACTERS])
    if len(spelled) > TAG_LIMIT_CHARACTERS:
        spelled = spelled[: TAG_LIMIT_CHARACTERS + 1].rpartition("-")[0].rstrip(_JOINERS)
    return spelled if any(map(str.isalpha, spelled)) else ""


def spell(text: str) -> str:
    """A text of any length in lower case, its words joined by hyphens.

    Letters and digits of all scripts stay, with their combining marks; everything else separates words.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    text = _POSSESSIVE.sub("", text)
    if text.isascii():
        return _NOT_ASCII_WORD.sub("-", text).strip("-")
    words = filter(None, map(_from_letter, text.translate(_CHARACTERS).split("-")))
    return _settled("-".join(words))


def _settled(text: str) -> str:
    """Without loose joiners, composed: taking one out lets a mark meet another letter, which may loosen the next."""
    while (settled := unicodedata.normalize("NFKC", _LOOSE_JOINERS.sub("", text))) != text:
        text = settled
    return text


def _from_letter(word: str) -> str:
    start = 0
    while word[start : start + 1] and not word[start].isalnum():
        start += 1
    return word[start:]


class _Characters(dict[int, str]):
    """What `spell` makes of a character: itself, a hyphen, or nothing."""

    def __missing__(self, code: int) -> str:
        kept = self._kept(code)
        if len(self) < REMEMBERED_CHARACTERS:
            self[code] = kept
        return kept

    @staticmethod
    def _kept(code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)
        if kind[0] in "LN" or character in _JOINERS:
            return character
        if kind in ("Mn", "Mc"):
            return "" if code in _VARIATION_SELECTORS else character
        return "" if kind in ("Cf", "Me") else "-"


_CHARACTERS = _Characters()


@lru_cache(maxsize=REMEMBERED_STEMS)
def stem(word: str) -> str:
    """The stem of a lower-case English word, by Porter, who does not know `analyses` from `analyse`."""
    with _one_at_a_time:  # it keeps the word in itself
        return str(_porter.stemWord(_GREEK.sub("s", word)))


def singular(low: str) -> str:
    """A lower-case word without the s of a plural: a key to compare by, not always a word."""
    if len(low) < 4 or low[-1] != "s" or low.endswith(("ss", "us", "is")):
        return low
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    return low[:-2] if low.endswith(("sses", "shes", "ches", "xes")) else low[:-1]


def distinct(phrases: Iterable[str], stem_of: Callable[[str], str] = stem) -> Iterator[str]:
    """The phrases, lower case, without those that are an earlier one in another form.

    Forms are `network-analysis` and `network-analyses`, `data-set` and `datasets`, `risk-management` and
    `management-of-risks`.

    `stem_of`: tells that of a word, in a language other than English; it leaves the first ALIKE_LETTERS as they are.
    """
    met: dict[tuple[str, ...], list[list[str]]] = {}
    written: set[str] = set()
    for phrase in phrases:
        words = _without_links(_BETWEEN_WORDS.split(phrase))
        alike = met.setdefault(tuple(sorted(word[:ALIKE_LETTERS] for word in words)), [])
        as_one = singular("".join(words))
        if as_one not in written and not (
            alike and _stems(words, stem_of) in [_stems(each, stem_of) for each in alike]
        ):
            yield phrase
        alike.append(words)
        written.add(as_one)


def _without_links(words: list[str]) -> list[str]:
    """Without what only links the words around it: there are "on-line" and "add-on"."""
    return words[:1] + [word for word in words[1:-1] if word not in LINKS] + words[1:][-1:]


def _stems(words: Iterable[str], stem_of: Callable[[str], str]) -> list[str]:
    return sorted(map(stem_of, words))
