"""Files that name documents: what people's spreadsheets and programs really write."""

from pathlib import Path

import pytest

from protocol.batchfile import BadFile, read_batch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.mark.parametrize(
    "content",
    [
        "title,link\nA,https://x.org/a\n",
        "title;link\r\nA;https://x.org/a\r\n",
        "title\tlink\nA\thttps://x.org/a",
        "\ufefftitle,link\nA,https://x.org/a\n\n",
        'title,link,\n"A",https://x.org/a,\n',
        '[{"title": "A", "link": "https://x.org/a"}]',
        '\ufeff {"documents": [{"title": "A", "link": "https://x.org/a"}]}',
    ],
    ids=["commas", "semicolons", "tabs", "mark", "spare comma", "list", "object"],
)
def test_each_usual_form_is_read(file: Path, content: str) -> None:
    file.write_text(content)
    assert read_batch(str(file)) == {"documents": [{"title": "A", "link": "https://x.org/a"}]}


def test_a_cell_may_hold_lines_and_quotes(file: Path) -> None:
    file.write_text('title,link\n"A ""great""\nreport",https://x.org/a\n')
    assert read_batch(str(file))["documents"][0]["title"] == 'A "great"\nreport'


def test_a_short_line_has_empty_cells(file: Path) -> None:
    file.write_text("title,link,note\nA,https://x.org/a\n")
    assert read_batch(str(file))["documents"] == [{"title": "A", "link": "https://x.org/a", "note": ""}]


def test_an_object_brings_its_config_and_mapping(file: Path) -> None:
    file.write_text('{"documents": [{}], "config": {"num_tags": 5}, "column_mapping": {"a": "title"}, "job_id": "j"}')
    batch = read_batch(str(file))
    assert (batch["config"], batch["column_mapping"], batch["job_id"]) == ({"num_tags": 5}, {"a": "title"}, "j")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "names no document"),
        (b"title,link\n", "names no document"),
        (b"[]", "names no document"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"[{]", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "has no documents"),
        (b'{"documents": [{}], "weather": 1}', "and nothing else"),
        (b'{"documents": {}}', "documents in the file is of the wrong kind"),
        (b'{"documents": [{}], "config": []}', "config in the file is of the wrong kind"),
        (b"a,b\n1,2,3\n", "line 2 has more cells than the header"),
        (b"a,a\n1,2\n", "two columns are called 'a'"),
        (b'a,b\n"1,2\n', "not CSV"),
    ],
)
def test_a_file_that_will_not_do_says_why(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BadFile, match=why):
        read_batch(str(file))


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(BadFile, match="documents: No such file"):
        read_batch(str(file))
