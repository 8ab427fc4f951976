"""Files that name documents: JSON is read by the client, everything else by the server."""

from pathlib import Path

import pytest

from protocol.batchfile import BadFile, read_batch


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
