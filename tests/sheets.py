"""Spreadsheets for tests: made by the library that makes people's, or by hand where no library would."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import python_calamine
import xlsxwriter

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Link:
    """A cell that shows something else than the address behind it."""

    address: str
    shown: str


@dataclass(frozen=True)
class Formula:
    """A formula, saved with its value."""

    formula: str
    value: str


def workbook(sheets: Mapping[str, Rows], hidden: Sequence[str] = ()) -> bytes:
    """An XLSX workbook with these sheets."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        sheet.add_write_handler(Link, lambda sheet, *at: sheet.write_url(*at[:2], at[2].address, None, at[2].shown))
        sheet.add_write_handler(
            Formula, lambda sheet, *at: sheet.write_formula(*at[:2], at[2].formula, None, at[2].value)
        )
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
        if name in hidden:
            sheet.hide()
    book.close()
    return file.getvalue()


def file_in(content: bytes, name: str) -> str:
    """The text of a file in a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode()


def with_file(content: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """A workbook in which files are exchanged, are there besides, or (None) are not there."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in changes:
                new.writestr(entry.filename, old.read(entry.filename))
        for name, text in changes.items():
            if text is not None:
                new.writestr(name, text)
    return file.getvalue()


def edited(content: bytes, name: str, old: str, new: str) -> bytes:
    """A workbook with another text in one of its files."""
    text = file_in(content, name)
    assert old in text
    return with_file(content, {name: text.replace(old, new).encode()})


def cells_of(content: bytes) -> list[list[Any]]:
    """The cells of a workbook's first sheet, as another library reads them."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return [list(row) for row in book.get_sheet_by_index(0).iter_rows()]
