"""One row: its title, its source, its own columns."""

from typing import Any

import pytest

from protocol.columns import ColumnMapping
from protocol.document import COLUMNS_MAX, Document, read_documents, title_of
from protocol.faults import Faults, InvalidRequest
from protocol.words import SourceType

PATH = "https://example.org/files/report.pdf"


def read(*rows: object, mapping: object = None) -> list[Document]:
    faults = Faults()
    documents = read_documents(list(rows), 100, ColumnMapping.read(mapping, faults), faults)
    faults.settle()
    return documents


def faults(*rows: object, mapping: object = None) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        read(*rows, mapping=mapping)
    return {fault.path: fault.message for fault in refused.value.faults}


def one(**row: Any) -> Document:
    (document,) = read({"file_path": PATH} | row)
    return document


def test_a_whole_row_is_read() -> None:
    (document,) = read(
        {
            "title": "Report",
            "file_path": "reports/a.pdf",
            "file_source_type": "local",
            "description": "of the year",
            "password": "pw",
            "id": "r-1",
            "department": "HR",
            "year": 2020,
        }
    )
    assert document == Document(
        title="Report",
        file_path="reports/a.pdf",
        file_source_type=SourceType.LOCAL,
        description="of the year",
        password="pw",
        id="r-1",
        columns={"department": "HR", "year": 2020},
    )


@pytest.mark.parametrize(
    ("file_path", "title"),
    [
        (PATH, "report.pdf"),
        ("https://example.org/a/My%20Report.pdf?version=2#page=3", "My Report.pdf"),
        ("https://example.org/?file=a.pdf", "Document 4"),
        ("https://example.org", "Document 4"),
        ("s3://bucket/folder/a.pdf", "a.pdf"),
        ("folder/a.pdf", "a.pdf"),
        ("folder/", "Document 4"),
        ("https://example.org/a%0Ab%1B.pdf", "a b .pdf"),
        ("https://example.org/%00", "Document 4"),
        ("https://example.org/%ff", "\ufffd"),
    ],
)
def test_a_row_without_a_title_is_called_after_its_file(file_path: str, title: str) -> None:
    assert title_of(file_path, 4) == title


@pytest.mark.parametrize("title", [None, "", "  ", "\n"])
def test_an_empty_title_counts_as_none(title: object) -> None:
    assert one(title=title).title == "report.pdf"


def test_control_characters_become_spaces_where_people_read() -> None:
    document = one(title=" A\r\n\x1b[31mB\x9b ", description="one\ntwo\x07")
    assert document.title == "A [31mB"
    assert document.description == "one\ntwo"


@pytest.mark.parametrize(
    ("file_path", "source"),
    [
        ("http://example.org/a", SourceType.URL),
        ("HTTPS://example.org/a", SourceType.URL),
        ("s3://bucket/a", SourceType.S3),
        ("  https://example.org/a ", SourceType.URL),
    ],
)
@pytest.mark.parametrize("absent", [{}, {"file_source_type": None}, {"file_source_type": ""}])
def test_a_missing_source_type_is_guessed_from_the_path(
    file_path: str, source: SourceType, absent: dict[str, Any]
) -> None:
    (document,) = read({"file_path": file_path} | absent)
    assert (document.file_source_type, document.file_path) == (source, file_path.strip())


@pytest.mark.parametrize(
    "file_path", ["/etc/a.pdf", "a.pdf", "C:\\a.pdf", "www.example.org/a", "https:/x", "s3:a", "http"]
)
def test_a_bare_name_wants_to_be_told_local_or_upload(file_path: str) -> None:
    assert faults({"file_path": PATH}, {"file_path": file_path}) == {
        "documents[1].file_source_type": "is missing: write local or upload, since the path does not begin with "
        "http://, https:// or s3://"
    }


@pytest.mark.parametrize(
    "file_path", ["ftp://example.org/a.pdf", "FILE:///a.pdf", "htp://example.org/a.pdf", "gs://b/k"]
)
def test_a_path_of_another_scheme_is_told_which_are_read(file_path: str) -> None:
    assert faults({"file_path": file_path}) == {
        "documents[0].file_path": "has a scheme that is not read here: documents come by http, https or s3"
    }


