"""Runs of words that may name a subject, between words that never do: function words, verbs, words of praise."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from actors.lexicon import (
    AUXILIARIES,
    BEFORE_GERUND,
    BEFORE_ORDER,
    BEING,
    BETWEEN_STROKES,
    BREAKS,
    DETERMINERS,
    EITHER,
    FUNCTION,
    LEADING_NUMBERS,
    LINKS,
    LY_NOUNS,
    NOUNS,
    NUMBERS,
    SCALES,
    SECOND_HALVES,
    SUBJECTS,
    THIRD_PERSON,
    UNITS,
)
from actors.prose import MARKS, MAX_TOKEN
from actors.spelling import singular

MAX_WORDS = 5  # of a phrase
TAIL = 4  # words are kept of a longer run: in English the head comes last
MAX_PHRASE = 60  # characters of a phrase

TOKEN = re.compile(rf"\w[\w{MARKS}]*(?:[-\u2013\u2212/'&+][\w{MARKS}]+)*\+*|\S")
DASHES = re.compile("[-\u2013\u2212]")
JOINTS = re.compile("[-\u2013\u2212/'&+]")
DIMENSION = re.compile(r"\d-?[a-z]")  # 3D, 4G

_Kind = Literal["", "name", "participle", "gerund", "adverb", "number"]


class Word(NamedTuple):
    """A word of a text."""

    shown: str
    low: str
    """In lower case."""
    place: int
    """In words and signs from the start."""


Run = list[Word]


def find_runs(prose: str, known: set[str] | None = None) -> list[Run]:
    """The runs of `prose`, in its order; with `known`, only of words whose singular is among these."""
    return list(_runs(_Tokens(prose, known)))


def _runs(tokens: "_Tokens") -> Iterator[Run]:
    run: Run = []
    for at, shown in enumerate(tokens.shown):
        if run and run[-1].low == tokens.low[at]:
            continue  # a heading, and the first word below it
        if tokens.kinds[at] and tokens.continue_name(at, run):
            run.append(Word(shown, tokens.low[at], at))
        elif run:
            yield from _trimmed(run, tokens, at)
            run = []
    yield from _trimmed(run, tokens, len(tokens.shown))


class _Tokens:
    """A text's words and signs, and for each whether it may stand in a name."""

    def __init__(self, prose: str, known: set[str] | None = None) -> None:
        self.shown = tokenise(prose)
        self.low = [token.lower() for token in self.shown] + ["|"] * 3  # so that one may look ahead
        kinds = {low: _kind(low) for low in set(self.low) if known is None or singular(low) in known}
        self.kinds = [kinds.get(low, "") for low in self.low]

    def continue_name(self, at: int, run: Run) -> bool:
        """Does the word at `at` belong to a name of which `run` is the beginning, perhaps empty?"""
        before = self.low[at - 1] if at else "|"
        match self.kinds[at]:
            case "number":
                return bool(run) and (DIMENSION.fullmatch(self.low[at]) is not None or self._is_number_in_name(at, run))
            case "adverb":  # "normally distributed noise"
                return not run and self.kinds[at + 1] == "participle" and self._is_content(at + 2)
            case "participle":
                return self._is_adjective(at, run) and before not in AUXILIARIES
            case "gerund" if run:  # "data mining", but not "trees implementing functions"
                return not (_ends_in_plural(run) and self._is_content(at + 1))
            case "gerund":
                return not self._takes_object(at, before)
        is_verb = self._is_verb(at, before) or self._is_predicate(at, run)
        return not (is_verb or self._is_unit_or_author(at, run) or (not run and self._is_complement(at, before)))

    def _is_content(self, at: int) -> bool:
        return self.kinds[at] in {"name", "participle", "gerund"}

    def _is_adjective(self, at: int, run: Run) -> bool:
        """`heated rods`, `PC controlled heaters`, but not `Moretti headed home` and `trees planted gardens`."""
        done = (
            bool(run) and run[-1].shown[0].isupper() and self.shown[at].islower() and self.low[at] not in SECOND_HALVES
        )
        return self._is_content(at + 1) and not done and not _ends_in_plural(run)

    def _is_verb(self, at: int, before: str) -> bool:
        """`we synthesize`, `did not stop`, `to ferment the`, `Press the`, `to cut 1,200`."""
        if before in SUBJECTS or before == "not" or before.endswith("n't"):
            return True
        after = self.low[at + 1]
        return (before in BEFORE_ORDER and after in DETERMINERS) or (before == "to" and after[0].isdigit())

    def _is_predicate(self, at: int, run: Run) -> bool:
        """`roots lift stones`, `cement traps moisture`, but not `ski lift prices`: it agrees with its subject."""
        low = self.low[at]
        after = self.low[at + 1]
        if not run or not after[0].isalpha() or (after in FUNCTION and after not in DETERMINERS):
            return False
        subject = run[-1].low
        if _is_plural(subject):
            # "point defects trap sites": within a longer name a plural may be any part.
            return len(run) == 1 and low in EITHER and not subject.endswith(("ics", "news", "series"))
        return low in THIRD_PERSON

    def _is_complement(self, at: int, before: str) -> bool:
        """`is convex`, `are open`, but not `there is bread` and `are bridges`."""
        if before not in BEING or self._is_content(at + 1) or self.low[at - 2] == "there":
            return False
        return not (_is_plural(self.low[at]) or self.shown[at][0].isupper())

    def _is_unit_or_author(self, at: int, run: Run) -> bool:
        """`30 MeV`, `the pH of`, `Smith et al.`"""
        low, after = self.low[at], self.low[at + 1]
        counted = at > 0 and self.low[at - 1][0].isdigit() and len(low) < 4
        return counted or after == "et" or (low in SCALES and not run and not self._is_content(at + 1))

    def _is_number_in_name(self, at: int, run: Run) -> bool:
        """`Windows 11`, `multiple 0-1 knapsack`, but not `Preparation 30 minutes`, `Barley 12 45`, `City 3-1`."""
        low, after = self.low[at], self.low[at + 1]
        if "-" in low:
            return len(low) < 5 and self._is_content(at + 1)
        counted = after[0].isdigit() or after in NUMBERS or after in UNITS or after in {",", ".", ":", "%", "to", "min"}
        return len(low) < 3 and run[-1].shown[0].isupper() and not counted

    def _takes_object(self, at: int, before: str) -> bool:
        """`by handling the` and `by handling outliers`, but not `the operating voltages`."""
        if not self._is_content(at + 1):
            return self.low[at + 1] in DETERMINERS
        if before not in BEFORE_GERUND:
            return False
        end = at + 1
        while self._is_content(end + 1):
            end += 1
        return _is_plural(self.low[end])


