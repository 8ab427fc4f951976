"""The tagger that needs no network: keywords taken from the text itself, model name `local/keywords`.

A candidate is a run of words between words that never name a subject: function words, verbs, words of praise. It is
ranked by how early and how often it stands there and by what it is made of. What decides is where a run ends; halving
or doubling a weight changes F1 on abstracts by a point or two. Words and weights are set by hand.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from actors.frequency import frequent
from actors.languages import bare_words, is_english
from actors.lexicon import ADJECTIVE_ENDS, COMMON
from actors.outline import Parts, listed, take_apart
from actors.phrases import MAX_PHRASE, MAX_WORDS, Run, find_runs
from actors.prose import tidied, unwrapped
from actors.spelling import distinct, singular

__all__ = ["MAX_CHARACTERS", "MAX_PHRASE", "MAX_WORDS", "Keywords", "keywords"]

MAX_CHARACTERS = 60_000  # of the text are looked at: what a document is about stands in its first twenty pages

# --- weights, in natural logarithms: 0.7 is worth as much as standing there twice as often -------------------------
LENGTH = {1: -1.0, 2: 0.3, 3: 0.4, 4: 0.2, 5: -0.2}  # one word seldom names a subject, six are a sentence
NESTED = 0.5  # an occurrence inside a longer candidate counts half
POSITION = 0.5  # how much a late first mention costs
EARLY = 40  # words from which on it does
ALL_COMMON = -2.0  # "data set": every word would fit any document
COMMON_HEAD = -0.3  # "Kalman filter method"
ADJECTIVE = -0.5  # "nonlinear": ends like an adjective, so its noun was cut off
ACRONYM = 0.7
CAPITAL = 0.3
DECLARED = 5.0  # the authors say that it is a keyword


@dataclass(frozen=True, slots=True)
class Keywords:
    """What a text is about, in its own words."""

    phrases: list[str]
    """Best first, lower case, words separated by single spaces, no two alike but for a plural s;
    1 to MAX_WORDS words and 2 to MAX_PHRASE characters each, with a letter among them; a single letter only where the
    text has no longer word. Empty only where the text has no letters but those of numbers (`4th`)."""

    degraded: bool
    """True where the text is not English or names nothing: the phrases are then only the most frequent ones, whatever
    they mean."""


def keywords(text: str, count: int) -> Keywords:
    """The `count` (0 or more) best phrases of `text`, fewer where it has no more; at least one if it has words.

    Only the first MAX_CHARACTERS are read; up to there the time taken grows linearly.
    """
    tidy = tidied(text[:MAX_CHARACTERS])
    degraded = not is_english(tidy)
    ranked = frequent(tidy) if degraded else _best(tidy)
    phrases = list(islice(distinct(filter(_is_usable, ranked)), max(1, count)))
    if not phrases:
        phrases = bare_words(tidy) or bare_words(text[:MAX_CHARACTERS])  # untidied, there are the words of addresses
        degraded = degraded or bool(phrases)
    return Keywords(phrases[:count], degraded)


def _is_usable(phrase: str) -> bool:
    return len(phrase) <= MAX_PHRASE and any(map(str.isalpha, phrase)) and sum(map(str.isalnum, phrase)) > 1


def _best(text: str) -> list[str]:
    parts = take_apart(text)
    candidates = _gather(_runs_of(parts))
    for phrase in listed(parts.declared):
        candidate = candidates.setdefault(_key(phrase.split(" ")), _Candidate(0))
        candidate.count += 1
        candidate.declared = True
        candidate.spellings[phrase] += 1
    ranked = sorted(candidates.values(), key=lambda candidate: (-_score(candidate), candidate.first))
    return [candidate.phrase for candidate in ranked]


def _runs_of(parts: Parts) -> list[Run]:
    body = find_runs(unwrapped(parts.body))
    if not parts.header:
        return body
    # Of a header only what comes up again is a subject: names and addresses do not.
    known = {singular(word.low) for run in body for word in run}
    return find_runs(unwrapped(parts.header), known) + body


_Key = tuple[str, ...]


class _Candidate:
    __slots__ = ("acronyms", "capitals", "count", "declared", "first", "spellings")

    def __init__(self, first: int) -> None:
        self.first = first  # in words from the start
        self.count = 0.0  # one inside a longer candidate counts NESTED
        self.capitals = 0
        self.acronyms = 0
        self.declared = False
        self.spellings: Counter[str] = Counter()

    @property
    def phrase(self) -> str:
        return max(self.spellings, key=self.spellings.__getitem__)

    def add(self, run: Run) -> None:
        last = run[-1].shown
        self.count += 1
        self.acronyms += _is_acronym(last)
        self.capitals += last[0].isupper() and len(run) > 1
        self.spellings[" ".join(word.low for word in run)] += 1


def _is_acronym(shown: str) -> bool:
    """`HTML` and `PalmSource`, but not a word of a shouted heading."""
    return shown[1:] != shown[1:].lower() and (len(shown) <= 6 or not shown.isupper())


def _key(words: Iterable[str]) -> _Key:
    return tuple(map(singular, words))


def _gather(runs: list[Run]) -> dict[_Key, _Candidate]:
    keyed = [(_key(word.low for word in run), run) for run in runs]
    found: dict[_Key, _Candidate] = {}
    for key, run in keyed:
        found.setdefault(key, _Candidate(run[0].place)).add(run)
    for key, run in keyed:
        for start, end in SPANS[len(key)]:
            inner = found.get(key[start:end])
            if inner:
                inner.count += NESTED
                inner.first = min(inner.first, run[start].place)
    return found


SPANS = [
    [(start, start + size) for size in range(1, length) for start in range(length - size + 1)]
    for length in range(MAX_WORDS + 1)
]


def _score(candidate: _Candidate) -> float:
    words = candidate.phrase.split(" ")
    score = LENGTH[len(words)] + math.log(candidate.count) - POSITION * math.log(1 + candidate.first / EARLY)
    return score + _made_of(words) + _written(candidate, words[-1]) + candidate.declared * DECLARED


def _made_of(words: list[str]) -> float:
    if all(word in COMMON for word in words):
        return ALL_COMMON
    return COMMON_HEAD if words[-1] in COMMON else 0.0


def _written(candidate: _Candidate, last: str) -> float:
    if candidate.acronyms * 2 > candidate.count:
        return ACRONYM
    named = CAPITAL if candidate.capitals * 2 > candidate.count else 0.0
    return named + (ADJECTIVE if last.endswith(ADJECTIVE_ENDS) else 0.0)