@pytest.mark.parametrize("source", ["ftp", "URL", "url ", 7, True, ["url"], {}])
def test_an_unknown_source_type_is_named(source: object) -> None:
    assert faults({"file_path": PATH, "file_source_type": source}) == {
        "documents[0].file_source_type": "wants one of url, s3, local, upload"
    }


@pytest.mark.parametrize("path", [None, "", " "])
def test_a_missing_path_is_named(path: object) -> None:
    assert faults({"file_path": path}) == {"documents[0].file_path": "is missing"}
    assert faults({"title": "A", "file_source_type": "url"}) == {"documents[0].file_path": "is missing"}


@pytest.mark.parametrize("path", [7, True, [PATH], "https://x.org/\na", "https://x.org/\x00", "h" * 4_097])
def test_a_path_that_will_not_do_is_named(path: object) -> None:
    row = {"file_path": path, "file_source_type": "url"}
    assert list(faults(row)) == ["documents[0].file_path"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 7),
        ("title", "t" * 1_001),
        ("title", "\x00"),
        ("description", ["a"]),
        ("description", "d" * 10_001),
        ("password", 1234),
        ("password", "\ud800"),
        ("id", 1.5),
        ("id", True),
        ("id", "a\tb"),
        ("id", "i" * 257),
    ],
)
def test_a_field_that_will_not_do_is_named(field: str, value: object) -> None:
    assert list(faults({"file_path": PATH, field: value})) == [f"documents[0].{field}"]


@pytest.mark.parametrize(("given", "kept"), [("7", "7"), (7, "7"), (-(10**30), str(-(10**30))), ("", None)])
def test_a_whole_number_as_id_is_kept_as_its_digits(given: object, kept: str | None) -> None:
    assert one(id=given).id == kept


@pytest.mark.parametrize("row", [None, 1, "a", [], True])
def test_a_row_must_be_an_object(row: object) -> None:
    assert faults({"file_path": PATH}, row) == {"documents[1]": "wants an object"}


def test_own_columns_come_through_as_they_are() -> None:
    own = {"n": 1.5, "b": False, "none": None, "list": [1, {"x": "y"}], "text": "a\nb", "big": 2**63, "": "nameless"}
    assert one(**own).columns == own


def test_a_column_without_end_is_refused() -> None:
    assert list(faults({"file_path": PATH} | {f"c{n}": 1 for n in range(COLUMNS_MAX)})) == ["documents[0]"]
    assert list(faults({"file_path": PATH, "c" * 201: 1})) == [f"documents[0].{'c' * 64}…"]


def test_rows_with_other_headers_are_each_understood() -> None:
    first, second, third = read({"url": PATH, "name": "A"}, {"PDF Link": PATH, "x": 1}, {"name": "C", "url": PATH})
    assert [first.title, second.title, third.title] == ["A", "report.pdf", "C"]
    assert second.columns == {"x": 1}


def test_a_mapped_column_that_no_row_has_is_named() -> None:
    assert faults({"file_path": PATH}, mapping={"title": "Name"}) == {
        "column_mapping.title": "names a column that no document has"
    }


def test_two_columns_that_may_both_hold_the_path_are_refused_once_for_all_rows_like_it() -> None:
    row = {"url": PATH, "link": PATH}
    assert faults(row, row, {"link": PATH, "Url": PATH}) == {
        "documents[0].file_path": "may be in any of the columns “url”, “link”; say in column_mapping.file_path which",
        "documents[2].file_path": "may be in any of the columns “Url”, “link”; say in column_mapping.file_path which",
    }
    (document,) = read(row, mapping={"file_path": "link"})
    assert document.columns == {"url": PATH}


def test_of_two_titles_the_likelier_counts_and_the_other_is_the_callers_own() -> None:
    document = one(name="A", doc_title="B")
    assert (document.title, document.columns) == ("B", {"name": "A"})


def test_a_password_is_never_a_column_of_the_callers_own() -> None:
    (document,) = read(
        {"file_path": PATH, "pw": "right", "Password": "other", "PWD": "another"}, mapping={"password": "pw"}
    )
    assert document.password == "right"
    assert document.columns == {}
