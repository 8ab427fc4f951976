"""The terms that tags are chosen from, and the nearest of them to what a model proposes.

Two phrases are near where their words have the same roots in any order, where they differ in how they are parted into
words, where a long word differs in one letter, and where a term is more than half of a proposal. What is further away
is dropped: a wrong term is worse than none. Nothing here looks at all terms at once.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from actors.spelling import LINKS, kebab, singular, spell, stem

TYPO_MIN_LETTERS = 7
"""Of a root; in shorter ones a letter makes another word."""
CANDIDATES_MAX = 100
"""Roots that are compared with one that is not known."""
REMEMBERED = 8

_BRITISH = (
    (re.compile(r"(?<=..[iy])s(?=(?:e|ed|ing|er|ers|ation|ations|ational)$)"), "z"),
    (re.compile(r"(?<=..)our(?=$|s$|ed$|ing$|al$|able$|ful$|ite$)"), "or"),
    (re.compile(r"(?<=[bt])re(?=s?$)"), "er"),
    (re.compile(r"(?<=m)me(?=s?$)"), ""),
    (re.compile(r"ae|(?<!^sh)oe(?=\w{3})"), "e"),
)
_DOUBLED = re.compile(r"ll|mm")

_building = threading.Lock()


def vocabulary_of(words: tuple[str, ...]) -> "Vocabulary":
    """The vocabulary of a job; remembered, as all rows of a job share it, and built once although many ask at once."""
    with _building:
        return _built(words)


class Vocabulary:
    """Terms in the spelling of tags, indexed."""

    def __init__(self, words: Iterable[str]) -> None:
        self._terms = dict.fromkeys(filter(None, map(kebab, words)))
        self._by_roots: dict[str, str] = {}
        for term in self._terms:
            for key in (_in_any_order(_roots(term)), _root(term.replace("-", ""))):
                self._by_roots.setdefault(key, term)
        self._known = _Roots({root for term in self._terms for root in _roots(term)})
        self._in_text: dict[str, str] = {}
        self._sizes: dict[str, set[int]] = {}
        for term in self._terms:
            words_of = [singular(word) for word in term.split("-")]
            self._in_text.setdefault("-".join(words_of), term)
            self._sizes.setdefault(words_of[0], set()).add(len(words_of))

    def nearest(self, tag: str) -> str:
        """The term that a tag means; empty: none."""
        if tag in self._terms:
            return tag
        roots = _roots(tag)
        known = [self._known.nearest(root) for root in roots]
        keys = _in_any_order(roots), _root(tag.replace("-", "")), _in_any_order(known), *_parts(known)
        return next((self._by_roots[key] for key in keys if key in self._by_roots), "")

    def within(self, text: str) -> list[str]:
        """The terms that stand in a text, in singular or plural, the most frequent first."""
        words = [singular(word) for word in spell(text).split("-")]
        counts: Counter[str] = Counter()
        for at, word in enumerate(words):
            for size in sorted(self._sizes.get(word, ()), reverse=True):
                term = self._in_text.get("-".join(words[at : at + size]))
                if term:
                    counts[term] += 1
        return [term for term, _ in counts.most_common()]


_built = lru_cache(maxsize=REMEMBERED)(Vocabulary)


def _roots(tag: str) -> list[str]:
    words = tag.split("-")
    return [_root(word) for word in words if word not in LINKS] or words


def _root(word: str) -> str:
    """A word without its ending, the same in British and American spelling."""
    for british, american in _BRITISH:
        word = british.sub(american, word)
    return _DOUBLED.sub(lambda twice: twice[0][0], stem(word))


def _in_any_order(roots: Iterable[str]) -> str:
    return " ".join(sorted(roots))


def _parts(roots: list[str]) -> Iterator[str]:
    """Whatever stands together in these and is more than half of them, the longest first."""
    for size in range(len(roots) - 1, len(roots) // 2, -1):
        for start in range(len(roots) - size + 1):
            yield _in_any_order(roots[start : start + size])


class _Roots:
    """Roots, to find the one that another is misspelled from: half of each is spelled right."""

    def __init__(self, roots: set[str]) -> None:
        self._roots = roots
        self._halves: dict[tuple[int, str, str], list[str]] = {}
        for root in roots:
            for half in _halves(root, len(root)):
                self._halves.setdefault(half, []).append(root)

    def nearest(self, root: str) -> str:
        """The only root that differs in one letter, or in two that are swapped; else the same."""
        if root in self._roots or len(root) < TYPO_MIN_LETTERS:
            return root
        sizes = range(len(root) - 1, len(root) + 2)
        alike = (one for size in sizes for half in _halves(root, size) for one in self._halves.get(half, ()))
        found = {one for one in islice(alike, CANDIDATES_MAX) if _one_apart(one, root)}
        return found.pop() if len(found) == 1 else root


def _halves(word: str, size: int) -> Iterator[tuple[int, str, str]]:
    """The beginning and the end that a word of so many letters would share with this one."""
    middle = size // 2
    yield size, word[:middle], ""
    yield size, "", word[len(word) - (size - middle) :]


def _one_apart(one: str, other: str) -> bool:
    """Whether a single letter was added, left out, replaced, or swapped with the next, but not the first."""
    shortest = min(len(one), len(other))
    start = next((at for at in range(shortest) if one[at] != other[at]), shortest)
    end = next((at for at in range(shortest - start) if one[-1 - at] != other[-1 - at]), shortest - start)
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    return start > 0 and (max(len(left), len(right)) == 1 or (len(left) == 2 and left == right[::-1]))
