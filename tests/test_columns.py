"""Which of the caller's columns is which of our fields."""

import pytest

from protocol.columns import ALIASES, ColumnMapping, listed
from protocol.faults import Faults, InvalidRequest


def mapping(value: object) -> ColumnMapping:
    faults = Faults()
    read = ColumnMapping.read(value, faults)
    faults.settle()
    return read


def ours(columns: list[str], value: object = None) -> dict[str, str]:
    return mapping(value).plan(columns)[0]


@pytest.mark.parametrize(("field", "alias"), [(field, alias) for field in ALIASES for alias in ALIASES[field]])
def test_each_known_alias_is_understood(field: str, alias: str) -> None:
    assert ours([alias]) == {field: alias}
    assert ours([f" {alias.replace('_', ' ').title()}"]) == {field: f" {alias.replace('_', ' ').title()}"}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("FilePath", "file_path"),
        ("File - Path", "file_path"),
        ("PDFLink", "file_path"),
        ("FILE_SOURCE-TYPE", "file_source_type"),
        ("Doc\u00a0Title", "title"),
        ("I D", "id"),
    ],
)
def test_spaces_dashes_and_underscores_make_no_other_name(column: str, field: str) -> None:
    assert ours([column]) == {field: column}


@pytest.mark.parametrize("column", ["Row ID", "id_", "Link text", "Titles", "File", "Password policy", "pass", "URL?"])
def test_a_name_that_only_resembles_one_of_ours_is_the_callers_own(column: str) -> None:
    found, others = mapping(None).plan([column])
    assert (found, others) == (({"id": column}, []) if column == "id_" else ({}, [column]))


SPELT = (
    "Pass Word,Pass-Word,pass_word,PASSWORD:,Password *,(password),PWD,p.w.d.,Passwort,passwd,PDF Password,Password 2"
)


@pytest.mark.parametrize("column", [*SPELT.split(","), "\uff30assword", "pass\u200bword", "\ufeffpwd"])
def test_a_password_is_known_by_its_letters_and_never_the_callers_own(column: str) -> None:
    assert mapping(None).plan([column, "url"]) == ({"file_path": "url", "password": column}, [])
    assert mapping({"password": "pw"}).plan(["pw", column]) == ({"password": "pw"}, [])


@pytest.mark.parametrize(
    ("columns", "value", "rivals"),
    [
        (["url", "title", "Link"], None, ["url", "Link"]),
        (["path", "pdf_url", "document_url"], None, ["path", "pdf_url", "document_url"]),
        (["File Path", "FilePath"], None, ["File Path", "FilePath"]),
        (["url", "URL "], None, ["url", "URL "]),
        (["url", "link", "path"], {"link": "file_path"}, []),
        (["url", "link"], {"id": "link"}, []),
        (["url", "link", "path"], {"id": "link"}, ["path", "url"]),
        (["url", "link"], {"file_path": "elsewhere"}, ["url", "link"]),
        (["url", "link", "file_path"], None, []),
        (["url", "link", "File Path"], None, []),
        (["File Path", "file_path"], None, []),
        (["title", "name", "desc", "summary", "url"], None, []),
    ],
)
def test_columns_of_which_any_may_hold_the_path_are_rivals_unless_something_decides(
    columns: list[str], value: object, rivals: list[str]
) -> None:
    assert mapping(value).rivals(columns) == rivals


def test_many_columns_are_listed_up_to_a_number() -> None:
    assert listed(["a;b", "c\x1b"]) == "“a;b”, “c?”"
    assert listed([f"c{number}" for number in range(23)]).endswith("“c19” and 3 more")


def test_our_own_name_wins_over_an_alias_and_the_rest_stay_the_callers() -> None:
    plan, others = mapping(None).plan(["url", "File Path", "file_path", "path"])
    assert plan == {"file_path": "file_path"}
    assert others == ["url", "File Path", "path"]


def test_the_callers_mapping_wins_over_our_own_names() -> None:
    assert ours(["title", "Heading", "file_path"], {"title": "Heading"}) == {
        "title": "Heading",
        "file_path": "file_path",
    }


@pytest.mark.parametrize(
    "value",
    [{"title": "Heading", "file_path": "Where"}, {"Heading": "title", "Where": "file_path"}],
    ids=["field to column", "column to field"],
)
def test_a_mapping_is_understood_in_both_directions(value: dict[str, str]) -> None:
    assert ours(["Heading", "Where"], value) == {"title": "Heading", "file_path": "Where"}


def test_a_mapping_that_reads_both_ways_goes_from_our_field_to_the_column() -> None:
    assert ours(["title", "description", "url"], {"title": "description"}) == {
        "title": "description",
        "file_path": "url",
    }


def test_a_mapped_column_is_not_taken_for_another_field_as_well() -> None:
    assert ours(["name", "url"], {"id": "name"}) == {"file_path": "url", "id": "name"}


def test_a_row_that_lacks_the_mapped_column_falls_back_to_the_known_names() -> None:
    assert ours(["title", "url"], {"title": "Heading"}) == {"title": "title", "file_path": "url"}


def test_null_says_that_there_is_no_such_column() -> None:
    assert ours(["url"], {"title": None, "file_path": "url"}) == {"file_path": "url"}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([], "column_mapping"),
        ("title", "column_mapping"),
        ({"title": 7}, "column_mapping.title"),
        ({"title": ["a"]}, "column_mapping.title"),
        ({"title": "\ud800"}, "column_mapping.title"),
        ({"title": "c" * 201}, "column_mapping.title"),
        ({"Heading": "headline"}, "column_mapping.Heading"),
        ({"A": "title", "B": "title"}, "column_mapping.B"),
        ({"title": "Heading", "Where": "file_path"}, "column_mapping.title"),
    ],
)
def test_a_mapping_that_will_not_do_is_named(value: object, path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        mapping(value)
    assert [fault.path for fault in refused.value.faults] == [path]
