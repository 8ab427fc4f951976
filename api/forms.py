"""A batch that comes as a form: a spreadsheet, and beside it what a JSON body would say."""

import asyncio
from typing import Any, NamedTuple

import msgspec

from api.exclusionfile import FIELD, Exclusions, read_exclusions, with_terms
from api.multipart import Part, read_parts
from api.parts import Parts
from api.table import Table
from api.tablefile import blaming, documents_in, read_table
from protocol.columns import ColumnMapping
from protocol.faults import Faults, MalformedBody
from protocol.requests import StartBatch, read_object, start_from

FIELDS = ("file", "config", "column_mapping", "job_id", FIELD)


class Asked(NamedTuple):
    """A batch to start, as it was asked for."""

    batch: StartBatch
    exclusion_pdf: bytes = b""
    read_as: str | None = None
    """How its file was understood, for people."""
    owns_uploads: bool = False
    """Whether its document came with it, as a file that no other job can name."""


async def read_form(parts: Parts, content_type: str, body: bytes) -> Asked:
    """The batch in the body of `POST /api/batch/start` that is a form.

    Raises:
        Problem: 415; the content type names no boundary.
        InvalidRequest: the form, its file or its fields will not do; the rules are those of a JSON body.
    """
    sent = await asyncio.to_thread(read_parts, content_type, body, FIELDS)
    request, mapping = _fields(sent)
    exclusions = await asyncio.to_thread(read_exclusions, sent.get(FIELD))
    table = await read_table(parts.children, sent["file"], parts.settings.max_documents, mapping)
    batch = await asyncio.to_thread(_batch, request, table, mapping, exclusions)
    read_as = "; ".join(filter(None, (table.read_as, exclusions.read_as)))
    return Asked(batch, exclusions.pdf, read_as)


def _batch(request: dict[str, Any], table: Table, mapping: ColumnMapping, exclusions: Exclusions) -> StartBatch:
    documents = documents_in(table, mapping)
    with blaming(table, mapping):
        batch = start_from({**request, "documents": documents}, len(documents))
    return msgspec.structs.replace(batch, config=with_terms(batch.config, exclusions.terms))


def _fields(sent: dict[str, Part]) -> tuple[dict[str, Any], ColumnMapping]:
    """All but the documents, and what the columns mean."""
    faults = Faults()
    if "file" not in sent:
        faults.add("file", "is missing: a CSV file or an XLSX workbook")
    request: dict[str, Any] = {name: json_field(name, sent.get(name), faults) for name in ("config", "column_mapping")}
    job_id = sent.get("job_id")
    request["job_id"] = job_id.content.decode(errors="replace") if job_id else None
    mapping = ColumnMapping.read(request["column_mapping"], faults)
    faults.settle()
    return request, mapping


def json_field(name: str, part: Part | None, faults: Faults) -> dict[str, Any] | None:
    """A field that holds a JSON object; None where it is left out, or will not do, which `faults` then say."""
    if part is None:
        return None
    try:
        return read_object(part.content)
    except MalformedBody as malformed:
        faults.add(name, malformed.faults[0].message.replace("the body", "it"))
        return None
