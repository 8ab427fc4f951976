"""What is read from a spreadsheet: one table, in one shape, whether it came as CSV or as XLSX.

All of this and what builds on it (`csvtext`, `workbook`, `tablechild`) runs in a child process only, but for the
types, which both ends share.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from protocol.columns import listed
from protocol.document import COLUMNS_MAX
from protocol.faults import shown

ROWS_IN_CHUNK = 200
CELLS_MAX_CHARS = 16 * 1024 * 1024
"""As many as a JSON body holds bytes: a workbook of a few kB can say far more."""

NO_HEADER = "has no header: its first line names a document already"
"""What stands there may be secret, and is not repeated."""
TOO_INTRICATE = "is too intricate to be read here; is there a cell far outside of the table?"

Cell = str | int | float | bool
Records = Iterable[tuple[int, Sequence[Cell]]]
"""A line's number as people see it, from 1, and its cells."""


class Question(msgspec.Struct, frozen=True):
    """How a file is to be read."""

    rows_max: int
    charset: str | None
    """The encoding that the client declared; None: it is found out."""
    column_mapping: dict[str, str]
    """By this the right sheet of a workbook is known."""


class Table(msgspec.Struct, frozen=True):
    """A header line and the rows below it, without blank lines and blank columns."""

    headers: list[str]
    rows: list[list[Cell]]
    """Each as long as the headers."""
    lines: list[int]
    """Where each row stands in the file."""
    read_as: str
    """How the file was understood, for people."""
    line: str
    """What people call a row of such a file: `line` or `row`."""


class Answer(msgspec.Struct, frozen=True):
    """What the child says: a table, or why there is none."""

    table: Table | None = None
    fault: str = ""


_Chunk = tuple[list[int], list[list[Cell]]]
_read_answer = msgspec.json.Decoder(Answer).decode
_read_chunk = msgspec.json.Decoder(_Chunk).decode


class Unreadable(ValueError):
    """There is no table in the file; the text is the rest of a sentence that begins with `it`."""


def table_of(records: Records, rows_max: int, read_as: str, line: str = "line") -> Table:
    """The table whose header is the first record that is not blank. `line`: what people call a record.

    Raises:
        Unreadable: no header, no rows, too many rows or columns, a row that is wider than the header.
    """
    filled = ((number, kept) for number, cells in records if (kept := trimmed(cells)))
    first, header = next(filled, (0, []))
    names = names_of(header)
    _check_headers(names)
    rows: list[list[Cell]] = []
    lines: list[int] = []
    room = CELLS_MAX_CHARS
    for number, cells in filled:
        if len(cells) > len(names):
            raise Unreadable(f"has more cells in {line} {number} than columns in its header, which is {line} {first}")
        if len(rows) == rows_max:
            raise Unreadable(f"has more than {rows_max:,} rows")
        room -= sum(len(cell) for cell in cells if isinstance(cell, str))
        if room < 0:
            raise Unreadable(f"holds more than {CELLS_MAX_CHARS:,} characters")
        rows.append([*cells, *[""] * (len(names) - len(cells))])
        lines.append(number)
    if not rows:
        raise _rowless(names, read_as)
    headers, rows = _named(names, rows)
    return Table(headers, rows, lines, read_as, line)


def names_of(header: Sequence[Cell]) -> list[str]:
    """The columns' names; a nameless one has an empty one."""
    return [" ".join(text_of(cell).split()) for cell in header]


def names_a_document(headers: list[str]) -> bool:
    """Whether what passes for a header names a document itself."""
    return any("://" in header or header.lower().endswith(".pdf") for header in headers)


def nameless(place: int) -> str:
    """What a column without a name is called. `place`: from 0."""
    return f"column {place + 1}"


def _rowless(names: list[str], read_as: str) -> Unreadable:
    if not names:
        return Unreadable("is empty")
    if names_a_document(names):
        return Unreadable(NO_HEADER)
    return Unreadable(f"has no rows below its header (its columns are {listed(names)}, read as {read_as})")


def to_bytes(answer: Answer) -> bytes:
    """The answer as it goes through the pipe: a line without its rows, then lines of some rows each."""
    table = answer.table
    if table is None:
        return msgspec.json.encode(answer)
    head = Answer(msgspec.structs.replace(table, rows=[], lines=[]))
    starts = range(0, len(table.rows), ROWS_IN_CHUNK)
    chunks = [(table.lines[at : at + ROWS_IN_CHUNK], table.rows[at : at + ROWS_IN_CHUNK]) for at in starts]
    return b"\n".join(map(msgspec.json.encode, (head, *chunks)))


def from_bytes(said: bytes) -> Answer:
    """The answer again. Read by chunks, so that in a thread it lets others in between."""
    head, *chunks = said.split(b"\n")
    answer = _read_answer(head)
    for lines, rows in map(_read_chunk, chunks):
        assert answer.table is not None
        answer.table.lines.extend(lines)
        answer.table.rows.extend(rows)
    return answer


def text_of(cell: Cell) -> str:
    """A cell as people see it."""
    if isinstance(cell, bool):
        return str(cell).upper()
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell)


def trimmed(cells: Sequence[Cell]) -> Sequence[Cell]:
    """A line without the blank cells at its end."""
    end = len(cells)
    while end and isinstance(cell := cells[end - 1], str) and not cell.strip():
        end -= 1
    return cells[:end]


def _check_headers(names: list[str]) -> None:
    if len(names) > COLUMNS_MAX:
        raise Unreadable(f"has more than {COLUMNS_MAX} columns")
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise Unreadable(f"has two columns called \u201c{shown(twice[0])}\u201d")


def _named(names: list[str], rows: list[list[Cell]]) -> tuple[list[str], list[list[Cell]]]:
    """A nameless column is called by its place; where nothing stands in it, there is none."""
    blank = {place for place, name in enumerate(names) if not name and all(row[place] == "" for row in rows)}
    headers = [name or nameless(place) for place, name in enumerate(names) if place not in blank]
    _check_headers(headers)
    if blank:
        rows = [[cell for place, cell in enumerate(row) if place not in blank] for row in rows]
    return headers, rows
