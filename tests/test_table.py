"""From records to a table: what people's spreadsheets look like."""

import pytest

from api.table import Records, Unreadable, table_of, text_of


def numbered(*rows: list[str]) -> Records:
    return enumerate(rows, 1)


def test_blank_lines_and_blank_columns_are_left_out_and_lines_keep_their_numbers() -> None:
    table = table_of(numbered([], ["", " "], ["a", "", "b", ""], [], ["1", "", "2"], ["", ""], ["3"]), 10, "CSV")
    assert table.headers == ["a", "b"]
    assert table.rows == [["1", "2"], ["3", ""]]
    assert table.lines == [5, 7]


def test_a_nameless_column_with_something_in_it_is_called_by_its_place() -> None:
    table = table_of(numbered(["", "url"], ["0", "x"]), 10, "CSV")
    assert table.headers == ["column 1", "url"]


def test_a_header_may_be_broken_into_lines() -> None:
    assert table_of(numbered([" PDF\n link "], ["x"]), 10, "CSV").headers == ["PDF link"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "is empty"),
        ([["", ""]], "is empty"),
        ([["url"]], "has no rows below its header"),
        ([["url", "x", "url"], ["1"]], "has two columns called “url”"),
        ([["url"], ["1"], ["2", "3"]], "has more cells in line 3 than columns in its header, which is line 1$"),
        ([["url"], *[["x"]] * 4], "has more than 3 rows"),
        ([["c"] * 101], "has more than 100 columns"),
        ([["url"], *[["x" * 8_000_000]] * 3], "holds more than 16,777,216 characters"),
    ],
)
def test_what_is_no_table_says_why(rows: list[list[str]], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        table_of(numbered(*rows), 3, "CSV")


@pytest.mark.parametrize(
    ("cell", "text"), [("a", "a"), (1, "1"), (0.5, "0.5"), (0.1 + 0.2, "0.3"), (True, "TRUE"), (1e21, "1e+21")]
)
def test_a_cell_is_told_as_people_see_it(cell: str | float, text: str) -> None:
    assert text_of(cell) == text
