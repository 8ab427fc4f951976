"""A file that names documents. JSON is read here; what stands in a spreadsheet, the server finds out."""

import csv
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from protocol.columns import ColumnMapping, in_doubt
from protocol.config import VOCABULARY_MAX
from protocol.exclusions import BadList, read_terms
from protocol.faults import Faults, InvalidRequest

PARTS = {"documents": list, "config": dict, "column_mapping": dict, "job_id": str}
"""What an object in a JSON file may hold: the body of `POST /api/batch/start`."""

DELIMITERS = ",;\t|"

_MARK = b"\xef\xbb\xbf"
_ZIP = b"PK\x03\x04"


class BadFile(ValueError):
    """The file cannot be used; the text is a sentence for people."""


class BatchFile(NamedTuple):
    """A spreadsheet as it is, or what JSON asks for."""

    spreadsheet: bytes = b""
    """Empty: the file is JSON."""
    asked: dict[str, Any] = {}
    """`documents` and perhaps more of `PARTS`."""


def read_batch(name: str) -> BatchFile:
    """What a file holds; `-` is standard input.

    Raises:
        BadFile: it is not there, is empty, or JSON that will not do.
    """
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as fault:
        raise BadFile(f"{name}: {fault.strerror}") from None
    text = content.removeprefix(_MARK).lstrip()
    if not text:
        raise BadFile(f"{name} is empty")
    return BatchFile(asked=_from_json(text)) if text[:1] in (b"[", b"{") else BatchFile(spreadsheet=content)


def _from_json(text: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise BadFile(f"this is not JSON: {fault}") from None
    batch: dict[str, Any] = value if isinstance(value, dict) else {"documents": value}
    for name, part in batch.items():
        if name not in PARTS:
            raise BadFile(f"the object in the file may hold {', '.join(PARTS)} and nothing else")
        if not isinstance(part, PARTS[name]):
            raise BadFile(f"{name} in the file is of the wrong kind")
    if not batch.get("documents"):
        raise BadFile("the file names no document")
    return batch


def places_in(name: str, mapping: dict[str, str] | None, unnamed: str | None) -> list[dict[str, str]]:
    """Where the documents of a JSON or CSV file lie, as `validate-paths` wants to know it.

    `mapping`: our field → the file's column; `unnamed`: the source type of a path that tells none.

    Raises:
        BadFile: it cannot be read here, or a document says too little.
    """
    batch = read_batch(name)
    rows = batch.asked.get("documents") or _from_csv(name, batch.spreadsheet)
    try:
        faults = Faults()
        columns = ColumnMapping.read(mapping or batch.asked.get("column_mapping"), faults)
        faults.settle()
    except InvalidRequest as fault:
        raise BadFile(str(fault)) from None
    places = [_place_of(row, f"{name}, document {number}", columns, unnamed) for number, row in enumerate(rows, 1)]
    if batch.spreadsheet:  # there the server takes a kind in whatever case as well
        places = [each | {"type": each["type"].strip().lower()} if "type" in each else each for each in places]
    return places


def place(path: str, kind: str | None, unnamed: str | None) -> dict[str, str]:
    """One path as `validate-paths` wants it; what tells no `kind` is left to the server, unless there is `unnamed`."""
    kind = kind or (None if "://" in path else unnamed)
    return {"path": path} | ({"type": kind} if kind else {})


def _place_of(row: object, named: str, columns: ColumnMapping, unnamed: str | None) -> dict[str, str]:
    if not isinstance(row, dict):
        raise BadFile(f"{named}: is no object")
    if rivals := columns.rivals(row):
        raise BadFile(f"{named}: file_path {in_doubt(rivals)}, or by --column")
    known = {field: row[column] for field, column in columns.plan(row)[0].items()}
    path, kind = known.get("file_path"), known.get("file_source_type") or None
    if not isinstance(path, str) or not path or not isinstance(kind, str | None):
        raise BadFile(f"{named}: has no file_path; --column file_path=YOURS names its column")
    return place(path, kind, unnamed)


def _from_csv(name: str, content: bytes) -> list[dict[str, str]]:
    """A row for each line, without blank ones. Enough to find paths by; what a batch is, the server decides."""
    if content.startswith(_ZIP):
        raise BadFile(f"{name} is a workbook: save it as CSV to have its paths looked at")
    lines = _text(name, content).splitlines(keepends=True)
    delimiter = max(DELIMITERS, key=next(filter(str.strip, lines), "").count)
    try:
        rows = list(csv.DictReader(filter(str.strip, lines), delimiter=delimiter, restkey="", restval=""))
    except csv.Error as fault:
        raise BadFile(f"{name} is no CSV: {fault}") from None
    if not rows:
        raise BadFile(f"{name} names no document")
    return rows


def read_words(path: Path) -> list[str]:
    """The terms of a vocabulary.

    Raises:
        OSError: there is no such file.
        BadFile: it is not in UTF-8, or holds no term, too many, or one that is too long.
    """
    try:
        return read_terms(_text(str(path), path.read_bytes()), VOCABULARY_MAX)
    except BadList as fault:
        raise BadFile(f"{path} {fault}") from None


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(f"{name} is not text in UTF-8") from None
