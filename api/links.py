"""Addresses behind the cells of a column of an XLSX sheet, which calamine does not tell.

Where the XML is damaged, or not what spreadsheets write, no links are known.
"""

import io
import re
import struct
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from urllib.parse import unquote
from xml.parsers import expat

from api.ooxml import Attributes, Parts, local, relationship
from protocol.document import guess_source
from protocol.words import SourceType

FORMULA_MAX_CHARS = 8_192
"""What a spreadsheet allows."""

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    expat.ExpatError,
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
)
_AREA = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")
_TEXT = r'"(?:[^"]|"")*+"'
_HYPERLINK = re.compile(rf"\s*HYPERLINK\s*\(\s*({_TEXT}(?:\s*&\s*{_TEXT})*+)\s*[,)]", re.IGNORECASE)
"""The address in one text, or in several that are joined: in a formula one has at most 255 characters."""
_IN_TEXT = re.compile(r'"((?:[^"]|"")*+)"')


def links_behind(data: bytes, sheet: str, column: int, rows: Sequence[int]) -> dict[int, str]:
    """The addresses (http, https, s3) of a column's links: those of formulas in any row, of hyperlinks in these rows.

    `column` and `rows`, which ascend, count from 1.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            return dict(_links(Parts(file), sheet, column, rows))
    except _DAMAGED:
        return {}


def _links(parts: Parts, sheet: str, column: int, rows: Sequence[int]) -> Iterator[tuple[int, str]]:
    part = parts.part_of(sheet)
    if not parts.tell(part, b"hyperlink" if rows else b"hyperlink("):
        return
    cells = _Cells(column, rows)
    parts.parse(part, cells.start, cells.parser)
    targets = parts.targets(part, {key for key, _ in cells.hyperlinks.values()})
    behind = {row: _address(targets.get(key, "") + rest) for row, (key, rest) in cells.hyperlinks.items()}
    yield from ((row, address) for row, address in (behind | cells.formulas).items() if guess_source(address))


def _address(target: str) -> str:
    """The target of a hyperlink is percent-encoded; a key of S3 is named as it stands."""
    return unquote(target) if guess_source(target) is SourceType.S3 else target


class _Cells:
    """What a sheet says of a column's links."""

    def __init__(self, column: int, rows: Sequence[int]) -> None:
        self.parser = expat.ParserCreate()
        self.formulas: dict[int, str] = {}
        self.hyperlinks: dict[int, tuple[str, str]] = {}
        """The relationship, and what follows its target."""
        self._column, self._letters = column, _letters(column)
        self._rows = list(rows)
        """Those of which no hyperlink is known yet; so a million of them that overlap cost no more than one."""
        self._row, self._place, self._cell, self._here = 0, 0, "", False
        self._formula = ""

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins."""
        match local(name):
            case "c":
                self._place += 1
                cell = attributes.get("r")
                self._here = self._place == self._column if cell is None else cell == self._cell
            case "row":
                self._row = int(attributes.get("r", self._row + 1))
                self._place, self._cell = 0, f"{self._letters}{self._row}"
            case "f" if self._here:
                self._formula = ""
                self.parser.CharacterDataHandler, self.parser.EndElementHandler = self._text, self._end
            case "hyperlink":
                self._hyperlink(attributes)

    def _text(self, text: str) -> None:
        if len(self._formula) <= FORMULA_MAX_CHARS:
            self._formula += text

    def _end(self, _name: str) -> None:
        self.parser.CharacterDataHandler = self.parser.EndElementHandler = None
        self._here = False
        if link := _HYPERLINK.match(self._formula):
            self.formulas[self._row] = "".join(_IN_TEXT.findall(link[1])).replace('""', '"').strip()

    def _hyperlink(self, attributes: Attributes) -> None:
        area = _AREA.fullmatch(attributes.get("ref", ""))
        if area is None or not _number(area[1]) <= self._column <= _number(area[3] or area[1]):
            return
        first, end = bisect_left(self._rows, int(area[2])), bisect_right(self._rows, int(area[4] or area[2]))
        rest = "".join(f"#{location}" for location in [attributes.get("location")] if location)
        self.hyperlinks.update(dict.fromkeys(self._rows[first:end], (relationship(attributes), rest)))
        del self._rows[first:end]


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return letters
