"""Files that name documents: JSON is read by the client, everything else by the server."""

from pathlib import Path

import pytest

from protocol.batchfile import BadFile, places_in, read_batch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.mark.parametrize(
    "content",
    [
        '[{"title": "A", "link": "https://x.org/a"}]',
        '\ufeff {"documents": [{"title": "A", "link": "https://x.org/a"}]}',
    ],
    ids=["list", "object"],
)
def test_json_is_read(file: Path, content: str) -> None:
    file.write_text(content)
    assert read_batch(str(file)).asked == {"documents": [{"title": "A", "link": "https://x.org/a"}]}


@pytest.mark.parametrize(
    "content", [b"title,link\nA,x\n", b"PK\x03\x04\x00", b"\xff\xfea\x00", b"\xef\xbb\xbfurl\nx\n"]
)
def test_everything_else_is_a_spreadsheet_and_goes_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert read_batch(str(file)).spreadsheet == content


def test_an_object_brings_its_config_and_mapping(file: Path) -> None:
    file.write_text('{"documents": [{}], "config": {"num_tags": 5}, "column_mapping": {"a": "title"}, "job_id": "j"}')
    batch = read_batch(str(file)).asked
    assert (batch["config"], batch["column_mapping"], batch["job_id"]) == ({"num_tags": 5}, {"a": "title"}, "j")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"[]", "names no document"),
        (b"[{]", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "names no document"),
        (b'{"documents": [{}], "weather": 1}', "and nothing else"),
        (b'{"documents": {}}', "documents in the file is of the wrong kind"),
        (b'{"documents": [{}], "config": []}', "config in the file is of the wrong kind"),
    ],
)
def test_a_file_that_will_not_do_says_why(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BadFile, match=why):
        read_batch(str(file))


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(BadFile, match="documents: No such file"):
        read_batch(str(file))


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        ("title,Link\nA,https://x.org/a\n\nB,s3://b/k\n", None),
        ('\ufeffWhere;title\n"https://x.org/a";"a\nb"\ns3://b/k\n', {"file_path": "Where"}),
        ("url\nhttps://x.org/a\ns3://b/k\n", None),
        ('[{"url": "https://x.org/a"}, {"file_path": "s3://b/k"}]', None),
        ('{"documents": [{"at": "https://x.org/a"}, {"at": "s3://b/k"}], "column_mapping": {"at": "file_path"}}', None),
    ],
    ids=["commas", "semicolons", "one column", "list", "object"],
)
def test_the_paths_of_a_batch_are_found(file: Path, content: str, mapping: dict[str, str] | None) -> None:
    file.write_text(content)
    assert places_in(str(file), mapping, None) == [{"path": "https://x.org/a"}, {"path": "s3://b/k"}]


def test_a_path_is_of_the_kind_that_is_said_or_without_a_scheme_of_the_given_one(file: Path) -> None:
    file.write_text("url,file_source_type\na,Upload \nhttps://x.org/a,\nb,\n")
    assert [each.get("type") for each in places_in(str(file), None, "local")] == ["upload", None, "local"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"title,shelf\nA,left\n", "document 1: has no file_path; --column"),
        (b"url,title\nhttps://x.org/a,A\n,B\n", "document 2: has no file_path"),
        (b"[1]", "document 1: is no object"),
        (b"url,link\nhttps://x.org/a,https://x.org/b\n", "file_path may be in any of the columns"),
        (b'[{"url": 7}]', "document 1: has no file_path"),
        (b'{"documents": [{"url": "a"}], "column_mapping": {"a": "b"}}', "column_mapping.a: neither side"),
        (b"url\n", "names no document"),
        (b"\xc2\xa0\n", "names no document"),
        (b"url,title\nhttps://x.org/a,\xdc\n", "is not text in UTF-8"),
        (b"url\n" + b"a" * 200_000 + b"\n", "is no CSV"),
        (b"PK\x03\x04\x00", "is a workbook"),
    ],
)
def test_a_batch_whose_paths_cannot_be_found_says_why(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BadFile, match=why):
        places_in(str(file), None, None)
