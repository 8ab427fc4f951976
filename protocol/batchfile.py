"""A file that names documents. JSON is read here; what stands in a spreadsheet, the server finds out."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

PARTS = {"documents": list, "config": dict, "column_mapping": dict, "job_id": str}
"""What an object in a JSON file may hold: the body of `POST /api/batch/start`."""

_MARK = b"\xef\xbb\xbf"


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
