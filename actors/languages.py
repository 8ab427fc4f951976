"""Whether a text is English, and its bare words where it is no language at all."""

import re
import unicodedata
from collections import Counter

from actors.phrases import MAX_PHRASE
from actors.prose import SPELLED_WORD
from actors.smallwords import ENGLISH, OTHERS, SILENT

SAMPLE_CHARACTERS = 6_000  # tell the language
NUMBERED = re.compile(r"(?<!\w)\d[\da-z]*")  # "4th", of which "th" is no word
EXPONENT = re.compile(r"(?<=[\d.])e(?=[+-]?\d)")  # of a number
BOUNDED_WORD = re.compile(rf"([^\W\d_]\S{{0,{MAX_PHRASE - 1}}})\S*")


def is_english(text: str) -> bool:
    """Whether the beginning of `text` reads like English; so does one without any words."""
    words = [word.lower() for word in SPELLED_WORD.findall(text[:SAMPLE_CHARACTERS])]
    english, others = (sum(word in marks for word in words) for marks in (ENGLISH, OTHERS))
    latin, plain = sum(word[0] < "\u0250" for word in words), sum(map(str.isascii, words))
    # Titles, slides and tables have no function words: there the lack of accents must do.
    likely = english * 30 >= len(words) or (len(words) - plain) * 30 <= len(words)
    return likely and latin * 2 >= len(words) and english >= others


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
    return [word for word in long if word not in SILENT] or long or ranked


def without_numbers(low: str) -> str:
    """A lower-case text without its numbers and the letters that belong to them: `4th`, `2m`, `1.5e-07`."""
    return NUMBERED.sub(" ", EXPONENT.sub(" ", low))
