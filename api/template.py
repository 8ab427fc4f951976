"""The spreadsheet that people fill in: its columns, and the file itself."""

from collections.abc import AsyncGenerator

import msgspec
from quart import Blueprint, Response, request

from api.export import as_file, pieces, workbook
from api.exported import BOM, csv_text
from api.parts import present
from api.problems import Problem
from api.results import answer
from api.transport import Connection
from protocol.columns import ALIASES

FILE = "template"

_MEANING = {
    "title": "What the document is called; else the file's name.",
    "file_path": "Where the document lies: an address, s3://bucket/key, an upload, or a path in the server's folder.",
    "file_source_type": "url, s3, upload or local; needed only where file_path begins with no scheme.",
    "description": "A hint for the model.",
    "password": "Opens an encrypted PDF; never exported.",
    "id": "Your own id of the row; it comes back with every result.",
}
_EXAMPLES = (
    ("Training Manual", "https://example.org/manual.pdf", "", "For new employees", "", "A-17"),
    ("Annual Report", "s3://bucket/reports/2024.pdf", "s3", "", "", "A-18"),
)

routes = Blueprint("template", __name__)


class Column(msgspec.Struct, frozen=True):
    """A column that the spreadsheet may have; any other is the caller's own, and comes back in exports."""

    name: str
    required: bool
    description: str
    aliases: list[str]
    """Other headers that mean the same."""


class Template(msgspec.Struct, frozen=True):
    """A spreadsheet to fill in."""

    template: str
    """As CSV: a header, and two lines of example."""
    columns: list[str]
    """Their names, in its order."""
    fields: list[Column]
    """What each is."""


@routes.get("/api/batch/template")
async def template() -> Response:
    """The spreadsheet to fill in, described; or itself, as CSV or XLSX."""
    present().door.admit_request(request)
    match request.args.get("format", "json"):
        case "json":
            return answer(Template(_text(), list(_MEANING), _fields()))
        case "csv":
            return as_file((BOM + _text()).encode(), "csv", FILE)
        case "xlsx":
            connection: Connection = request.scope["state"]["connection"]
            return as_file(pieces(await workbook(present().children, _lines()), connection), "xlsx", FILE)
    raise Problem.invalid("format", "wants one of json, csv, xlsx")


def _text() -> str:
    return csv_text([tuple(_MEANING), *_EXAMPLES])


def _fields() -> list[Column]:
    return [
        Column(name, name == "file_path", meaning, list(ALIASES.get(name, ()))) for name, meaning in _MEANING.items()
    ]


async def _lines() -> AsyncGenerator[bytes, None]:
    for cells in (tuple(_MEANING), *_EXAMPLES):
        yield msgspec.json.encode(cells) + b"\n"
