"""What a client asks `validate-paths`, and hears."""

import sys

import msgspec

from protocol.document import FILE_PATH_LENGTH_MAX, guess_source, no_guess
from protocol.faults import Faults, line_fault, shown, text_fault
from protocol.requests import read_object
from protocol.words import ErrorCode, ErrorType, SourceType

CONTAINERS_MIN = 10
_FIELDS = {"file_path": "path", "file_source_type": "type"}
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


def read_paths(body: bytes, max_paths: int) -> list[PathToCheck | CheckedPath]:
    """Read the JSON body `{paths: [{path, type?}]}`; of a path that needs no look, what is wrong with it.

    Raises:
        MalformedBody, InvalidRequest: as `read_start`; it is no list of objects with a text `path`, or too long a one.
    """
    request = read_object(body, CONTAINERS_MIN + max_paths)
    faults = Faults()
    for name in request:
        if name != "paths":
            faults.add(shown(name), "is no field of this request")
    paths = _rows(request.get("paths"), max_paths, faults)
    faults.settle()
    return paths


def _rows(value: object, max_paths: int, faults: Faults) -> list[PathToCheck | CheckedPath]:
    if not isinstance(value, list) or not value:
        faults.add("paths", "is missing" if value is None else "wants a list of at least one path")
        return []
    if len(value) > max_paths:
        faults.add("paths", f"has {len(value):,} entries; at most {max_paths:,} are allowed")
        return []
    rows = [_row(f"paths[{index}]", row, faults) for index, row in enumerate(value)]
    return [row for row in rows if row is not None]


def _row(within: str, row: object, faults: Faults) -> PathToCheck | CheckedPath | None:
    if not isinstance(row, dict):
        faults.add(within, "wants an object of path and type")
        return None
    path = row.get("path")
    if (fault := text_fault(path, sys.maxsize)) is not None:
        faults.add(f"{within}.path", "is missing" if path is None else fault)
        return None
    return _judged(str(path), row)


def _judged(path: str, row: dict[str, object]) -> PathToCheck | CheckedPath:
    """The path, ready to be looked at, or why nobody need look."""
    if others := row.keys() - {"path", "type"}:
        return _invalid(path, f"field {shown(min(others))} is none of path and type")
    if (fault := line_fault(path, FILE_PATH_LENGTH_MAX)) is not None:
        return _invalid(path, f"path {fault}")
    value = row.get("type")
    if value is None or value == "":
        source, (field, fault) = guess_source(path), no_guess(path)
        return PathToCheck(path, source) if source else _invalid(path, f"{_FIELDS[field]} {fault}")
    source = _SOURCES.get(value) if isinstance(value, str) else None
    return PathToCheck(path, source) if source else _invalid(path, f"type wants one of {', '.join(_SOURCES)}")


def _invalid(path: str, fault: str) -> CheckedPath:
    return CheckedPath(
        path=path, valid=False, error=f"Its {fault}.", error_type=ErrorType.SOURCE, error_code=ErrorCode.UNSUPPORTED
    )
