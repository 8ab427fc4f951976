"""A file that names documents: CSV with a header line, or JSON. What the columns mean, the server decides."""

import csv
import io
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

PARTS = {"documents": list, "config": dict, "column_mapping": dict, "job_id": str}
"""What an object in a JSON file may hold: the body of `POST /api/batch/start`."""
DELIMITERS = ",;\t"


class BadFile(ValueError):
    """The file cannot be used; the text is a sentence for people."""


def read_batch(name: str) -> dict[str, Any]:
    """What the file asks for: `documents` and perhaps more of `PARTS`. `-` is standard input.

    Raises:
        BadFile: it is not there, or neither CSV in UTF-8 nor JSON.
    """
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as fault:
        raise BadFile(f"{name}: {fault.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(f"{name} is not UTF-8") from None
    batch = _from_json(text) if text.lstrip()[:1] in ("[", "{") else {"documents": _from_csv(text)}
    if not batch["documents"]:
        raise BadFile(f"{name} names no document")
    return batch


def _from_json(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise BadFile(f"this is not JSON: {fault}") from None
    batch: dict[str, Any] = value if isinstance(value, dict) else {"documents": value}
    if "documents" not in batch:
        raise BadFile("the object in the file has no documents")
    for name, part in batch.items():
        if name not in PARTS:
            raise BadFile(f"the object in the file may hold {', '.join(PARTS)} and nothing else")
        if not isinstance(part, PARTS[name]):
            raise BadFile(f"{name} in the file is of the wrong kind")
    return batch


def _from_csv(text: str) -> list[dict[str, str]]:
    header_line = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header_line.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="", strict=True)
    try:
        _check_header(list(reader.fieldnames or []))
        return [_row(reader.line_num, row) for row in reader]
    except csv.Error as fault:
        raise BadFile(f"this is not CSV: {fault}, line {reader.line_num}") from None


def _check_header(names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise BadFile(f"two columns are called {twice[0]!r}")


def _row(line: int, row: dict[Any, Any]) -> dict[str, str]:
    if any(row.pop(None, [])):
        raise BadFile(f"line {line} has more cells than the header")
    return {name: cell for name, cell in row.items() if name}