def _kind(low: str) -> _Kind:
    if low[0].isdigit():
        return "number"
    if not 1 < len(low) <= MAX_TOKEN or low.rstrip("+") in BREAKS or not low[0].isalpha() or _is_built_of_breaks(low):
        return ""
    if low.endswith("ly") and len(low) > 4 and low not in LY_NOUNS:
        return "adverb"
    if low.endswith("ing") and len(low) > 5 and low not in NOUNS:
        return "gerund"
    return "participle" if _is_participle(low) else "name"


def _is_built_of_breaks(low: str) -> bool:
    """`don't`, `so-and-so`, `two-storey`, `mg/l`, `usr/share/doc`: of words that break a run, of units, or a path."""
    if JOINTS.split(low, 1)[0] in LEADING_NUMBERS:
        return True
    if "/" in low:
        return low.count("/") > 1 or all(part in BETWEEN_STROKES for part in low.split("/"))
    parts = DASHES.split(low)
    if len(parts) > 1:
        return parts[0] in LINKS or (parts[-1] in LINKS and len(parts[-1]) > 1) or BREAKS.issuperset(parts)
    return "'" in low and low.endswith(("n't", "'re", "'ve", "'ll", "'d", "'m"))


def _is_participle(low: str) -> bool:
    return low.endswith("ed") and len(low) > 5 and not low.endswith("eed") and "-" not in low


def _is_plural(low: str) -> bool:
    return singular(low) != low


def _ends_in_plural(run: Run) -> bool:
    return bool(run) and _is_plural(run[-1].low)


def _trimmed(run: Run, tokens: _Tokens, after: int) -> Iterator[Run]:
    """The run without the verb that ended it; nothing where it was all verb."""
    if run and tokens.low[after] in DETERMINERS and _ends_in_verb(run):
        run.pop()
    while run and _is_participle(run[-1].low):
        run.pop()
    run = run[-(_expanded(run, tokens.shown[after : after + 3]) or len(run)) :]
    run = run if len(run) <= MAX_WORDS else run[-TAIL:]
    while run and run[0].low[0].isdigit():  # what was cut off may have stood before it
        run = run[1:]
    if run:
        yield run


def _ends_in_verb(run: Run) -> bool:
    """`firms dominating the`, `inspection plays an`, `schemes utilise a`: a verb differs in number from its subject."""
    last = run[-1].low
    return _kind(last) == "gerund" or (len(run) > 1 and _is_plural(last) != _is_plural(run[-2].low))


def _expanded(run: Run, following: list[str]) -> int:
    """How many of the run's last words the acronym in brackets after it stands for; 0 where there is none."""
    if len(following) < 3 or following[0] + following[2] != "()" or not following[1][:2].isupper():
        return 0
    wanted, initials = following[1].lower(), ""
    for size, word in enumerate(reversed(run[-2 * MAX_WORDS :]), 1):
        initials = "".join(part[:1] for part in word.low.split("-")) + initials
        if len(initials) >= len(wanted):
            return size if initials == wanted else 0
    return 0


def edged(words: list[str]) -> list[str]:
    """Lower-case words without the numbers and articles before them, and without the function words behind."""
    start, end = 0, len(words)
    while start < end and (words[start][0].isdigit() or words[start].split("-")[0] in LEADING_NUMBERS):
        start += 1
    while start < end and words[end - 1] in FUNCTION:
        end -= 1
    return words[start:end]


def tokenise(prose: str) -> list[str]:
    """Its words and signs; `dog's` and `MRIs` without their s."""
    prose = prose.replace("_", "|")  # `\w` means letters and digits here
    tokens = [token.removesuffix("'s").removesuffix("'S") for token in TOKEN.findall(prose)]
    return [token[:-1] if token[-1] == "s" and len(token) > 2 and token[:-1].isupper() else token for token in tokens]
