"""One row of a batch: `documents[]` of a request (contract §2), after aliases, column mapping and guesses.

Text that is empty or `null` counts as left out. A NUL or half a surrogate pair is refused everywhere. Other
control characters are refused in paths and ids; in titles and descriptions, which people read in terminals,
they become spaces.
"""

import math
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from protocol.columns import COLUMN_NAME_LENGTH_MAX, ColumnMapping, in_doubt
from protocol.faults import Faults, line_fault, shown, text_fault
from protocol.words import SourceType

TITLE_LENGTH_MAX = 1_000
FILE_PATH_LENGTH_MAX = 4_096
DESCRIPTION_LENGTH_MAX = 10_000
PASSWORD_LENGTH_MAX = 1_000
ID_LENGTH_MAX = 256
COLUMNS_MAX = 100
COLUMN_DEPTH_MAX = 5
COLUMN_TEXT_LENGTH_MAX = 32_767
"""What a spreadsheet's cell holds."""

_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**64 - 1
_PLANS_MAX = 1_000
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f]+")
_NOT_IN_PROSE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")
_SOURCES = {str(source): source for source in SourceType}
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCHEMES = {"http": SourceType.URL, "https": SourceType.URL, "s3": SourceType.S3}

Plan = tuple[dict[str, str], list[str]]


