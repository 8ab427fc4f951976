"""What options come to, and which of them a fault of a request is about."""

import argparse
from pathlib import Path

import pytest

from protocol.batchfile import BadFile
from protocol.options import BadCall, config_of, mapping_of, secret, start_options


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    start_options(parser)
    return parser.parse_args(["docs.csv", *arguments])


def test_options_are_settings_of_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "terms.txt").write_bytes(b"\xef\xbb\xbf# ours\nharbour, crane\nquay\n")
    monkeypatch.setenv("MY_KEY", "k")
    limits = ["--max-tokens", "9", "--rpm", "60", "--exclude", "a", "--exclude", "b"]
    found = config_of(asked("--vocabulary", str(tmp_path / "terms.txt"), "--api-key-env", "MY_KEY", *limits))
    assert found == {
        "vocabulary": ["harbour", "crane", "quay"],
        "api_key": "k",
        "max_tokens_total": 9,
        "rpm": 60,
        "exclusion_words": ["a", "b"],
    }


def test_what_is_not_said_is_left_to_the_file_and_the_server() -> None:
    assert (config_of(asked()), mapping_of(asked()), secret(None)) == ({}, None, None)


@pytest.mark.parametrize(
    ("content", "why"), [(b"# none\n", "terms.txt holds no term"), (b"\xff\xfe", "terms.txt is not text in UTF-8")]
)
def test_a_vocabulary_that_will_not_do_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "terms.txt"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=why):
        config_of(asked("--vocabulary", str(path)))


def test_a_secret_that_is_not_there_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY", "")
    for variable in ("EMPTY", "NO_SUCH_VARIABLE"):
        with pytest.raises(BadCall, match=f"the environment has no {variable}"):
            secret(variable)
