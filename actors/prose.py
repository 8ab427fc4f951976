"""From the characters of a document to prose: spelling, cut words, lines, addresses and what every page repeats.

Every repetition in a pattern is bounded or cannot begin again inside itself.
"""

import re
import unicodedata
from collections import Counter

from actors.entries import entries, in_cells
from actors.lexicon import FUNCTION, SECOND_HALVES

MAX_TOKEN = 40  # a longer "word" is a key, a path or a text without spaces
FURNITURE = 3  # times a line comes back, and it belongs to the page, not to the text
NARROWEST = 36  # characters of a column of prose; narrower lines are a list, and each ends where the next begins large
NEIGHBOURS = 5  # lines above and below tell how wide the text is

MARKS = "\u200c\u200d" + "".join(
    sign for sign in map(chr, range(0x300, 0x3100)) if unicodedata.category(sign)[0] == "M"
)
"""What hangs on a letter and belongs to its word: vowel signs of Indic scripts, accents, joiners."""

SPELLING = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
    | dict.fromkeys("\u2018\u2019\u02bc", "'")
    | dict.fromkeys("\u2010\u2011", "-")
    | dict.fromkeys("\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff", "")
    | dict(zip("\u00b9\u00b2\u00b3\u2080\u2081\u2082\u2083\u2084", "12301234", strict=True))
    | dict.fromkeys("\u00a0\u202f\0", " ")
    | dict.fromkeys("\f\r\u0085\u2028\u2029", "\n")
)
ACCENTED = re.compile(r"[^\W\d_][\u0300-\u036f]{1,3}")
BROKEN_WORD = re.compile(r"(?<![^\W\d_])([^\W\d_]{1,40})-[ \t]{0,3}\n[ \t]{0,8}([^\W\d_]{2,40}|\d)")
_LETTERS = rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*)*"
SPELLED_WORD = re.compile(rf"{_LETTERS}(?:-{_LETTERS})*")
ADDRESS = re.compile(r"@|://|www\.|\w\.(?:com|org|net|edu|gov|io|co\.uk|[a-z]{2,4}/)\b")
MARKUP = re.compile(
    r"\\[A-Za-z]{1,40}\*?|</?[a-zA-Z][\w-]{0,15}(?:\s[\w:-]{1,30}=[^<>\n]{0,200})?\s?/?>|&(?:[a-z]{2,8}|#\d{1,6});"
)
"""Commands of LaTeX, tags and entities of HTML, the folders of Windows."""
GAP = re.compile(r"[ \t]{3,}")  # parts columns
LABEL = re.compile(r"[A-Z][^.,;:?!]{1,40}:(?:\s|$)")
"""`Gross floor area (m2): 64.5`"""
CITATION = re.compile(r"\[[\d,;\s\u2013-]{1,40}\]|\([^()]{0,120}\b(?:19|20)\d\d[a-z]?\)")


def tidied(text: str) -> str:
    """The text in one spelling of its characters, cut words whole again, `|` for each address."""
    text = text.replace("\r\n", "\n").translate(SPELLING)
    text = MARKUP.sub(" | ", text) if "\\" in text or "<" in text or "&" in text else text
    return _without_addresses(_rejoined(ACCENTED.sub(_composed, text)))


def _composed(letter: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", letter[0])  # of a whole text it takes quadratic time, if someone wants it to


def _rejoined(text: str) -> str:
    """Words that the end of a line has cut in two are whole again."""
    if not BROKEN_WORD.search(text):
        return text
    known = set(SPELLED_WORD.findall(BROKEN_WORD.sub(" ", text).lower()))

    def join(cut: re.Match[str]) -> str:
        left, right = cut[1].lower(), cut[2].lower()
        # "feature-\nbased" keeps its hyphen where the text spells it so elsewhere, or knows both halves as words.
        two_words = f"{left}-{right}" in known or (left + right not in known and _are_words(left, right, known))
        # "state-of-the-\nart": no syllable of a word is left alone with the hyphens of a compound.
        within = cut.start() > 0 and text[cut.start() - 1] == "-" and left in FUNCTION
        return f"{cut[1]}-{cut[2]}" if two_words or within or not cut[2].islower() else cut[1] + cut[2]

    return BROKEN_WORD.sub(join, text)


def _are_words(left: str, right: str, known: set[str]) -> bool:
    return len(left) == 1 or (left in known and right in known) or (right in SECOND_HALVES and len(left) > 2)


def _without_addresses(text: str) -> str:
    if not ADDRESS.search(text):
        return text
    lines = (line.split(" ") for line in text.split("\n"))
    return "\n".join(" ".join("|" if ADDRESS.search(word) else word for word in line) for line in lines)


def unwrapped(text: str) -> str:
    """One line of prose, with `|` where a heading, a title, a paragraph or the cell of a table ended."""
    lines = _without_furniture([GAP.sub(" | ", line.strip()) for line in text.split("\n")])
    listed = [*entries(lines), False]
    pieces: list[str] = []
    for at, line in enumerate(lines):
        ends = (listed[at] and listed[at + 1]) or ends_here(lines, at)
        pieces += (in_cells(lines, at) if listed[at] else line, " | " if ends else " ")
    return CITATION.sub(" | ", "".join(pieces))


def _without_furniture(lines: list[str]) -> list[str]:
    """What stands on every page, page numbers aside, counts once; then it is a gap, which no phrase crosses."""
    bare = list(map(_unnumbered, lines))
    furniture = {plain for plain, times in Counter(bare).items() if plain and times >= FURNITURE}
    first = {plain: at for at, plain in reversed(list(enumerate(bare)))}
    return [
        lines[at] if plain not in furniture else plain if first[plain] == at else "" for at, plain in enumerate(bare)
    ]


def _unnumbered(line: str) -> str:
    """Without the number of a page before or behind it, but with that of `Windows11`."""
    first, _, rest = line.partition(" ")
    line = rest if first.isdigit() else line
    rest, _, last = line.rpartition(" ")
    return (rest if last.isdigit() else line).strip()


def ends_here(lines: list[str], at: int) -> bool:
    """Does this line end something? It does where there was room for the next word and the writer did not use it."""
    below = lines[at + 1] if at + 1 < len(lines) else ""
    first = below[: MAX_TOKEN + 1].split(None, 1)[:1]
    if not first or first[0][0].islower():
        return not first
    if LABEL.match(below):
        return True
    width = max(map(len, lines[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]))
    return at == 0 or width < NARROWEST or len(lines[at]) + 1 + len(first[0]) <= width
