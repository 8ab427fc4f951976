"""CSV files as they come: encodings, delimiters, quotes."""

import codecs
import csv
import io
from typing import Literal

import pytest
from hypothesis import assume, given, settings, strategies

from api.csvtext import DELIMITERS, decode, read_csv
from api.table import Question, Table, Unreadable

CELLS = strategies.text(
    strategies.characters(exclude_categories=("Cs", "Cc")) | strategies.sampled_from(',;|\t"\n\r '), max_size=12
)


def read(data: bytes | str, charset: str | None = None) -> Table:
    content = data.encode() if isinstance(data, str) else data
    return read_csv(content, Question(1_000, charset, {}))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("title,link\nA,x\n", "commas"),
        ("title;link\r\nA;x\r\n", "semicolons"),
        ("title\tlink\nA\tx", "tabs"),
        ("title|link\rA|x\r", "bars"),
        ('"title, long";link\n"A;B";x\n', "semicolons"),
        ("title;link\nA;https://x.org/a,b,c,d\nB;https://x.org/a,b\n", "semicolons"),
        ("title, subtitle;link\nA;x, y\nB, C;y\n", "semicolons"),
        ("sep=;\ntitle;link\nA;x\n", "semicolons"),
        ("sep=|\r\ntitle|link, or url\r\nA|x\r\n", "bars"),
    ],
)
def test_the_delimiter_is_found(content: str, name: str) -> None:
    table = read(content)
    assert table.read_as == f"CSV in UTF-8 with {name}"
    assert len(table.headers) == len(table.rows[0]) == 2


def test_the_callers_word_on_the_columns_tells_the_delimiter_as_well() -> None:
    text = b"where|a, b, c\nx|1, 2, 3\n"
    assert read_csv(text, Question(9, None, {"file_path": "where"})).headers == ["where", "a, b, c"]
    assert read_csv(text, Question(9, None, {})).headers == ["where|a", "b", "c"]


def test_one_column_needs_no_delimiter() -> None:
    table = read("url\nhttps://x.org/a,b\nhttps://x.org/c;d,e\nhttps://x.org/f\n")
    assert table.rows == [["https://x.org/a,b"], ["https://x.org/c;d,e"], ["https://x.org/f"]]


def test_a_cell_may_hold_lines_quotes_and_delimiters() -> None:
    table = read('title,link\n"A ""great"",\nreport",x\nB,y\n')
    assert table.rows == [['A "great",\nreport', "x"], ["B", "y"]]
    assert table.lines == [2, 4]


@given(
    delimiter=strategies.sampled_from(list(DELIMITERS)),
    rows=strategies.lists(strategies.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    quoting=strategies.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=strategies.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
)
@settings(max_examples=200)
def test_what_a_program_writes_is_read_as_it_was(
    delimiter: str, rows: list[list[str]], quoting: Literal[0, 1], encoding: str
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting).writerows([["title", "file_path", "note"], *rows])
    filled = [row for row in map(without_blank_end, rows) if any(row)]
    assume(filled)
    table = read(written.getvalue().encode(encoding))
    assert table.headers == ["title", "file_path", "note"]
    assert table.rows == filled


def without_blank_end(row: list[str]) -> list[str]:
    """Blank cells at a row's end are empty."""
    end = max((place for place, cell in enumerate(row, 1) if cell.strip()), default=0)
    return row[:end] + [""] * (len(row) - end)


def test_lines_are_counted_behind_a_line_that_names_the_delimiter() -> None:
    assert read("sep=;\ntitle;link\n\nA;x\n").lines == [4]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-8"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_unicode_is_known_by_its_mark_or_by_itself(mark: bytes, encoding: str) -> None:
    table = read(mark + "title,link\nÜbersicht हिन्दी,x\n".encode(encoding))
    assert (table.headers, table.rows) == (["title", "link"], [["Übersicht हिन्दी", "x"]])
    assert "guess" not in table.read_as


@pytest.mark.parametrize(
    ("encoding", "name", "text"),
    [
        ("cp1252", "windows-1252", "Titel;Link\nÜbersicht der Geschäfte;x\nPrüfung für Ärzte;y\n"),
        ("cp1252", "windows-1252", "titre;url\nÉtude générale des systèmes;x\nRésumé de l'année;y\n"),
        ("cp1252", "windows-1252", "title,url\nThe \u201cbest\u201d manual \u2013 2024,x\n"),
        ("cp1252", "windows-1252", "title,url\n" + "plain,x\n" * 20_000 + "Café,y\n"),
        ("cp1250", "windows-1250", "tytuł;url\nZażółć gęślą jaźń;x\nPrzegląd zakładów;y\n"),
        ("cp1251", "windows-1251", "название;url\nОбзор документов;x\nРуководство по обучению;y\n"),  # noqa: RUF001
        ("cp932", "Shift_JIS", "題名,url\n社員研修マニュアル,x\n年次報告書,y\n"),
        ("gb18030", "GB18030", "标题,url\n员工培训手册,x\n年度报告,y\n"),
        ("cp949", "EUC-KR", "제목,url\n직원 교육 매뉴얼,x\n연간 보고서,y\n"),
    ],
)
def test_an_old_encoding_is_guessed_and_the_guess_is_told(encoding: str, name: str, text: str) -> None:
    assert decode(text.encode(encoding)) == (text, f"{name} (a guess)")


def test_a_declared_encoding_is_taken_at_its_word() -> None:
    text = "başlık;url\nEğitim kılavuzu;x\n"  # noqa: RUF001
    assert decode(text.encode("cp1254"), "windows-1254") == (text, "windows-1254")


@pytest.mark.parametrize(
    ("data", "charset", "why"),
    [
        ("title,url\nÉ,x\n".encode("cp1252"), "utf-8", "is not utf-8 throughout"),
        (b"title,url\n", "no-such-code", "unknown here"),
        (b"title,url\n", "base64", "unknown here"),
        (b"title,url\n", "idna", "unknown here"),
        (b"title,url\n", "\0", "unknown here"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", None, "is not UTF-16 throughout"),
        (b"title,url\nA\0,x\n", None, "holds NUL characters"),
        (bytes(range(1, 256)) * 40, None, "cannot be made out"),
        (b'title,url\n"A,x\n' + b"B,y\n" * 30_000, None, "the quote that opens in line 2 is not closed"),
        (b'title,url\n"A\nB","x\nC,y\n', None, "the quote that opens in line 3 is not closed"),
        (b'title,url\r\n"A ""B""\r\n",,"C",x,"y\r\nD', None, "the quote that opens in line 3 is not closed"),
        (b'sep=;\ntitle;url\r"A;x\r', None, "the quote that opens in line 3 is not closed"),
        (b'file_path;title\na;A, or B\nb;"C\nc;D\n', None, "the quote that opens in line 3 is not closed"),
        (b"file_path;title\n" + b"a;A\n" * 60 + b'b;"B\nc;C\n', None, "the quote that opens in line 62 is not closed"),
        (b'title,url\nA,x\n"B"oops,y\n', None, "the quote that opens in line 3 ends in the midst of a cell"),
        (b'title,url\nA,"x\n"B",y\n', None, "the quote that opens in line 2 ends in the midst of a cell"),
        (b"title,url\nA," + b"x" * 100_001, None, "holds a cell of more than 100,000 characters in line 2"),
    ],
)
def test_what_is_no_csv_says_why(data: bytes, charset: str | None, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(data, charset)
