"""Spreadsheets for tests: made by the library that makes people's, or by hand where no library would."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import python_calamine
import xlsxwriter

Rows = Sequence[Sequence[Any]]


def workbook(sheets: Mapping[str, Rows], hidden: Sequence[str] = ()) -> bytes:
    """An XLSX workbook with these sheets."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
        if name in hidden:
            sheet.hide()
    book.close()
    return file.getvalue()


def with_file(content: bytes, changes: Mapping[str, bytes]) -> bytes:
    """A workbook in which files are exchanged, or are there besides."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in changes:
                new.writestr(entry.filename, old.read(entry.filename))
        for name, text in changes.items():
            new.writestr(name, text)
    return file.getvalue()


def cells_of(content: bytes) -> list[list[Any]]:
    """The cells of a workbook's first sheet, as another library reads them."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return [list(row) for row in book.get_sheet_by_index(0).iter_rows()]
