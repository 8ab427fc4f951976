"""The child that writes a workbook, `python -m api.sheetwriter FILE`: lines of JSON in, the file out.

Each line holds the cells of a row, the first one the header. A cell is text or a number, never a formula or a link.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import xlsxwriter

from api.confined import confine

MEMORY_MB = 512
CPU_S = 240
TEXT_LENGTH_MAX = 32_767
"""What a cell holds."""
INTEGER_MAX = 2**53
"""A larger number would come out rounded."""
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write(lines: Iterable[bytes], file: Path) -> None:
    """The workbook of these rows, with a header that stays in sight."""
    book = xlsxwriter.Workbook(file, OPTIONS | {"tmpdir": str(file.parent)})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for number, line in enumerate(lines):
        for place, cell in enumerate(msgspec.json.decode(line)):
            _write_cell(sheet, number, place, cell, None if number else bold)
    book.close()


def _write_cell(sheet: Any, row: int, column: int, cell: Any, style: Any) -> None:
    match cell:
        case None | "":
            pass
        case bool():
            sheet.write_boolean(row, column, cell, style)
        case float():
            sheet.write_number(row, column, cell, style)
        case int() if abs(cell) <= INTEGER_MAX:
            sheet.write_number(row, column, cell, style)
        case _:
            sheet.write_string(row, column, _fitting(str(cell)), style)


def _fitting(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH_MAX else text[: TEXT_LENGTH_MAX - 1] + "…"


def main() -> None:
    """Write the one workbook."""
    confine(MEMORY_MB, CPU_S)
    write(sys.stdin.buffer, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
