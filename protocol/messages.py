"""The observer's messages (seed §2-§5, contract §1) and the one door in each direction.

    Row         what is known of one row; the body of a `progress` and an entry of `results`
    Message     Catchup | Progress | Completed | Cancelled | Failed | Keepalive
    Ending      Completed | Cancelled | Failed: always the last message of a run
    Refusal     what a socket says before it closes with 1008

`to_json` is the only way out, `parse` the only way back. Absent fields are left out, never `null`;
unknown fields are ignored, so that a newer server can talk to an older client.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import msgspec

from protocol.words import DocumentStatus, ErrorCode, ErrorType, JobStatus

# What the types alone do not say; the published schemas say it too.
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Ordinal = Annotated[int, msgspec.Meta(ge=1)]
_Digits = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,15}$")]


class ProtocolError(ValueError):
    """A frame that is none of the messages of this protocol."""


class _Frame(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type"):
    """What all messages share: `type` tells them apart, `job_id` says whose they are."""

    job_id: str
    """The job, as `POST /api/batch/start` named it."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document supports a tag."""

    tag: str
    page: _Ordinal
    """1 = the first."""
    quote: str
    """What stands there, in the document's own words."""


class Row(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One row of a batch as far as it has come.

    Made only by `processing`, `waiting`, `success` and `failed`, which keep the promises of contract §1:
    a success has tags, a failure has an error, its type and no tags.
    """

    row_id: _Count
    """Zero-based index in the batch."""
    row_number: _Ordinal | None = None
    """`row_id + 1`, for display. Always present in what the server sends."""
    title: str
    """The caller's title, else the file's name, else `Document N`."""
    status: DocumentStatus
    tags: list[str] | None = None
    """Best first. Present exactly on success."""
    evidence: list[Evidence] | None = None
    """Of a success whose job asks for it: what supports the tags, in their order; not every tag has some."""
    error: str | None = None
    """A sentence for people. Present on failure and on a wait that an error caused."""
    error_type: ErrorType | None = None
    """Present exactly when `error` is."""
    error_code: ErrorCode | None = None
    """The finer reason of a `document` or `source` failure."""
    retry_after_ms: _Count | None = None
    """Milliseconds from now to the next attempt."""
    retry_count: _Ordinal | None = None
    """The number of the attempt that this is about, 1 = the first."""
    model_name: str | None = None
    """The model that is asked, or `local/keywords`."""
    metadata: dict[str, Any] | None = None
    """extraction_method, is_scanned, page_count, processing_time (seconds) ..."""
    id: str | None = None
    """The caller's own id of the row, echoed."""

    def __post_init__(self) -> None:
        _check_promises(self)

    @classmethod
    def processing(cls, row_id: int, title: str, **known: Any) -> Self:
        """An attempt has begun; `retry_count` says which."""
        return cls._of(row_id, title, DocumentStatus.PROCESSING, **known)

    @classmethod
    def waiting(cls, row_id: int, title: str, **known: Any) -> Self:
        """The row waits; with an error it waits for a retry after `retry_after_ms`."""
        return cls._of(row_id, title, DocumentStatus.PENDING, **known)

    @classmethod
    def success(cls, row_id: int, title: str, *, tags: list[str], **known: Any) -> Self:
        """The row ended with tags."""
        return cls._of(row_id, title, DocumentStatus.SUCCESS, tags=tags, **known)

    @classmethod
    def failed(cls, row_id: int, title: str, *, error: str, error_type: ErrorType, **known: Any) -> Self:
        """The row ended without tags."""
        return cls._of(row_id, title, DocumentStatus.FAILED, error=error, error_type=error_type, **known)

    @classmethod
    def _of(cls, row_id: int, title: str, status: DocumentStatus, **known: Any) -> Self:
        return cls(row_id=row_id, row_number=row_id + 1, title=title, status=status, **known)


class JobState(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The whole job in numbers (contract §1: numbers are numbers here)."""

    status: JobStatus
    progress: _Share
    """Finished rows / total, 0.0 to 1.0."""
    processed_count: _Count
    """Rows that succeeded."""
    failed_count: _Count
    total: _Count
    model_name: str | None = None
    created_at: str | None = None
    """RFC 3339, UTC."""
    expires_at: str | None = None
    """RFC 3339, UTC: when the job is forgotten unless something happens to it."""
    message: str | None = None
    """Of a job that is over: what its ending says; of one that is paused: why."""
    error_type: ErrorType | None = None
    """Of a job that failed: what `message` says, in a word."""
    error_code: ErrorCode | None = None
    """The finer reason of a job that failed with `document`."""
    tokens_in: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """What the model has read for it so far, where its provider counts."""
    tokens_out: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """What the model has written for it so far, likewise."""


class Catchup(_Frame, frozen=True, kw_only=True, tag="catchup"):
    """The first frame on every connection: all that happened so far (seed §2)."""

    state: JobState
    results: Sequence[Row]
    """One entry a finished row, by `row_id`; with `resumed: true` only those since the cursor."""
    rows: Sequence["Progress"] = ()
    """The last `progress` of each row that runs or waits; `retry_after_ms` counts from now."""
    resumed: bool | None = None
    """Present when a cursor was given: whether it was honoured."""
    cursor: str | None = None
    """Opaque: give it as `?cursor=` to go on from here."""


class Progress(_Frame, frozen=True, kw_only=True, tag="progress"):
    """Something happened to one row (seed §3). The fields of `Row`, and the job's progress."""

    row_id: _Count
    row_number: _Ordinal | None = None
    title: str
    status: DocumentStatus
    progress: _Share
    """Finished rows / total, 0.0 to 1.0; never decreases within a run."""
    tags: list[str] | None = None
    evidence: list[Evidence] | None = None
    error: str | None = None
    error_type: ErrorType | None = None
    error_code: ErrorCode | None = None
    retry_after_ms: _Count | None = None
    retry_count: _Ordinal | None = None
    model_name: str | None = None
    metadata: dict[str, Any] | None = None
    id: str | None = None
    cursor: str | None = None

    def __post_init__(self) -> None:
        _check_promises(self)

    @classmethod
    def of(cls, job_id: str, row: Row, progress: float, cursor: str | None) -> Self:
        """The message that tells `row`; a final row's `cursor` resumes behind it."""
        return cls(job_id=job_id, progress=progress, cursor=cursor, **{name: getattr(row, name) for name in _ROW})

    @property
    def row(self) -> Row:
        """The row that this message tells of."""
        return Row(**{name: getattr(self, name) for name in _ROW})


_ROW = Row.__struct_fields__


def _check_promises(told: Row | Progress) -> None:
    if (told.tags is not None) != (told.status is DocumentStatus.SUCCESS):
        raise ValueError("a row has tags exactly when its status is success")
    if told.evidence is not None and told.tags is None:
        raise ValueError("evidence is of tags")
    if (told.error is None) != (told.error_type is None):
        raise ValueError("error and error_type come together")
    if told.status is DocumentStatus.FAILED and told.error is None:
        raise ValueError("a failed row says its error")


class _Counted(_Frame, frozen=True, kw_only=True):
    """An ending. Both counts are strings here and only here (seed §4)."""

    processed_count: _Digits
    failed_count: _Digits
    message: str
    cursor: str | None = None

    @classmethod
    def of(cls, job_id: str, *, processed: int, failed: int, message: str, cursor: str | None = None) -> Self:
        """The ending with both counts spelt as the seed spells them."""
        return cls(
            job_id=job_id, processed_count=str(processed), failed_count=str(failed), message=message, cursor=cursor
        )


class Completed(_Counted, frozen=True, kw_only=True, tag="completed"):
    """Every row has ended."""


class Cancelled(_Counted, frozen=True, kw_only=True, tag="cancelled"):
    """Somebody stopped the job."""


class Failed(_Counted, frozen=True, kw_only=True, tag="error"):
    """The job could not go on; `message` says why."""


class Keepalive(_Frame, frozen=True, kw_only=True, tag="keepalive"):
    """Nothing else was said for a while, or the job was paused or resumed (seed §5)."""

    status: JobStatus
    message: str | None = None
    """Why the job was paused; only when that has just happened."""
    cursor: str | None = None
    """Present when the status has just changed."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a socket is about to be closed with 1008."""

    error: str
    job_id: str


Ending = Completed | Cancelled | Failed
Message = Catchup | Progress | Completed | Cancelled | Failed | Keepalive

COMPLETED_MESSAGE = "Job completed"
AUTHENTICATION_REQUIRED = "Authentication required"
JOB_NOT_FOUND = "Job not found"
TOO_MANY_OBSERVERS = "Too many observers"
TOKEN_EXPIRED = "token expired"
"""The reason of a close with 1008 that a fresh token and the cursor mend."""

_ENDINGS: dict[JobStatus, type[Completed] | type[Cancelled] | type[Failed]] = {
    JobStatus.COMPLETED: Completed,
    JobStatus.CANCELLED: Cancelled,
    JobStatus.FAILED: Failed,
}


def ending(status: JobStatus) -> type[Completed] | type[Cancelled] | type[Failed]:
    """The class of the ending that a job of this status has; KeyError while it is not over."""
    return _ENDINGS[status]


class _Typed(msgspec.Struct):
    type: str | None = None


_encoder = msgspec.json.Encoder()
_typed: msgspec.json.Decoder[_Typed] = msgspec.json.Decoder(_Typed)
_messages: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_progress: msgspec.json.Decoder[Progress] = msgspec.json.Decoder(Progress)
_refusals: msgspec.json.Decoder[Refusal] = msgspec.json.Decoder(Refusal)


def to_json(message: Message | Refusal | Row | JobState) -> bytes:
    """The bytes that go on the wire (UTF-8)."""
    return _encoder.encode(message)


def parse(frame: bytes | str) -> Message | Refusal:
    """Read one frame back.

    A `progress` without `type`, as in the seed's own example, is recognised.

    Raises:
        ProtocolError: the frame is no message of this protocol.
    """
    try:
        if _typed.decode(frame).type is not None:
            return _messages.decode(frame)
        try:
            return _progress.decode(frame)
        except msgspec.ValidationError:  # a refusal is all that is left
            return _refusals.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise ProtocolError(str(fault)) from fault
