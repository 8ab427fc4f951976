"""The parts of workbooks: found as their relationships say, and harmless where strangers have made them."""

import io
import re
import zipfile

import pytest

from api import ooxml
from api.links import links_behind
from api.ooxml import Parts
from api.table import Question
from api.workbook import read_workbook
from tests.sheets import Link, edited, file_in, with_file, workbook

A = "https://example.org/a.pdf"
BOOK, SHEET = "xl/workbook.xml", "xl/worksheets/sheet1.xml"
BOOKS, SHEETS = "xl/_rels/workbook.xml.rels", "xl/worksheets/_rels/sheet1.xml.rels"
NAME = "T\u00fcr & <b>"
GOOD = workbook({NAME: [["title", "url"], ["T", Link(A, "click here")]], "other": [["x"]]})
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'


def links(content: bytes) -> dict[int, str]:
    return links_behind(content, NAME, 2, [2])


def moved(target: str, part: str) -> bytes:
    """A workbook whose sheet lies elsewhere."""
    text, ours = file_in(GOOD, SHEET), file_in(GOOD, SHEETS)
    folder, _, name = part.rpartition("/")
    book = edited(GOOD, BOOKS, "worksheets/sheet1.xml", target)
    types = file_in(GOOD, "[Content_Types].xml").replace(f"/{SHEET}", f"/{part}")
    parts = {part: text, f"{folder}/_rels/{name}.rels": ours, "[Content_Types].xml": types}
    return with_file(book, {SHEET: b"", SHEETS: b""} | {name: text.encode() for name, text in parts.items()})


def strict(content: bytes) -> bytes:
    """The same in the namespaces of ISO 29500 Strict, with prefixes, as other programs write them."""
    for part in (BOOK, SHEET, BOOKS, SHEETS):
        text = file_in(content, part)
        for room in ("officeDocument", "spreadsheetml"):
            text = text.replace(
                f"http://schemas.openxmlformats.org/{room}/2006/", f"http://purl.oclc.org/ooxml/{room}/"
            )
        if part in (BOOK, SHEET):
            text = re.sub(r"<(/?)(?=[a-z])", r"<\1s:", text).replace("xmlns=", "xmlns:s=")
            text = text.replace("r:id", "rel:id").replace("xmlns:r=", "xmlns:rel=")
        content = with_file(content, {part: text.replace("<s:?", "<?").encode()})
    return content


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        moved("/xl/worksheets/sheet1.xml", SHEET),
        moved("/sheets/of/mine.xml", "sheets/of/mine.xml"),
        moved("worksheets/SHEET1.xml", SHEET),
        strict(GOOD),
    ],
    ids=["relative", "absolute", "absolute elsewhere", "other case", "strict with prefixes"],
)
def test_a_sheet_is_found_by_its_name(content: bytes) -> None:
    assert read_workbook(content, Question(10, None, {})).rows == [["T", A]]


@pytest.mark.parametrize("part", [BOOK, SHEET, BOOKS, SHEETS])
@pytest.mark.parametrize("kind", ["entities", "cut", "no XML", "encoding", "empty", "away"])
def test_damage_and_malice_leave_links_unknown(part: str, kind: str) -> None:
    text = file_in(GOOD, part)
    damaged = {
        "entities": text.replace(DECLARATION, DECLARATION + LAUGHS),
        "cut": text[:-20],
        "no XML": "hyperlink \0" * 100,
        "encoding": text.replace("UTF-8", "x-none"),
        "empty": "",
    }.get(kind)
    assert damaged != text
    assert links(with_file(GOOD, {part: None if damaged is None else damaged.encode()})) == {}


def test_a_document_type_is_refused_before_anything_of_it_is_read() -> None:
    content = with_file(GOOD, {SHEETS: file_in(GOOD, SHEETS).replace(DECLARATION, LAUGHS).replace(A, "&c;").encode()})
    with zipfile.ZipFile(io.BytesIO(content)) as file, pytest.raises(ValueError, match="has a document type"):
        Parts(file).targets(SHEET, ["rId1"])


@pytest.mark.parametrize(
    "target", ["sheet1.xml", "/xl/worksheets/_rels/sheet1.xml.rels", "../workbook.xml", "sheet1.xml#"]
)
def test_relationships_in_a_circle_are_not_followed(target: str) -> None:
    content = edited(GOOD, SHEETS, A, target)
    assert links(edited(content, BOOKS, "worksheets/sheet1.xml", "worksheets/sheet1.xml")) == {}
    assert links(edited(content, BOOKS, "worksheets/sheet1.xml", "_rels/workbook.xml.rels")) == {}


@pytest.mark.parametrize("relationship", ["rId99", ""])
def test_a_link_without_its_relationship_leaves_the_others(relationship: str) -> None:
    lost = f'<hyperlink ref="B1" r:id="{relationship}"/><hyperlink ref="B3"/><hyperlink ref="B4" r:id="rId1"/>'
    assert links_behind(edited(GOOD, SHEET, "</hyperlinks>", f"{lost}</hyperlinks>"), NAME, 2, [1, 2, 3, 4]) == {
        2: A,
        4: A,
    }


def test_what_is_unpacked_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = max(len(file_in(GOOD, part).encode()) for part in (BOOK, BOOKS, SHEET, SHEETS))
    monkeypatch.setattr(ooxml, "UNPACKED_MAX_BYTES", largest)
    assert links(GOOD) == {2: A}
    monkeypatch.setattr(ooxml, "UNPACKED_MAX_BYTES", largest - 1)
    assert links(GOOD) == {}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_parts_that_would_unpack_without_a_bound_are_left_alone(method: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry), method if entry.filename == SHEETS else zipfile.ZIP_DEFLATED)
    assert links(file.getvalue()) == {}


def test_a_word_is_found_where_two_pieces_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as file:
        for size in range(1, 40):
            monkeypatch.setattr(ooxml, "CHUNK_BYTES", size)
            assert Parts(file).tell(SHEET, b"hyperlinks")
            assert not Parts(file).tell(SHEET, b"hyperlink(")
