"""A spreadsheet of documents, as it comes in a form: read by a child, its faults told by line and column."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from api.children import Children
from api.multipart import Part
from api.table import NO_HEADER, TOO_INTRICATE, Answer, Question, Table, from_bytes, names_a_document, text_of
from protocol.columns import ColumnMapping, in_doubt, listed
from protocol.faults import Fault, Faults, InvalidRequest, shown

ANSWER_MAX_BYTES = 64 * 1024 * 1024
LIMIT_S = 30.0

_IN_ROW = re.compile(r"documents\[(\d+)\](?:\.(.+))?")


async def read_table(children: Children, file: Part, rows_max: int, mapping: ColumnMapping) -> Table:
    """The table in a CSV file or a workbook, which has all columns of the mapping and just one for `file_path`.

    Raises:
        InvalidRequest: about `file` or `column_mapping`.
    """
    question = Question(rows_max, file.charset, mapping.columns)
    said = await children.ask(
        "api.tablechild",
        msgspec.json.encode(question).decode(),
        file.content,
        answer_max_bytes=ANSWER_MAX_BYTES,
        limit_s=LIMIT_S,
    )
    answer = await asyncio.to_thread(from_bytes, said) if said else Answer(fault=TOO_INTRICATE)
    if answer.table is None:
        raise InvalidRequest([Fault("file", answer.fault)])
    _check_columns(answer.table, mapping)
    return answer.table


def _check_columns(table: Table, mapping: ColumnMapping) -> None:
    faults = Faults()
    found, columns = "file_path" in mapping.plan(table.headers)[0], listed(table.headers)
    if not found and names_a_document(table.headers):
        raise InvalidRequest([Fault("file", NO_HEADER)])
    for field, column in mapping.columns.items():
        if column not in table.headers:
            faults.add(f"column_mapping.{field}", f"names a column that the file does not have; it has: {columns}")
    if rivals := mapping.rivals(table.headers):
        faults.add("file", in_doubt(rivals))
    if not found and "file_path" not in mapping.columns:
        seen = f"its columns are {columns}, read as {table.read_as}"
        wanted = "call one file_path, path, link or url, or name it in column_mapping"
        faults.add("file", f"has no column for file_path ({seen}): {wanted}")
    faults.settle()


def documents_in(table: Table, mapping: ColumnMapping) -> list[dict[str, Any]]:
    """The rows as `documents` of a request: text in the columns that are ours, numbers stay numbers in the others.

    Whoever fills in a cell writes `URL`, `S3` or `Local` as readily as we do `url`; programs, which send JSON, do not.
    """
    ours = mapping.plan(table.headers)[0]
    columns = {*ours.values()}
    places = [place for place, header in enumerate(table.headers) if header in columns]
    source = table.headers.index(ours["file_source_type"]) if "file_source_type" in ours else None
    for row in table.rows:
        for place in places:
            row[place] = text_of(row[place])
        if source is not None:
            row[source] = str(row[source]).strip().lower()
    return [dict(zip(table.headers, row, strict=True)) for row in table.rows]


@contextmanager
def blaming(table: Table, mapping: ColumnMapping) -> Iterator[None]:
    """Faults of documents also say where in the file they are."""
    columns = mapping.plan(table.headers)[0]
    try:
        yield
    except InvalidRequest as invalid:
        raise InvalidRequest([_placed(fault, table, columns) for fault in invalid.faults]) from None


def _placed(fault: Fault, table: Table, columns: dict[str, str]) -> Fault:
    known = _IN_ROW.fullmatch(fault.path)
    if known is None:
        return fault
    line = f"{table.line} {table.lines[int(known[1])]}"
    column = columns.get(known[2] or "")
    where = f"{line}, column \u201c{shown(column)}\u201d" if column else line
    return Fault(fault.path, f"{fault.message} ({where})")