class Document(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One row of a batch: nothing is left open."""

    title: str
    """Never empty, one line: the caller's, else the file's name, else `Document N`."""
    file_path: str
    """Where the document lies, as `file_source_type` understands it."""
    file_source_type: SourceType
    description: str | None = None
    password: str | None = None
    """Opens an encrypted PDF. A secret: encrypted at rest, left out of echoes and exports."""
    id: str | None = None
    """The caller's own row id, echoed in every message about the row; a whole number is kept as its digits."""
    columns: dict[str, Any] = {}
    """The caller's own columns, returned in exports: JSON values, nested at most `COLUMN_DEPTH_MAX` deep."""

    def __repr__(self) -> str:
        return f"Document(title={self.title!r}, file_source_type={self.file_source_type.value!r})"


def read_documents(value: object, max_documents: int, mapping: ColumnMapping, faults: Faults) -> list[Document]:
    """The `documents` of a request; what is wrong with them goes to `faults`, which then must be settled."""
    if not isinstance(value, list) or not value:
        faults.add("documents", "is missing" if value is None else "wants a list of at least one document")
        return []
    if len(value) > max_documents:
        faults.add("documents", f"has {len(value):,} rows; at most {max_documents:,} are allowed")
        return []
    rows = _Rows(mapping, faults)
    documents = [rows.read(index, row) for index, row in enumerate(value)]
    mapping.check_used(rows.ours, faults)
    return [document for document in documents if document is not None]


class _Rows:
    """Reads row after row; what a set of headers means is worked out once."""

    def __init__(self, mapping: ColumnMapping, faults: Faults) -> None:
        self._mapping = mapping
        self._faults = faults
        self._plans: dict[tuple[str, ...], Plan] = {}
        self.ours: list[dict[str, str]] = []
        """Which of our fields were found in which column, once for each set of headers."""

    def read(self, index: int, row: object) -> Document | None:
        path = f"documents[{index}]"
        if not isinstance(row, dict):
            self._faults.add(path, "wants an object")
            return None
        if len(row) > COLUMNS_MAX:
            self._faults.add(path, f"has more than {COLUMNS_MAX} columns")
            return None
        before = len(self._faults)
        ours, others = self._plan(path, row)
        given = {field: row[column] for field, column in ours.items()}
        document = self._document(path, index, given, self._columns(path, row, others))
        return document if len(self._faults) == before else None

    def _plan(self, path: str, row: dict[str, Any]) -> Plan:
        headers = tuple(row)
        plan = self._plans.get(headers)
        if plan is None:
            self._check_headers(path, headers)
            if rivals := self._mapping.rivals(headers):
                self._faults.add(f"{path}.file_path", in_doubt(rivals))
            plan = self._mapping.plan(headers)
            self.ours.append(plan[0])
            if len(self._plans) < _PLANS_MAX:
                self._plans[headers] = plan
        return plan

    def _check_headers(self, path: str, headers: tuple[str, ...]) -> None:
        for header in headers:
            if (fault := text_fault(header, COLUMN_NAME_LENGTH_MAX)) is not None:
                self._faults.add(f"{path}.{shown(header)}", f"the column's name {fault}")

    def _document(self, path: str, index: int, given: dict[str, Any], columns: dict[str, Any]) -> Document | None:
        file_path = self._file_path(path, given.get("file_path"))
        source = self._source(path, given.get("file_source_type"), file_path)
        title = self._text(path, "title", given, TITLE_LENGTH_MAX)
        description = self._text(path, "description", given, DESCRIPTION_LENGTH_MAX)
        password = self._text(path, "password", given, PASSWORD_LENGTH_MAX)
        own_id = self._id(path, given.get("id"))
        if file_path is None or source is None:
            return None
        return Document(
            title=(title and one_line(title)) or title_of(file_path, index + 1),
            file_path=file_path,
            file_source_type=source,
            description=(description and _NOT_IN_PROSE.sub(" ", description).strip()) or None,
            password=password,
            id=own_id,
            columns=columns,
        )

    def _file_path(self, path: str, value: object) -> str | None:
        trimmed = value.strip() if isinstance(value, str) else value
        missing = "is missing" if trimmed is None or trimmed == "" else None
        if (fault := missing or line_fault(trimmed, FILE_PATH_LENGTH_MAX)) is not None:
            self._faults.add(f"{path}.file_path", fault)
            return None
        return str(trimmed)

    def _source(self, path: str, value: object, file_path: str | None) -> SourceType | None:
        if value is None or value == "":
            if file_path is None:
                return None
            if (guess := guess_source(file_path)) is None:
                field, fault = no_guess(file_path)
                self._faults.add(f"{path}.{field}", fault)
            return guess
        known = _SOURCES.get(value) if isinstance(value, str) else None
        if known is None:
            self._faults.add(f"{path}.file_source_type", f"wants one of {', '.join(_SOURCES)}")
        return known

    def _text(self, path: str, field: str, given: dict[str, Any], length_max: int) -> str | None:
        value = given.get(field)
        if value is None or value == "":
            return None
        if (fault := text_fault(value, length_max)) is not None:
            self._faults.add(f"{path}.{field}", fault)
            return None
        return str(value)

    def _id(self, path: str, value: object) -> str | None:
        if value is None or value == "":
            return None
        text = str(value) if type(value) is int else value
        if (fault := line_fault(text, ID_LENGTH_MAX)) is not None:
            self._faults.add(f"{path}.id", "wants text or a whole number" if fault == "wants text" else fault)
            return None
        return str(text)

    def _columns(self, path: str, row: dict[str, Any], names: list[str]) -> dict[str, Any]:
        for name in names:
            if (fault := _value_fault(row[name], COLUMN_DEPTH_MAX)) is not None:
                self._faults.add(f"{path}.{shown(name)}", fault)
        return {name: row[name] for name in names}


def guess_source(path: str) -> SourceType | None:
    """What kind of source a path alone tells of: `http://` and `https://` a URL, `s3://` S3."""
    scheme, separator, _ = path.partition("://")
    return _SCHEMES.get(scheme.lower()) if separator else None


def no_guess(path: str) -> tuple[str, str]:
    """The field that must change where a path alone tells of no source, and what is wrong with it."""
    if _OTHER_SCHEME.match(path):
        return "file_path", "has a scheme that is not read here: documents come by http, https or s3"
    missing = "is missing: write local or upload, since the path does not begin with http://, https:// or s3://"
    return "file_source_type", missing


def one_line(text: str) -> str:
    """Text that people read in one line: control characters become spaces."""
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def title_of(file_path: str, row_number: int) -> str:
    """What a document without a title is called: its file's name, else `Document N`."""
    scheme, separator, rest = file_path.partition("://")
    if separator:
        rest = rest.partition("?")[0].partition("#")[0].partition("/")[2]
    name = one_line(unquote((rest if separator else scheme).rpartition("/")[2]))
    return name[:TITLE_LENGTH_MAX] or f"Document {row_number}"


def _value_fault(value: object, depth: int) -> str | None:
    """Why a value of a caller's own column cannot be kept, or None."""
    if isinstance(value, str):
        return text_fault(value, COLUMN_TEXT_LENGTH_MAX)
    if isinstance(value, float):
        return None if math.isfinite(value) else "holds a number that is too large"
    if isinstance(value, int):
        return None if _INTEGER_MIN <= value <= _INTEGER_MAX else "holds a number that is too large"
    if value is None:
        return None
    if depth == 0:
        return f"is nested more than {COLUMN_DEPTH_MAX} deep"
    return next((fault for part in _parts(value) if (fault := _value_fault(part, depth - 1)) is not None), None)


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list):
        yield from value
