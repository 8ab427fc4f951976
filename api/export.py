"""All rows of a job as one file: CSV and NDJSON while they are read, a few at a time; XLSX when it is whole.

A CSV or NDJSON that cannot be brought to its end is broken off, so that nobody takes a part for the whole.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from quart import Response, request
from redis import RedisError

from actors.records import JobMissing
from api.children import Children, feed
from api.events import in_time
from api.exported import cell_lines, csv_head, csv_lines, names_line, ndjson_lines
from api.parts import Parts
from api.problems import RETRY_AFTER_S, Problem
from api.snapshot import Reader, StoredRow
from api.transport import Connection
from protocol.words import DocumentStatus

Form = Literal["csv", "ndjson", "xlsx"]
TYPES: dict[Form, str] = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS_AT_ONCE = 200
OWN_COLUMNS_MAX = 1_000
XLSX_LIMIT_S = 300.0
PIECE_BYTES = 256 * 1024

log = logging.getLogger(__name__)


Pages = AsyncGenerator[list[StoredRow], None]


class Changed(Exception):
    """The job runs again since the export began: what follows would not fit what went before."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported of a job."""

    reader: Reader
    job_id: str
    owner: str
    status: DocumentStatus | None
    """Only rows that have ended so; None: all rows, those that have not ended among them."""

    async def pages(self, run: str | None = None) -> Pages:
        """All rows, by `row_id`; `run`: the one that they must be of.

        Raises:
            JobMissing: there is no such job of this owner, or none any more.
            Changed: another run of it has begun meanwhile.
        """
        for first in range(0, sys.maxsize, ROWS_AT_ONCE):
            now, rows = await self.reader.rows(self.job_id, self.owner, range(first, first + ROWS_AT_ONCE))
            if run not in (None, now):
                raise Changed
            run = now
            yield [row for row in rows if self.status in (None, row.told["status"])]
            if len(rows) < ROWS_AT_ONCE:
                return

    async def own_columns(self) -> tuple[str, list[str]]:
        """The run, and the columns of the caller's own, each once, in the order of their first appearance.

        Raises:
            JobMissing: as `pages`.
            Problem: 422; they are too many for a table.
        """
        found: dict[str, None] = {}
        for first in range(0, sys.maxsize, ROWS_AT_ONCE):
            run, documents = await self.reader.documents(self.job_id, self.owner, range(first, first + ROWS_AT_ONCE))
            for document in documents:
                found |= dict.fromkeys(document.get("columns", ()))
            if len(found) > OWN_COLUMNS_MAX:
                reason = f"wants ndjson: the documents have more than {OWN_COLUMNS_MAX:,} columns of yours"
                raise Problem.invalid("format", reason)
            if len(documents) < ROWS_AT_ONCE:
                break
        return run, list(found)


async def exported(parts: Parts, export: Export, form: Form) -> Response:
    """The file.

    Raises:
        JobMissing: there is no such job of this owner.
        Problem: it cannot be made in this form, or not now.
    """
    connection: Connection = request.scope["state"]["connection"]
    if request.method == "HEAD":
        await export.reader.check_owner(export.job_id, export.owner)
        return as_file(b"", form, export.job_id)
    run, own = (None, []) if form == "ndjson" else await export.own_columns()
    pages = export.pages(run)
    try:
        if form == "xlsx":
            body = pieces(await workbook(parts.children, _cells(pages, own)), connection)
        else:
            body = _lines(await anext(pages), pages, form, own, connection)
    except Changed:
        raise Problem(409, "The job began to run again meanwhile; ask once more.") from None
    return as_file(body, form, export.job_id)


def as_file(body: bytes | AsyncGenerator[bytes, None], form: Form, name: str) -> Response:
    """An answer that browsers save as `NAME.FORM`."""
    content_type = TYPES[form] if form == "xlsx" else f"{TYPES[form]}; charset=utf-8"
    disposition = f'attachment; filename="{name}.{form}"'
    headers = {"Content-Disposition": disposition, "Vary": "Accept"}
    response = Response(body, content_type=content_type, headers=headers)
    response.timeout = None  # each piece has its own
    return response


async def workbook(children: Children, lines: AsyncGenerator[bytes, None]) -> BinaryIO:
    """A workbook of these lines of cells, the first of which is its header; the file has no name any more.

    Raises:
        Problem: 503; it was not made in time.
    """
    with tempfile.TemporaryDirectory(prefix="tagstream-") as folder, suppress(TimeoutError):
        file = Path(folder, "export.xlsx")
        async with children.start("api.sheetwriter", str(file), limit_s=XLSX_LIMIT_S) as child:
            async for piece in lines:
                await feed(child, piece)
            await feed(child, b"", last=True)
            if await child.wait() == 0:
                return await asyncio.to_thread(file.open, "rb")
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    raise Problem(503, "The workbook could not be made; ask for csv, or try again.", headers=headers)


async def pieces(file: BinaryIO, connection: Connection) -> AsyncGenerator[bytes, None]:
    """What stands in a file, which is closed behind it."""
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            with in_time(connection, len(piece)):
                yield piece


async def _cells(pages: Pages, own: list[str]) -> AsyncGenerator[bytes, None]:
    yield names_line(own)
    async for rows in pages:
        yield cell_lines(rows, own)


async def _lines(
    first: list[StoredRow], others: Pages, form: Form, own: list[str], connection: Connection
) -> AsyncGenerator[bytes, None]:
    encode = partial(csv_lines, own=own) if form == "csv" else ndjson_lines
    piece = (csv_head(own) if form == "csv" else b"") + encode(first)
    try:
        with in_time(connection, len(piece)):
            yield piece
        async for rows in others:
            piece = encode(rows)
            with in_time(connection, len(piece)):
                yield piece
    except (JobMissing, Changed, RedisError) as fault:
        log.warning("an export is broken off: %s", type(fault).__name__)
        connection.cut_off()
