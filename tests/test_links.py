"""Links behind the cells of a workbook: the document's address where the cell does not show it."""

import subprocess
import sys

import msgspec
import pytest

from api.links import links_behind
from api.table import Question, Unreadable, from_bytes
from api.workbook import read_workbook
from tests.sheets import Formula, Link, Rows, edited, with_file, workbook

WHOLE = Question(rows_max=1_000, charset=None, column_mapping={})
SHEET = "xl/worksheets/sheet1.xml"
A, B = "https://example.org/a.pdf", "https://example.org/b.pdf"


def paths(content: bytes, question: Question = WHOLE) -> list[object]:
    """What stands in the second column."""
    return [row[1] for row in read_workbook(content, question).rows]


def below(*cells: object) -> bytes:
    """A workbook with these cells in its column for `file_path`."""
    return workbook({"s": [["title", "url"], *(["T", cell] for cell in cells)]})


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        (Link(A, "click here"), A),
        (Link("https://example.org/an annual.pdf#page=2", "7"), "https://example.org/an%20annual.pdf#page=2"),
        (Link("http://www.example.org/a.pdf", "www.example.org/a.pdf"), "http://www.example.org/a.pdf"),
        (Link("s3://bucket/an annual.pdf", "report.pdf"), "s3://bucket/an annual.pdf"),
        (Formula(f'=HYPERLINK("{A}","PDF")', "PDF"), A),
        (Formula(f'=HYPERLINK("{A}")', A), A),
        (Formula(f'=hyperlink( "{A}?q=" & "a""b" , A1)', "T"), f'{A}?q=a"b'),
        (f'=HYPERLINK("{A}","PDF")', A),
    ],
    ids=["text", "place in it", "no scheme", "S3", "formula", "bare formula", "joined", "value never saved"],
)
def test_a_link_is_the_path_where_what_is_shown_could_be_none(cell: object, path: str) -> None:
    assert paths(below(cell)) == [path]


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        (Link(A, f" {B}"), f" {B}"),
        (Formula(f'=HYPERLINK("{A}","s3://bucket/key")', "s3://bucket/key"), "s3://bucket/key"),
        (Link("mailto:a@example.org", "mail"), "mail"),
        (Link("external:c:\\a.pdf", "disk"), "disk"),
        (Link("internal:'s'!A1", "inside"), "inside"),
        (Link("ftp://example.org/a.pdf", "old"), "old"),
        (Formula('=HYPERLINK("#s!A1","inside")', "inside"), "inside"),
        (Formula('=HYPERLINK("https://example.org/"&A2,"reckoned")', "reckoned"), "reckoned"),
        (Formula(f'=IF(1,HYPERLINK("{A}"),"")', "within"), "within"),
    ],
)
def test_what_is_shown_stays_where_it_is_an_address_or_the_link_is_none(cell: object, path: str) -> None:
    assert paths(below(cell)) == [path]


def test_a_name_in_a_folder_goes_before_the_link_behind_it() -> None:
    sources = ["local", "Upload ", "url", ""]
    rows: Rows = [["file_source_type", "url"], *([source, Link(A, "a.pdf")] for source in sources)]
    assert paths(workbook({"s": rows})) == ["a.pdf", "a.pdf", A, A]


def test_only_the_column_for_the_path_takes_its_links() -> None:
    rows: Rows = [["title", "Weblink"], [Link(A, "T"), Link(B, "click here")]]
    assert read_workbook(workbook({"s": rows}), WHOLE).rows == [["T", "click here"]]
    mapped = Question(1_000, None, {"file_path": "Weblink"})
    assert read_workbook(workbook({"s": rows}), mapped).rows == [["T", B]]


def test_a_column_is_found_wherever_the_table_begins() -> None:
    blank = [""] * 26
    rows: Rows = [[], [*blank, "", "url"], [*blank, "T", Link(A, "click")], [*blank, "", Link(B, "click")]]
    assert read_workbook(workbook({"s": rows}), WHOLE).rows == [["T", A], ["", B]]


def test_rows_that_hold_nothing_but_a_formula_without_a_value_are_documents() -> None:
    first, last = Formula(f'=HYPERLINK("{A}")', ""), Formula(f'=HYPERLINK("{B}")', "")
    table = read_workbook(workbook({"s": [["title", "url"], ["", first], ["", B], ["", last]]}), WHOLE)
    assert (table.rows, table.lines) == ([["", A], ["", B], ["", B]], [2, 3, 4])


def test_a_table_of_nothing_else_is_a_table() -> None:
    rows: Rows = [["url"], [Formula(f'=HYPERLINK("{A}")', "")]]
    assert read_workbook(workbook({"s": rows}), WHOLE).rows == [[A]]


def test_a_link_over_cells_that_show_nothing_is_not_taken() -> None:
    content = edited(below(Link(A, "first"), "", "third", Link(B, "fourth")), SHEET, 'ref="B2"', 'ref="A2:C4"')
    assert paths(content) == [A, "", A, B]


def test_a_formula_in_the_header_names_no_document() -> None:
    formula = Formula(f'=HYPERLINK("{A}","url")', "url")
    table = read_workbook(workbook({"s": [["title", formula], ["T", Link(B, "x")]]}), WHOLE)
    assert (table.headers, table.rows) == (["title", "url"], [["T", B]])


def test_of_too_many_rows_no_link_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    content = below(*[Link(A, "click")] * 4)
    assert paths(content, Question(4, None, {})) == [A] * 4
    monkeypatch.delattr("api.workbook.links_behind")
    with pytest.raises(Unreadable, match="more than 3 rows"):
        read_workbook(content, Question(3, None, {}))


def test_cells_that_do_not_say_where_they_are_stand_one_behind_the_other() -> None:
    cells = f'<row><c/><c><f>HYPERLINK("{A}")</f></c></row><row><c/><c><f>HYPERLINK("{B}")</f></c><c><f>1</f></c></row>'
    content = with_file(below(), {SHEET: f"<sheetData>{cells}</sheetData>".encode()})
    assert links_behind(content, "s", 2, []) == {1: A, 2: B}


def test_a_million_links_over_a_full_form_keep_the_limits_of_the_child() -> None:
    many = '<hyperlink ref="A1:Z1048576" r:id="rId1"/>' * 1_000_000
    content = edited(below(*[Link(A, "x"), *["y"] * 9_999]), SHEET, "</hyperlinks>", f"{many}</hyperlinks>")
    question = msgspec.json.encode(Question(10_000, None, {})).decode()
    command = [sys.executable, "-m", "api.tablechild", question]
    answer = from_bytes(subprocess.run(command, input=content, check=True, capture_output=True, timeout=60).stdout)
    assert answer.table is not None
    assert answer.table.rows == [["T", A]] * 10_000
