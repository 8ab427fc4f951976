"""What of a long document a model is shown: its head, its middle and its tail, within a budget of tokens.

Tables of numbers go first: a token for every few digits, and they name nothing.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple

TEXT_TOKENS = 3_000
"""Of a document's text are shown."""
BYTES_A_TOKEN = 4
"""A token is about four letters of English, two of Cyrillic, and one ideograph or a little more."""
HEAD_SHARE, MIDDLE_SHARE, TAIL_SHARE = 0.5, 0.25, 0.25
"""What a document is about stands in front; what it comes to stands at its end."""
SNAP_SHARE = 0.2
"""So much of a part is given up for a cut between paragraphs."""
TABLE_LINES = 3
"""So many lines of numbers are a table; fewer belong to the text around them."""
PIECE_CHARACTERS = 200
CUT = "[\u2026]"
"""Stands where something is left out."""

_PIECE = re.compile(rf"[^\n]{{1,{PIECE_CHARACTERS}}}(?:\s|$)|[^\n]{{1,{PIECE_CHARACTERS}}}|\n")
"""Lines, and long ones between words; all pieces together are the text."""
_DIGITS = re.compile(r"\d")


class Piece(NamedTuple):
    """Some of a page."""

    page: int
    """From 1."""
    text: str


def tokens(text: str) -> int:
    """About how many tokens a text costs."""
    return math.ceil((len(text.encode(errors="replace")) + len(_DIGITS.findall(text))) / BYTES_A_TOKEN)


def sampled(pages: Sequence[str], budget: int = TEXT_TOKENS) -> list[Piece]:
    """The pages, whole where they cost at most `budget` tokens; else parts of them, and `CUT` where one is missing."""
    if sum(map(tokens, pages)) <= budget:
        return [Piece(number, text) for number, text in enumerate(pages, 1)]
    pieces = [Piece(number, found[0]) for number, text in enumerate(pages, 1) for found in _PIECE.finditer(text)]
    prose = list(_without_tables(pieces))
    kept = {at for part in _parts([pieces[at] for at in prose], budget) for at in prose[part.start : part.stop]}
    return list(_joined(pieces, kept))


def _without_tables(pieces: list[Piece]) -> Iterator[int]:
    """The places of all pieces but those of tables."""
    for numbers, group in groupby(range(len(pieces)), lambda at: _is_of_numbers(pieces[at].text)):
        places = list(group)
        if not numbers or len(places) < TABLE_LINES:
            yield from places


def _is_of_numbers(line: str) -> bool:
    return len(_DIGITS.findall(line)) > sum(map(str.isalpha, line))


def _parts(pieces: list[Piece], budget: int) -> Iterator[range]:
    """Which of the pieces are shown."""
    costs = [0.0, *accumulate(tokens(piece.text) for piece in pieces)]
    if costs[-1] <= budget:
        yield range(len(pieces))
        return
    head = bisect_right(costs, HEAD_SHARE * budget) - 1
    tail = bisect_left(costs, costs[-1] - TAIL_SHARE * budget)
    middle = (costs[head] + costs[tail]) / 2
    first = bisect_left(costs, middle - MIDDLE_SHARE * budget / 2)
    last = bisect_right(costs, middle + MIDDLE_SHARE * budget / 2) - 1
    for start, stop in ((0, head), (first, max(first, last)), (tail, len(pieces))):
        yield _snapped(pieces, costs, start, stop)


def _snapped(pieces: list[Piece], costs: list[float], start: int, stop: int) -> range:
    """The span, or a little less of it, so that it begins and ends with a paragraph."""
    spare = SNAP_SHARE * (costs[stop] - costs[start])
    begins = (at for at in range(start, stop) if _is_border(pieces, at) and costs[at] <= costs[start] + spare)
    begin = next(begins, start)
    ends = (at for at in range(stop, begin, -1) if _is_border(pieces, at) and costs[at] >= costs[stop] - spare)
    return range(begin, next(ends, stop))


def _is_border(pieces: list[Piece], at: int) -> bool:
    """Whether a paragraph or a page begins at this place, or the text ends."""
    if not 0 < at < len(pieces):
        return True
    return pieces[at - 1].page != pieces[at].page or not pieces[at - 1].text.strip()


def _joined(pieces: list[Piece], kept: set[int]) -> Iterator[Piece]:
    """What is kept, page by page."""
    for page, group in groupby(range(len(pieces)), lambda at: pieces[at].page if at in kept else 0):
        places = list(group)
        text = "".join(pieces[at].text for at in places).strip()
        yield Piece(page, text) if page else Piece(pieces[places[0]].page, CUT)
