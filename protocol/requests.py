"""What a client asks for (contract §2). `read_start` is the only way from a body to a `StartBatch`."""

import json
import re
from typing import Any, NoReturn

import msgspec

from protocol.columns import ColumnMapping
from protocol.config import LOCAL_MODEL, TaggingConfig, read_config
from protocol.document import Document, read_documents
from protocol.faults import Fault, Faults, InvalidRequest, MalformedBody, shown

__all__ = [
    "LOCAL_MODEL",
    "Document",
    "Fault",
    "InvalidRequest",
    "MalformedBody",
    "RetryBatch",
    "StartBatch",
    "TaggingConfig",
    "read_object",
    "read_retry",
    "read_start",
    "start_from",
    "valid_job_id",
]

ROW_ID_MAX = 10**9
FIELDS = ("documents", "config", "column_mapping", "job_id")
CONTAINERS_MIN, CONTAINERS_PER_DOCUMENT = 10_000, 20
"""Objects and lists that a body may hold: more, at 64 bytes and more each, only costs memory and time."""
QUOTES_MAX = 500_000
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)

_JOB_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,128}")
"""But not `.` and `..`: in an address they mean something else, so nobody could ask for such a job."""


class StartBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch to start."""

    documents: list[Document]
    """At least one, in the caller's order: the index is the row's id."""
    config: TaggingConfig
    job_id: str | None = None
    """1-128 of `A-Z a-z 0-9 . _ -`; absent: the server chooses."""

    def canonical(self) -> bytes:
        """The same bytes for the same request, however it was spelt. Holds secrets: food for an HMAC only."""
        return msgspec.json.encode(self, order="deterministic")


class RetryBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A further run of a job that is over."""

    row_ids: list[int] = []
    """Empty: every row that has not succeeded."""
    api_key: str | None = None
    """Must be given again where the caller's own key paid for the run before."""
    model_name: str | None = None
    """Absent: the model of the run before."""


def valid_job_id(text: str) -> bool:
    """Whether `text` can name a job: 1-128 of `A-Z a-z 0-9 . _ -`, and not `.` or `..`."""
    return _JOB_ID.fullmatch(text) is not None


def read_start(body: bytes, max_documents: int) -> StartBatch:
    """Read the JSON body of `POST /api/batch/start`: `{documents[], config, column_mapping?, job_id?}`.

    Raises:
        MalformedBody: it is not JSON in UTF-8 (no byte order mark), or no object, or a key stands twice.
        InvalidRequest: its content will not do; at most 20 faults are named.
    """
    return start_from(read_object(body, CONTAINERS_MIN + CONTAINERS_PER_DOCUMENT * max_documents), max_documents)


def start_from(request: dict[str, Any], max_documents: int) -> StartBatch:
    """The batch that an object asks for, whatever form it came in; the rules are the same.

    Raises:
        InvalidRequest: its content will not do.
    """
    faults = Faults()
    for name in request:
        if name not in FIELDS:
            faults.add(shown(name), "is no field of this request")
    job_id = _read_job_id(request.get("job_id"), faults)
    config = read_config(request.get("config"), faults)
    mapping = ColumnMapping.read(request.get("column_mapping"), faults)
    documents = read_documents(request.get("documents"), max_documents, mapping, faults)
    faults.settle()
    return StartBatch(documents=documents, config=config, job_id=job_id)


def read_retry(body: bytes) -> RetryBatch:
    """Read the JSON body of `POST /api/batch/jobs/{job_id}/retry`: `{row_ids?, api_key?, model_name?}`, or none.

    Raises:
        MalformedBody, InvalidRequest: as `read_start`.
    """
    request = read_object(body) if body.strip() else {}
    faults = Faults()
    row_ids = _read_row_ids(request.pop("row_ids", None), faults)
    config = {name: request.pop(name, None) for name in ("api_key", "model_name")}
    for name in request:
        faults.add(shown(name), "is no field of this request")
    known = read_config(config, faults, within="")
    faults.settle()
    return RetryBatch(row_ids=row_ids, api_key=known.api_key, model_name=known.model_name)


def _read_row_ids(value: object, faults: Faults) -> list[int]:
    if value is None:
        return []
    if not isinstance(value, list) or not value:
        faults.add("row_ids", "wants a list of rows, or to be left out")
        return []
    for index, row_id in enumerate(value):
        if type(row_id) is not int or not 0 <= row_id <= ROW_ID_MAX:
            faults.add(f"row_ids[{index}]", "wants the row_id of a row, a whole number from 0")
    return value


def _read_job_id(value: object, faults: Faults) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not valid_job_id(value):
        faults.add("job_id", "wants 1 to 128 of A-Z a-z 0-9 . _ -, and more than one or two dots")
        return None
    return value


def read_object(body: bytes, containers_max: int = CONTAINERS_MIN) -> dict[str, Any]:
    """A JSON object in UTF-8 with at most so many objects and lists, no key of which stands twice.

    Raises:
        MalformedBody: it is none.
    """
    if _has_more_containers(body, containers_max):
        raise MalformedBody(f"the body holds more than {containers_max:,} objects and lists")
    value = _read_json(body)
    if not isinstance(value, dict):
        raise MalformedBody("the body is not a JSON object")
    return value


def _has_more_containers(body: bytes, most: int) -> bool:
    """Brackets within texts are none, but are told apart only where that costs little."""
    if _brackets(body) <= most:
        return False
    return body.count(b'"') > QUOTES_MAX or _brackets(_TEXT.sub(b"", body)) > most


def _brackets(body: bytes) -> int:
    return body.count(b"{") + body.count(b"[")


def _read_json(body: bytes) -> object:
    try:
        return json.loads(body.decode(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8") from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except json.JSONDecodeError as fault:
        raise MalformedBody(f"the body is not JSON: {fault.msg}, line {fault.lineno} column {fault.colno}") from None
    except InvalidRequest:
        raise
    except ValueError:
        raise MalformedBody("the body holds a number with too many digits") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedBody("an object in the body has the same key twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"the body holds {name}, which is not JSON")
