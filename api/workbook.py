"""XLSX, read by calamine: cells as people see them. In a child only: a hostile workbook may abort its process."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from api.table import Cell, Question, Table, Unreadable, table_of, text_of
from protocol.columns import ColumnMapping
from protocol.faults import shown

UNPACKED_MAX_BYTES = 256 * 1024 * 1024
ENTRIES_MAX = 5_000
SHEETS_MAX = 50
DIGITS = 15
"""What a spreadsheet keeps of a number."""

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
            return table_of(_records(sheet), question.rows_max, f"sheet \u201c{shown(name)}\u201d of a workbook", "row")
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
        if "file_path" in mapping.plan(" ".join(text_of(cell).split()) for cell in headers)[0]:
            return name, sheet
        first = first or (name, sheet)
    if first is None:
        raise Unreadable("has no visible sheet with anything in it")
    return first


def _records(sheet: CalamineSheet) -> Iterator[tuple[int, list[Cell]]]:
    return ((number, [_cell(raw) for raw in cells]) for number, cells in enumerate(sheet.iter_rows(), 1))


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
