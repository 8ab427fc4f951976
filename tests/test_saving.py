"""A download is whole or not there."""

from pathlib import Path

import pytest

from protocol.saving import saved_as


def test_what_was_written_is_there_when_all_of_it_is(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("before")
    with saved_as(path) as file:
        file.write(b"after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert [each.name for each in tmp_path.iterdir()] == ["export.csv"]


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"

    def break_off() -> None:
        with saved_as(path) as file:
            file.write(b"half")
            raise EOFError

    with pytest.raises(EOFError):
        break_off()
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_it_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with saved_as(None) as file:
        file.write(b"\xef\xbb\xbfa\r\n")
    assert capfdbinary.readouterr().out == b"\xef\xbb\xbfa\r\n"
