"""XLSX, read by calamine: cells as people see them. In a child only: a hostile workbook may abort its process."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain, islice

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from api.links import links_behind
from api.ooxml import UNPACKED_MAX_BYTES
from api.table import Cell, Question, Records, Table, Unreadable, nameless, names_of, table_of, text_of, trimmed
from protocol.columns import ColumnMapping
from protocol.document import guess_source
from protocol.faults import shown
from protocol.words import SourceType

ENTRIES_MAX = 5_000
SHEETS_MAX = 50
DIGITS = 15
"""What a spreadsheet keeps of a number."""

_IN_A_FOLDER = (SourceType.LOCAL, SourceType.UPLOAD)
"""Any name will do there."""

Raw = int | float | str | bool | time | date | datetime | timedelta


def read_workbook(data: bytes, question: Question) -> Table:
    """The table in a workbook: of the first sheet with a column for `file_path`, else of the first with anything.

    Raises:
        Unreadable: it is no workbook, a bomb, or holds no table.
    """
    _check_size(data)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            name, sheet = _sheet(workbook, ColumnMapping(question.column_mapping))
            records = _with_links(data, sheet, question)
            return table_of(records, question.rows_max, f"sheet \u201c{shown(name)}\u201d of a workbook", "row")
    except CalamineError:
        raise Unreadable("is a damaged workbook") from None


def _check_size(data: bytes) -> None:
    """What it declares; what it hides beyond that, the limits of the process catch."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        raise Unreadable("is a damaged workbook") from None
    if "xl/workbook.xml" not in {entry.filename for entry in entries}:
        raise Unreadable("is neither CSV nor an XLSX workbook")
    if len(entries) > ENTRIES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_MAX_BYTES:
        raise Unreadable(f"is larger than {UNPACKED_MAX_BYTES // 2**20} MiB when it is unpacked")


def _sheet(workbook: CalamineWorkbook, mapping: ColumnMapping) -> tuple[str, CalamineSheet]:
    names = [
        each.name
        for each in workbook.sheets_metadata
        if each.typ == SheetTypeEnum.WorkSheet and each.visible == SheetVisibleEnum.Visible
    ]
    first: tuple[str, CalamineSheet] | None = None
    for name in names[:SHEETS_MAX]:
        sheet = workbook.get_sheet_by_name(name)
        headers = next((cells for _, cells in _records(sheet) if any(cells)), None)
        if headers is None:
            continue
        if "file_path" in mapping.plan(names_of(headers))[0]:
            return name, sheet
        first = first or (name, sheet)
    if first is None:
        raise Unreadable("has no visible sheet with anything in it")
    return first


class _PathColumn:
    """Which cells of a sheet name documents, and which may leave that to the links behind them."""

    def __init__(self, header: Sequence[Cell], mapping: ColumnMapping) -> None:
        names = [name or nameless(place) for place, name in enumerate(names_of(header))]
        ours = mapping.plan(names)[0]
        self._path, self._source = (
            names.index(ours[field]) if field in ours else None for field in ("file_path", "file_source_type")
        )

    @property
    def number(self) -> int:
        """From 1; 0: there is none."""
        return 0 if self._path is None else self._path + 1

    def shows(self, cells: Sequence[Cell]) -> bool:
        """Whether anything stands there."""
        return bool(_shown(cells, self._path))

    def takes_link(self, cells: Sequence[Cell]) -> bool:
        """Whether what is shown could not be the path. In a folder any name could."""
        source, path = _shown(cells, self._source).lower(), _shown(cells, self._path)
        return source not in _IN_A_FOLDER and guess_source(path) is None

    def filled(self, cells: Sequence[Cell], link: str) -> list[Cell]:
        """The record with a link instead of what is shown."""
        before = self.number - 1
        return [*cells[:before], *[""] * (before - len(cells)), link, *cells[self.number :]]


def _with_links(data: bytes, sheet: CalamineSheet, question: Question) -> Records:
    """The records, in which links stand where they name the document and what is shown does not."""
    header, cells = next(((number, cells) for number, cells in _records(sheet) if trimmed(cells)), (0, []))
    column = _PathColumn(cells, ColumnMapping(question.column_mapping))
    below = ((number, cells) for number, cells in _records(sheet) if number > header and trimmed(cells))
    wanting = [
        number for number, cells in islice(below, question.rows_max) if column.shows(cells) and column.takes_link(cells)
    ]
    if not column.number or next(below, None) is not None:  # there are too many rows, whatever stands behind them
        return _records(sheet)
    (_, left), height = sheet.start or (0, 0), (sheet.end or (0, 0))[0] + 1
    links = links_behind(data, sheet.name, left + column.number, wanting)
    # A formula whose value was never saved is no cell for calamine, and the last rows may have nothing else.
    rest = ((row, list[Cell]()) for row in sorted(links) if row > height)
    return (
        (number, column.filled(cells, links[number]))
        if number > header and number in links and column.takes_link(cells)
        else (number, cells)
        for number, cells in chain(_records(sheet), rest)
    )


def _shown(cells: Sequence[Cell], place: int | None) -> str:
    return text_of(cells[place]).strip() if place is not None and place < len(cells) else ""


def _records(sheet: CalamineSheet) -> Iterator[tuple[int, list[Cell]]]:
    """Row after row; a blank one, of which a stray cell at the bottom makes a million, costs little."""
    blank = [""] * sheet.width
    rows = enumerate(sheet.iter_rows(), 1)
    return ((number, [] if cells == blank else [_cell(raw) for raw in cells]) for number, cells in rows)


def _cell(raw: Raw) -> Cell:
    match raw:
        case bool() | str() | int():
            return raw
        case float():
            return int(raw) if raw.is_integer() and abs(raw) < 10**DIGITS else raw
        case timedelta():
            seconds = round(raw.total_seconds())
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case datetime() | time():
            return raw.isoformat(timespec="seconds")
    return raw.isoformat()
