"""XLSX workbooks: cells as people see them, the right sheet, and workbooks made to do harm."""

from datetime import date, datetime, time, timedelta

import pytest

from api.table import Question, Unreadable
from api.tablechild import answer_to
from api.workbook import Raw, _cell, read_workbook
from tests.sheets import Rows, with_file, workbook

WHOLE = Question(rows_max=1_000, charset=None, column_mapping={})
ROWS = [["title", "url"], ["A", "x"]]


def test_cells_are_read_as_people_see_them() -> None:
    cells = [1.0, 0.5, 0.1 + 0.2, True, date(2024, 2, 3), datetime(2024, 2, 3, 4, 5), "=1+1", "", 12345678901234567890]
    table = read_workbook(workbook({"s": [["url", *"abcdefgh"], cells]}), WHOLE)
    assert table.rows == [[1, 0.5, 0.3, True, "2024-02-03", "2024-02-03T04:05:00", 0, "", 1.234567890123457e19]]
    assert type(table.rows[0][0]) is int


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (time(7, 46, 7, 375_000), "07:46:07"),
        (timedelta(days=1, hours=2, milliseconds=999), "26:00:01"),
        (datetime(2024, 2, 3, 4, 5), "2024-02-03T04:05:00"),
        (date(2024, 2, 3), "2024-02-03"),
    ],
)
def test_times_are_told_to_the_second(raw: Raw, told: str) -> None:
    assert _cell(raw) == told


def test_rows_are_counted_as_the_spreadsheet_does() -> None:
    table = read_workbook(workbook({"s": [[], [], ["", "url"], [], ["", "x"]]}), WHOLE)
    assert (table.headers, table.rows, table.lines, table.line) == (["url"], [["x"]], [5], "row")


@pytest.mark.parametrize(
    ("mapping", "chosen"), [({}, "right"), ({"file_path": "Weblink"}, "mapped"), ({"file_path": "none"}, "first")]
)
def test_the_sheet_is_the_one_that_names_documents(mapping: dict[str, str], chosen: str) -> None:
    sheets: dict[str, Rows] = {
        "empty": [],
        "first": [["a"], [1]],
        "hidden": ROWS,
        "mapped": [["Weblink"], ["x"]],
        "right": ROWS,
    }
    if chosen == "first":
        sheets = {name: rows for name, rows in sheets.items() if name != "right"}
    table = read_workbook(workbook(sheets, hidden=["hidden"]), Question(1_000, None, mapping))
    assert table.read_as == f"sheet “{chosen}” of a workbook"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (workbook({"s": []}), "has no visible sheet with anything in it"),
        (workbook({"s": ROWS})[:-40], "is a damaged workbook"),
        (with_file(workbook({"s": ROWS}), {"xl/worksheets/sheet1.xml": b"<worksheet><oops"}), "damaged"),
        (with_file(workbook({"s": ROWS}), {"xl/media/bomb": b"\0" * 2**28}), "larger than 256 MiB"),
        (with_file(workbook({"s": ROWS}), {f"x/{number}": b"" for number in range(5_001)}), "larger than"),
    ],
    ids=["empty", "cut", "no xml", "bomb", "many files"],
)
def test_what_is_no_workbook_says_why(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_workbook(data, WHOLE)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "an old workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (with_file(workbook({"s": ROWS}), {})[:4] + b"rest", "damaged workbook"),
    ],
)
def test_other_files_are_told_apart(data: bytes, why: str) -> None:
    answer = answer_to(data, WHOLE)
    assert answer.table is None
    assert why in answer.fault
