"""What a client asks `validate-paths`, and hears."""

from typing import Any

import msgspec

from protocol.document import FILE_PATH_LENGTH_MAX, guess_source
from protocol.faults import Faults, line_fault, shown
from protocol.requests import read_object
from protocol.words import ErrorCode, ErrorType, SourceType

CONTAINERS_MIN = 10
_SOURCES = {str(source): source for source in SourceType}


class PathToCheck(msgspec.Struct, frozen=True):
    """Where a document may lie."""

    path: str
    type: SourceType
    """As the `file_source_type` of a document; where it is left out, guessed in the same way."""


class CheckedPath(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Whether a document can be had from there, and begins like a PDF."""

    path: str
    valid: bool
    error: str | None = None
    """Why not, a sentence for people."""
    error_type: ErrorType | None = None
    error_code: ErrorCode | None = None
    content_type: str | None = None
    """As its source says; absent: it does not."""
    size: int | None = None
    """Bytes, as its source says; absent: it does not."""


class CheckedPaths(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `validate-paths`."""

    results: list[CheckedPath]
    """In the order of the request."""
    total: int
    valid_count: int
    invalid_count: int


def read_paths(body: bytes, max_paths: int) -> list[PathToCheck]:
    """Read the JSON body `{paths: [{path, type?}]}`.

    Raises:
        MalformedBody, InvalidRequest: as `read_start`.
    """
    request = read_object(body, CONTAINERS_MIN + max_paths)
    faults = Faults()
    for name in request:
        if name != "paths":
            faults.add(shown(name), "is no field of this request")
    paths = _rows(request.get("paths"), max_paths, faults)
    faults.settle()
    return paths


def _rows(value: object, max_paths: int, faults: Faults) -> list[PathToCheck]:
    if not isinstance(value, list) or not value:
        faults.add("paths", "is missing" if value is None else "wants a list of at least one path")
        return []
    if len(value) > max_paths:
        faults.add("paths", f"has {len(value):,} entries; at most {max_paths:,} are allowed")
        return []
    rows = [_row(f"paths[{index}]", row, faults) for index, row in enumerate(value)]
    return [row for row in rows if row is not None]


def _row(within: str, row: object, faults: Faults) -> PathToCheck | None:
    if not isinstance(row, dict) or not row.keys() <= {"path", "type"}:
        faults.add(within, "wants an object of path and type")
        return None
    path = row.get("path")
    if (fault := line_fault(path, FILE_PATH_LENGTH_MAX)) is not None:
        faults.add(f"{within}.path", "is missing" if path is None else fault)
        return None
    source = _source(row.get("type"), str(path))
    if source is None:
        faults.add(f"{within}.type", f"wants one of {', '.join(_SOURCES)}")
        return None
    return PathToCheck(str(path), source)


def _source(value: Any, path: str) -> SourceType | None:
    if value is None or value == "":
        return guess_source(path)
    return _SOURCES.get(value) if isinstance(value, str) else None
