"""What options come to, and which of them a fault of a request is about."""

import argparse
from pathlib import Path

import pytest

from protocol.batchfile import BadFile
from protocol.failures import Problem
from protocol.faults import Fault
from protocol.options import BadCall, config_of, mapping_of, process_options, secret, start_options, with_options


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


@pytest.mark.parametrize(
    ("path", "message", "option"),
    [
        ("config.api_key", "is needed", "--api-key-env"),
        ("api_key", "is needed again", "--api-key-env"),
        ("config.fallback_models[1]", "is empty", "--fallback-model"),
        ("column_mapping.title", "names a column that no document has", "--column"),
        ("file", "has no column for file_path: name it in column_mapping", "--column"),
        ("row_ids[0]", "is no row", "--row"),
        ("password", "is too long", "--password-env"),
        ("documents[3].title", "wants text", None),
        ("config.weather", "is no setting of a batch", None),
        ("file", "is empty", None),
        ("", "is no object", None),
    ],
)
def test_a_fault_names_the_option_that_mends_it(path: str, message: str, option: str | None) -> None:
    (told,) = with_options(Problem("No", errors=[Fault(path, message)])).errors
    assert told == Fault(path, f"{message} ({option})" if option else message)


def test_every_option_that_a_fault_may_name_exists() -> None:
    from protocol.options import CONFIG_OPTIONS, OTHER_OPTIONS, retry_options

    parsers = [argparse.ArgumentParser() for _ in range(3)]
    for parser, options in zip(parsers, (start_options, process_options, retry_options), strict=True):
        options(parser)
    known = "".join(parser.format_help() for parser in parsers)
    assert [each for each in {**CONFIG_OPTIONS, **OTHER_OPTIONS}.values() if f" {each}" not in known] == []
