"""The body of a start: what is understood, what is refused, and that hostile bodies only ever are refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.faults import FAULTS_MAX
from protocol.requests import (
    InvalidRequest,
    MalformedBody,
    StartBatch,
    TaggingConfig,
    read_object,
    read_start,
    valid_job_id,
)

DOCUMENT = {"title": "A", "file_path": "https://example.org/a.pdf", "file_source_type": "url"}


def read(max_documents: int = 10, **body: Any) -> StartBatch:
    return read_start(json.dumps({"documents": [DOCUMENT], "config": {}} | body).encode(), max_documents)


def faults(max_documents: int = 10, **body: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        read(max_documents, **body)
    assert not isinstance(refused.value, MalformedBody)
    return {fault.path: fault.message for fault in refused.value.faults}


def test_the_smallest_body_starts_with_the_defaults() -> None:
    batch = read()
    assert batch.config == TaggingConfig(num_pages=3, num_tags=8)
    assert batch.job_id is None
    assert [document.title for document in batch.documents] == ["A"]


@pytest.mark.parametrize("job_id", ["a", "A-b_c.9", "x" * 128, "550e8400-e29b-41d4-a716-446655440000"])
def test_a_clients_own_job_id_is_kept(job_id: str) -> None:
    assert read(job_id=job_id).job_id == job_id


@pytest.mark.parametrize(
    "job_id", ["", ".", "..", "x" * 129, "a b", "a/b", "a\n", "ä", "{a}", "a\u0660", 7, True, ["a"]]
)
def test_an_odd_job_id_is_refused(job_id: object) -> None:
    assert list(faults(job_id=job_id)) == ["job_id"]
    assert not isinstance(job_id, str) or not valid_job_id(job_id)


def test_each_missing_part_is_named() -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_start(b"{}", 10)
    assert {fault.path: fault.message for fault in refused.value.faults} == {
        "config": "is missing",
        "documents": "is missing",
    }


def test_a_part_that_nobody_knows_is_named() -> None:
    assert faults(jobid="a") == {"jobid": "is no field of this request"}


@pytest.mark.parametrize("documents", [[], {}, "a", 1, True])
def test_documents_must_be_a_list_with_something_in_it(documents: object) -> None:
    assert list(faults(documents=documents)) == ["documents"]


def test_as_many_rows_as_allowed_are_taken_and_one_more_is_refused() -> None:
    assert len(read(documents=[DOCUMENT] * 10).documents) == 10
    assert faults(documents=[DOCUMENT] * 11) == {"documents": "has 11 rows; at most 10 are allowed"}


def test_all_faults_are_told_at_once() -> None:
    found = faults(
        job_id="a b", config={"num_tags": "7", "speed": 1}, documents=[DOCUMENT, {}, 3], column_mapping="title"
    )
    assert list(found) == [
        "job_id",
        "config.num_tags",
        "config.speed",
        "column_mapping",
        "documents[1].file_path",
        "documents[2]",
    ]


def test_no_more_faults_are_told_than_anyone_reads() -> None:
    assert len(faults(max_documents=1_000, documents=[{}] * 1_000)) == FAULTS_MAX


def test_no_fault_repeats_a_value() -> None:
    secret = "s3cr3t-value"
    found = faults(
        config={"api_key": secret + "\n", "num_tags": secret, "model_name": [secret], "vocabulary": [secret * 20]},
        documents=[{"file_path": 7, "password": [secret]}, {"file_path": secret, "title": {"a": secret}}, secret],
        job_id=secret + "!",
    )
    assert len(found) == 10
    assert secret not in str(found)


def test_no_representation_shows_a_secret() -> None:
    batch = read(config={"api_key": "s3cr3t"}, documents=[DOCUMENT | {"password": "s3cr3t"}])
    assert batch.config.api_key == "s3cr3t"
    assert "s3cr3t" not in repr(batch)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"7", "not a JSON object"),
        (b'{"documents": [}', "not JSON"),
        (b'{"a": NaN}', "NaN, which is not JSON"),
        (b'{"a": -Infinity}', "-Infinity, which is not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ("{}".encode("utf-16"), "not UTF-8"),
        ("{}".encode("utf-16-le"), "not JSON"),
        ("{}".encode("utf-32"), "not UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": ' + b"9" * 5_001 + b"}", "too many digits"),
        (b'{"a": ' + b"[" * 9_000, "nested too deeply|not JSON"),  # how deep is too deep is the interpreter's choice
        (b'{"a":' * 9_000, "nested too deeply|not JSON"),
        (b'{"a": [' + b"{}," * 20_000 + b"{}]}", "more than 10,200 objects and lists"),
        (b'{"config": {}, "config": {"num_tags": 3}}', "the same key twice"),
        (b'{"config": {"api_key": "a", "api_key": "b"}}', "the same key twice"),
    ],
)
def test_a_body_that_cannot_be_read_is_malformed(body: bytes, why: str) -> None:
    with pytest.raises(MalformedBody, match=why) as refused:
        read_start(body, 10)
    assert [fault.path for fault in refused.value.faults] == [""]


def test_brackets_within_texts_are_no_objects_and_lists() -> None:
    text = r"[1] {a} \"[\" \\ " * 2_000
    body = f'{{"documents": [{{"file_path": "https://a.test/[1].pdf", "x": ["{text}"]}}], "config": {{}}}}'.encode()
    assert read_object(body, 10)["documents"]
    with pytest.raises(MalformedBody, match="more than 10 objects and lists"):
        read_object(body.replace(b'["', b'[[[[[[[[[["'), 10)
    with pytest.raises(MalformedBody, match="more than 10 objects and lists"):
        read_object(b'"' + b"[" * 11 + b'", ' + b"[" * 11, 10)


def body_with(value: bytes) -> bytes:
    document = b'{"file_path": "https://example.org/a.pdf", "shelf": ' + value + b"}"
    return b'{"documents": [' + document + b'], "config": {}}'


@pytest.mark.parametrize(
    "value",
    [
        b"1e999",
        b"-1e999",
        b"1" + b"0" * 30,
        b'"\\ud800"',
        b'"a\\u0000b"',
        b'{"\\udfff": 1}',
        b'[["\\ud800"]]',
        b"[[[[[[1]]]]]]",
        b'"' + b"x" * 40_000 + b'"',
    ],
)
def test_a_value_that_could_not_be_given_back_names_its_column(value: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_start(body_with(value), 10)
    assert [fault.path for fault in refused.value.faults] == ["documents[0].shelf"]


def test_the_same_request_has_the_same_canonical_form_however_it_is_spelt() -> None:
    once = b'{"documents":[{"title":"A","file_path":"https://x.org/a","b":1,"a":2}],"config":{"num_tags":8}}'
    again = b'{"config": {}, "documents": [{"a": 2, "b": 1, "url": "https://x.org/a", "doc_title": "\\u0041"}]}'
    assert read_start(once, 1).canonical() == read_start(again, 1).canonical()


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"num_tags": 9}},
        {"config": {"api_key": "k"}},
        {"documents": [DOCUMENT | {"password": "p"}]},
        {"documents": [DOCUMENT | {"shelf": 1}]},
        {"documents": [DOCUMENT, DOCUMENT]},
    ],
)
def test_another_request_has_another_canonical_form(change: dict[str, Any]) -> None:
    assert read(**change).canonical() != read().canonical()


@given(st.binary(max_size=200))
def test_bytes_that_are_no_request_are_only_ever_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_start(body, 10)


any_text = st.text(st.characters(), max_size=8) | st.sampled_from(["\ud800", "\x00", "", "url", "https://x.org/a"])
any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["title", "file_path", "url", "file_source_type", "description", "password", "id", "shelf"])
any_row = st.dictionaries(names | any_text, any_json, max_size=5)
any_config = st.dictionaries(
    st.sampled_from(["api_key", "model_name", "num_pages", "num_tags", "vocabulary", "rpm"]) | any_text,
    any_json,
    max_size=4,
)
any_mapping = st.dictionaries(names | any_text, names | any_json, max_size=3)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "documents": st.lists(any_row | any_json, max_size=3) | any_json,
            "config": any_config | any_json,
            "column_mapping": any_mapping | any_json,
            "job_id": any_json,
        },
    )
)
def test_whatever_stands_in_a_request_it_is_read_or_refused(request_body: dict[str, Any]) -> None:
    body = json.dumps(request_body).encode()
    try:
        batch = read_start(body, 10)
    except InvalidRequest as refused:
        batch = None
        said = str(refused)
    assert batch.canonical() == read_start(body, 10).canonical() if batch else said.encode()
