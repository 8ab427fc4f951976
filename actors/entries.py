"""Lines of lists, tables and forms: in them labels and values stand side by side and make no phrases."""

import re

from actors.lexicon import BETWEEN_STROKES, CURRENCIES, LABELS, UNITS

LONGEST_ENTRY = 60  # characters
IN_A_ROW = 3  # make a list; lines of prose seldom begin large so often
FEWEST_CELLS = 4  # of the head of a table: three words may be its title

VALUE_BEGINS = re.compile(r" (?=\d)|\b([a-z][\w'-]*) (?=[A-Z][a-z])")
"""`Title of the project Carbon storage`, `Ferritin 48`"""
CELL_BEGINS = re.compile(r" (?=[A-Z])")
"""In the head of a table, which units show: `Nitrate mg/l Hardness mmol/l`"""
DIGIT = re.compile(r"\d")


def entries(lines: list[str]) -> list[bool]:
    """For each line whether it belongs to a list: whether it is one of several short ones that begin large."""
    listed = [False] * len(lines)
    start = 0
    for at, line in enumerate([*lines, ""]):
        if _is_entry(line):
            continue
        if at - start >= IN_A_ROW:
            listed[start:at] = [True] * (at - start)
        start = at + 1
    return listed


def _is_entry(line: str) -> bool:
    return len(line) < LONGEST_ENTRY and (line[:1].isdigit() or (line[:1].isupper() and not line.isupper()))


def in_cells(lines: list[str], at: int) -> str:
    """A line of a list, with `|` between what stands in different cells, as far as it shows."""
    line = lines[at]
    if _is_head(lines, at):
        return line.replace(" ", " | ")
    if not DIGIT.search(line) and any(map(_is_unit, line.split()[1:])):
        return CELL_BEGINS.sub(" | ", line)
    label, _, value = line.partition(" ")
    if label.lower() in LABELS and not value[:1].islower():
        line = f"{label} | {value}"
    return VALUE_BEGINS.sub(r"\1 | ", line)


def _is_unit(word: str) -> bool:
    low = word.lower()
    return low in UNITS or low in CURRENCIES or ("/" in low and BETWEEN_STROKES.issuperset(low.split("/")))


def _is_head(lines: list[str], at: int) -> bool:
    """`Country Capital Population Area` above two rows of as many words and numbers."""
    words = lines[at].split()
    if len(words) < FEWEST_CELLS or not all(word.isalpha() and word[0].isupper() for word in words):
        return False
    rows = [line.split() for line in lines[at + 1 : at + 3]]
    return all(len(row) == len(words) and sum(cell[0].isdigit() for cell in row) > 1 for row in rows)
