"""Texts whose grammar the tagger does not know, as they are not English or have none: only frequency is left."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from actors.lexicon import ENGLISH, FUNCTION, NUMBERS, OTHERS, UNIMPORTANT
from actors.phrases import MAX_PHRASE
from actors.prose import MAX_TOKEN, SPELLED_WORD

SAMPLE_CHARACTERS = 6_000  # tell the language
DEGRADED_CHARACTERS = 20_000  # are counted
DEGRADED_UNITS = {" ": 3, "": 6}  # words of a phrase, or signs in a script without spaces
SAYS_NOTHING = FUNCTION | NUMBERS | UNIMPORTANT
NUMBERED = re.compile(r"(?<!\w)\d[\da-z]*")  # "4th", of which "th" is no word
EXPONENT = re.compile(r"(?<=[\d.])e(?=[+-]?\d)")  # of a number
BOUNDED_WORD = re.compile(rf"([^\W\d_]\S{{0,{MAX_PHRASE - 1}}})\S*")

_Key = tuple[str, ...]
"""What joins the units of a phrase, and the units."""


def is_english(text: str) -> bool:
    """Whether the beginning of `text` reads like English; so does one without any words."""
    words = [word.lower() for word in SPELLED_WORD.findall(text[:SAMPLE_CHARACTERS])]
    english, others = (sum(word in marks for word in words) for marks in (ENGLISH, OTHERS))
    latin, plain = sum(word[0] < "\u0250" for word in words), sum(map(str.isascii, words))
    # Titles, slides and tables have no function words: there the lack of accents must do.
    likely = english * 30 >= len(words) or plain * 50 >= len(words) * 49
    return likely and latin * 2 >= len(words) and english >= others


def frequent(text: str) -> list[str]:
    """What stands most often in the beginning of `text`, in lower case, bounded by punctuation and function words."""
    counts: Counter[_Key] = Counter()
    whole: set[_Key] = set()
    for glue, units in _unit_runs(text[:DEGRADED_CHARACTERS]):
        longest = DEGRADED_UNITS[glue]
        sizes = range(1 if glue else 2, longest + 1)
        counts.update((glue, *units[at : at + size]) for size in sizes for at in range(len(units) - size + 1))
        whole.add((glue, *units[: longest + 1]))
    # Two words that met once by chance are no phrase; what never stands without its neighbour says nothing alone.
    met = [
        key for key in counts if (counts[key] > 1 or key in whole or len(key) == 2) and len(_joined(key)) <= MAX_PHRASE
    ]
    bound = {part for key in met for part in (key[:-1], key[:1] + key[2:]) if counts[part] == counts[key]}
    phrases = {_joined(key): counts[key] for key in met if key not in bound}
    return sorted(phrases, key=lambda phrase: (-phrases[phrase], -len(phrase)))


def bare_words(text: str) -> list[str]:
    """The words of `text` in lower case, the most frequent first; none if it has no letters but those of numbers.

    Function words and words of counting only where there are no others. In a script without spaces a clause is a word.
    Of one that is longer than MAX_PHRASE the beginning is taken; single letters only where there is nothing longer.
    """
    low = without_numbers(text.lower())
    signs = {ord(sign): " " for sign in set(low) if not (sign.isdecimal() or unicodedata.category(sign)[0] in "LM")}
    counts = Counter(word[1] for word in BOUNDED_WORD.finditer(low.translate(signs)))
    ranked = [word for word, _ in counts.most_common()]
    long = [word for word in ranked if len(word) > 1]
    return [word for word in long if word not in SAYS_NOTHING] or long or ranked


def without_numbers(low: str) -> str:
    """A lower-case text without its numbers and the letters that belong to them: `4th`, `2m`, `1.5e-07`."""
    return NUMBERED.sub(" ", EXPONENT.sub(" ", low))


def _joined(key: _Key) -> str:
    return key[0].join(key[1:])


def _unit_runs(text: str) -> Iterator[tuple[str, list[str]]]:
    """What stands between function words and punctuation, cut into units; with each run, what joins its units again."""
    signs = {ord(sign): " | " for sign in set(text) if unicodedata.category(sign)[0] in "PS"}
    run: list[str] = []
    for token in text.lower().translate(signs).split():
        scripts = [(script, "".join(signs)) for script, signs in groupby(token, _script)]
        if scripts[0][0] == "spaced" and _is_telling(token):
            run.append(token)
            continue
        yield " ", run
        run = []
        yield from _unspaced(scripts)
    yield " ", run


def _is_telling(word: str) -> bool:
    first = word[0]
    shortest = 4 if first < "\u0590" else 3 if first < "\u0900" else 2  # Arabic leaves vowels out, Hindi hangs them on
    return shortest <= len(word) <= MAX_TOKEN and first.isalpha() and word not in UNIMPORTANT


def _unspaced(scripts: list[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Chinese and Japanese: each ideograph is a unit, a word in katakana is one, hiragana is grammar."""
    units: list[str] = []
    for script, signs in scripts:
        if script in {"ideographs", "katakana"}:
            units += signs if script == "ideographs" else [signs]
            continue
        yield "", units
        units = []
    yield "", units


def _script(sign: str) -> str:
    if "\u30a0" <= sign <= "\u30ff":
        return "katakana"
    if "\u3400" <= sign <= "\u9fff" or sign == "\u3005":
        return "ideographs"
    return "hiragana" if "\u3040" <= sign <= "\u309f" else "spaced"
