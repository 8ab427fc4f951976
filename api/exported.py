"""A row as an export shows it: the caller's own columns, and beside them what became of the document."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from api.snapshot import StoredRow

Cell = str | int | float | bool | None

BEFORE = ("row_number", "id", "title", "file_path", "file_source_type", "description")
"""Stand before the caller's own columns."""
TOLD = ("status", "tags", "evidence", "error", "error_type", "error_code", "attempts", "model_name")
METADATA = (
    "page_count", "pages_read", "extraction_method", "is_scanned", "ocr_confidence", "language", "degraded",
    "processing_time", "prompt_tokens", "completion_tokens",
)  # fmt: skip
"""Of `metadata`: what people sort and filter by."""
AFTER = TOLD + METADATA
PREFIX = "tagstream_"
"""Before a name of ours that the caller gave to a column, too."""
TAGS_BETWEEN = ", "
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

BOM = "\ufeff"
"""Else Excel takes UTF-8 for something else."""


def names(own: Sequence[str]) -> list[str]:
    """The header line: a name of ours that is also one of the caller's gets a prefix."""
    taken = {*own}
    return [*(_free(name, taken) for name in BEFORE), *own, *(_free(name, taken) for name in AFTER)]


def as_object(row: StoredRow) -> dict[str, Any]:
    """All that is known of a row, for NDJSON: the caller's columns stand in `columns`."""
    document = dict(row.document)
    columns = document.pop("columns", {})
    told = {name: value for name, value in row.told.items() if name != "retry_after_ms"}
    return {"row_id": row.row_id, "row_number": row.row_id + 1, **document, **told, "columns": columns}


def as_cells(row: StoredRow, own: Sequence[str]) -> list[Cell]:
    """The cells below `names`. Those of the caller's own come back as they were given."""
    known = as_object(row)
    columns, metadata = known["columns"], known.get("metadata") or {}
    known["tags"] = TAGS_BETWEEN.join(known.get("tags") or ())
    known["evidence"] = "\n".join(map(_supports, known.get("evidence") or ()))
    known["attempts"] = known.get("retry_count")
    before = (known.get(name) for name in BEFORE)
    after = [*(known.get(name) for name in TOLD), *(metadata.get(name) for name in METADATA)]
    return [_cell(value) for value in (*before, *map(columns.get, own), *after)]


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """CSV as RFC 4180 has it."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def csv_head(own: Sequence[str]) -> bytes:
    """How a CSV begins."""
    return (BOM + csv_text([names(own)])).encode()


def csv_lines(rows: Iterable[StoredRow], own: Sequence[str]) -> bytes:
    """Lines of CSV as RFC 4180 has them. What we or a model wrote never begins a formula."""
    ours = len(AFTER)
    lines = (as_cells(row, own) for row in rows)
    return csv_text([*map(_shown, cells[:-ours]), *map(_harmless, cells[-ours:])] for cells in lines).encode()


def ndjson_lines(rows: Iterable[StoredRow]) -> bytes:
    """A line of JSON for each row."""
    return b"".join(msgspec.json.encode(as_object(row)) + b"\n" for row in rows)


def cell_lines(rows: Iterable[StoredRow], own: Sequence[str]) -> bytes:
    """A line of JSON for each row, its cells only: what the writer of workbooks takes."""
    return b"".join(msgspec.json.encode(as_cells(row, own)) + b"\n" for row in rows)


def names_line(own: Sequence[str]) -> bytes:
    """The header line, in the same form."""
    return msgspec.json.encode(names(own)) + b"\n"


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = PREFIX + name
    return name


def _supports(evidence: dict[str, Any]) -> str:
    return f"{evidence['tag']} (page {evidence['page']}): {evidence['quote']}"


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, ensure_ascii=False)


def _shown(cell: Cell) -> Cell:
    return str(cell).upper() if isinstance(cell, bool) else cell


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else _shown(cell)
