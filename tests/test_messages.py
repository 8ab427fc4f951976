"""The bytes of every message, pinned: a change here is a change that clients see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import (
    AUTHENTICATION_REQUIRED,
    COMPLETED_MESSAGE,
    Cancelled,
    Catchup,
    Completed,
    Evidence,
    Failed,
    JobState,
    Keepalive,
    Message,
    Progress,
    ProtocolError,
    Refusal,
    Row,
    ending,
    parse,
    to_json,
)
from protocol.words import DocumentStatus, ErrorCode, ErrorType, JobStatus
from tests.spec import proves

JOB = "550e8400-e29b-41d4-a716-446655440000"

CATCHUP = """
{
  "type": "catchup",
  "job_id": "550e8400-e29b-41d4-a716-446655440000",
  "state": {
    "status": "processing",
    "progress": 0.3,
    "processed_count": 3,
    "failed_count": 0,
    "total": 10
  },
  "results": [
    {
      "row_id": 0,
      "title": "Document 1",
      "status": "success",
      "tags": ["tag1", "tag2"]
    }
  ]
}
"""

PROGRESS = """
{
  "job_id": "550e8400-e29b-41d4-a716-446655440000",
  "row_id": 0,
  "row_number": 1,
  "title": "Training Manual",
  "status": "success",
  "progress": 0.1,
  "tags": [
    "employee-training",
    "onboarding-procedures",
    "workplace-safety",
    "compliance-guidelines"
  ],
  "metadata": {
    "extraction_method": "pypdf2",
    "is_scanned": false,
    "processing_time": 2.3
  }
}
"""

COMPLETED = """
{
  "type": "completed",
  "job_id": "550e8400-e29b-41d4-a716-446655440000",
  "processed_count": "9",
  "failed_count": "1",
  "message": "Job completed"
}
"""

KEEPALIVE = """
{
  "type": "keepalive",
  "job_id": "550e8400-e29b-41d4-a716-446655440000",
  "status": "processing"
}
"""

REFUSAL = """
{
  "error": "Authentication required",
  "job_id": "550e8400-e29b-41d4-a716-446655440000"
}
"""

first_row = Row(row_id=0, title="Document 1", status=DocumentStatus.SUCCESS, tags=["tag1", "tag2"])
manual = Row.success(
    0,
    "Training Manual",
    tags=["employee-training", "onboarding-procedures", "workplace-safety", "compliance-guidelines"],
    metadata={"extraction_method": "pypdf2", "is_scanned": False, "processing_time": 2.3},
)
BUILT: dict[str, Message | Refusal] = {
    CATCHUP: Catchup(
        job_id=JOB,
        state=JobState(status=JobStatus.PROCESSING, progress=0.3, processed_count=3, failed_count=0, total=10),
        results=[first_row],
    ),
    COMPLETED: Completed.of(JOB, processed=9, failed=1, message=COMPLETED_MESSAGE),
    KEEPALIVE: Keepalive(job_id=JOB, status=JobStatus.PROCESSING),
    REFUSAL: Refusal(AUTHENTICATION_REQUIRED, JOB),
}


def compact(text: str) -> bytes:
    return json.dumps(json.loads(text), separators=(",", ":")).encode()


@pytest.mark.parametrize("example", BUILT)
@proves("ws:catchup:example", "ws:ending:example", "ws:keepalive:example", "ws:refusal:frame")
def test_the_documented_example_is_built_byte_for_byte(example: str) -> None:
    assert to_json(BUILT[example]) == compact(example)


@proves("ws:progress:example")
def test_the_documented_progress_is_built_byte_for_byte_with_the_type_that_it_forgets() -> None:
    built = to_json(Progress.of(JOB, manual, 0.1, None))
    assert built == b'{"type":"progress",' + compact(PROGRESS)[1:]


@pytest.mark.parametrize("example", BUILT)
def test_the_documented_example_is_understood(example: str) -> None:
    assert parse(example) == BUILT[example]


def test_progress_without_type_is_understood() -> None:
    assert parse(PROGRESS) == Progress.of(JOB, manual, 0.1, None)


def test_a_failed_row_without_type_is_no_refusal() -> None:
    failed = Progress.of(JOB, Row.failed(0, "A", error="no", error_type=ErrorType.SOURCE), 0.1, None)
    assert parse(to_json(failed).replace(b'"type":"progress",', b"")) == failed


def test_absent_fields_are_left_out_and_never_null() -> None:
    row = Row.waiting(1, "A")
    assert to_json(row) == b'{"row_id":1,"row_number":2,"title":"A","status":"pending"}'
    assert b"null" not in to_json(Progress.of(JOB, row, 0.0, None))


@proves("ws:progress:retry-after-ms", "ws:progress:retry-count")
def test_a_retry_says_when_and_which_attempt_it_was() -> None:
    wait = Row.waiting(
        2, "A", error="Too many requests", error_type=ErrorType.RATE_LIMIT, retry_after_ms=0, retry_count=1
    )
    assert json.loads(to_json(wait))["retry_after_ms"] == 0
    assert json.loads(to_json(wait))["retry_count"] == 1


@proves("ws:catchup:state", "ws:ending:processed-count", "ws:ending:failed-count")
def test_counts_are_strings_in_endings_and_numbers_elsewhere() -> None:
    said = json.loads(to_json(Failed.of(JOB, processed=2, failed=0, message="Key refused")))
    assert (said["type"], said["processed_count"], said["failed_count"]) == ("error", "2", "0")
    assert json.loads(to_json(BUILT[CATCHUP]))["state"]["processed_count"] == 3


@pytest.mark.parametrize(
    ("status", "kind"), [(JobStatus.COMPLETED, Completed), (JobStatus.CANCELLED, Cancelled), (JobStatus.FAILED, Failed)]
)
@proves("ws:ending:type")
def test_each_status_of_a_job_that_is_over_has_its_ending(status: JobStatus, kind: type) -> None:
    assert ending(status) is kind


@pytest.mark.parametrize("status", [status for status in JobStatus if not status.over])
def test_a_job_that_is_not_over_has_no_ending(status: JobStatus) -> None:
    with pytest.raises(KeyError):
        ending(status)


@proves("ws:progress:tags", "ws:progress:error", "ws:progress:error-type")
def test_a_row_that_breaks_a_promise_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="tags exactly when"):
        Row.processing(0, "A", tags=["x"])
    with pytest.raises(ValueError, match="tags exactly when"):
        Row(row_id=0, title="A", status=DocumentStatus.SUCCESS)
    with pytest.raises(ValueError, match="evidence is of tags"):
        Row.waiting(0, "T", evidence=[])
    with pytest.raises(ValueError, match="come together"):
        Row.waiting(0, "A", error="Away")
    with pytest.raises(ValueError, match="says its error"):
        Row(row_id=0, title="A", status=DocumentStatus.FAILED)


def test_what_a_newer_server_adds_is_ignored() -> None:
    newer = json.loads(CATCHUP) | {"weather": "fine"}
    newer["state"]["mood"] = "good"
    newer["results"][0]["colour"] = "blue"
    assert parse(json.dumps(newer)) == BUILT[CATCHUP]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"type":"weather","job_id":"a"}',
        '{"type":"progress","job_id":"a","row_id":"0"}',
        '{"type":"progress","job_id":"a","error":"no","error_type":"weather"}',
        '{"type":"weather","job_id":"a","error":"no"}',
        '{"type":"progress","job_id":"a","row_id":0,"title":"A","status":"success","progress":1.0}',
        '{"type":"progress","job_id":"a","row_id":0,"title":"A","status":"failed","progress":1.0}',
        '{"type":"completed","job_id":"a","processed_count":"all","failed_count":"0","message":"m"}',
        b"\xff",
    ],
)
def test_a_frame_of_another_protocol_is_refused(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        parse(frame)


@given(st.one_of(st.binary(), st.text(), st.integers(1, 200_000).map(lambda depth: "[" * depth)))
def test_no_frame_raises_anything_but_a_protocol_error(frame: bytes | str) -> None:
    with pytest.raises(ProtocolError):
        parse(frame)


texts = st.text(max_size=20)
facts = {
    "error_code": st.sampled_from([None, *ErrorCode]),
    "retry_after_ms": st.none() | st.integers(0, 10**9),
    "retry_count": st.none() | st.integers(1, 100),
    "model_name": st.none() | texts,
    "metadata": st.none() | st.dictionaries(texts, texts | st.booleans() | st.integers(0, 9), max_size=3),
    "id": st.none() | texts,
}
errors = {"error": texts, "error_type": st.sampled_from(ErrorType)}
row_ids = st.integers(0, 10_000)
quoted = st.none() | st.lists(st.builds(Evidence, tag=texts, page=st.integers(1, 10), quote=texts), max_size=3)
rows = st.one_of(
    st.builds(Row.processing, row_ids, texts, **facts),
    st.builds(Row.waiting, row_ids, texts, **facts, **errors),
    st.builds(Row.success, row_ids, texts, **facts, tags=st.lists(texts, max_size=4), evidence=quoted),
    st.builds(Row.failed, row_ids, texts, **facts, **errors),
)
cursors = st.none() | texts
shares = st.floats(0, 1)
counts = st.integers(0, 10_000)
progresses = st.builds(Progress.of, st.just(JOB), rows, shares, cursors)
endings = st.one_of(
    *(
        st.builds(kind.of, st.just(JOB), processed=counts, failed=counts, message=texts, cursor=cursors)
        for kind in (Completed, Cancelled, Failed)
    )
)
states = st.builds(
    JobState,
    status=st.sampled_from(JobStatus),
    progress=shares,
    processed_count=counts,
    failed_count=counts,
    total=counts,
    expires_at=st.none() | texts,
)
catchups = st.builds(
    Catchup,
    job_id=st.just(JOB),
    state=states,
    results=st.lists(rows, max_size=3),
    rows=st.lists(progresses, max_size=3),
    resumed=st.none() | st.booleans(),
    cursor=cursors,
)
keepalives = st.builds(Keepalive, job_id=st.just(JOB), status=st.sampled_from(JobStatus), cursor=cursors)


@given(st.one_of(progresses, endings, catchups, keepalives))
def test_every_message_comes_back_as_it_went(message: Message) -> None:
    back = parse(to_json(message))
    assert to_json(back) == to_json(message)
    assert type(back) is type(message)


@given(rows)
def test_progress_holds_the_whole_row(row: Row) -> None:
    assert Progress.of(JOB, row, 0.5, "c").row == row
