"""Which of the caller's columns is which of our fields (contract §2).

A column is found by the caller's own mapping first, then by our name, then by the known aliases. Names are
compared without regard to case, spaces, dashes and underscores: `File Path` and `FilePath` are `file_path`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from protocol.faults import Faults, shown, text_fault

FIELDS = ("title", "file_path", "file_source_type", "description", "password", "id")
"""What a document is made of."""

ALIASES: dict[str, tuple[str, ...]] = {
    "title": ("document_title", "doc_title", "name"),
    "file_path": ("filepath", "path", "url", "pdf_link", "link", "pdf_url", "document_url"),
    "description": ("desc", "summary"),
    "password": ("passwort", "passwd", "pwd", "pdf_password", "document_password"),
}
"""Headers that are understood as one of our fields, the likelier first."""

COLUMN_NAME_LENGTH_MAX = 200
COLUMNS_LISTED_MAX = 20
"""In one sentence about them."""

_SEPARATORS = re.compile(r"[\s_-]+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_Named = Mapping[str, Sequence[str]]
"""A name as it is compared, and the columns that are called so."""


class ColumnMapping:
    """The caller's word on which column holds which of our fields; empty where nothing was said."""

    def __init__(self, columns: dict[str, str] | None = None) -> None:
        self._columns = columns or {}

    @property
    def columns(self) -> dict[str, str]:
        """Our field → the caller's column, as far as the caller says."""
        return dict(self._columns)

    @classmethod
    def read(cls, value: object, faults: Faults) -> Self:
        """From a request's `column_mapping`: our field → the caller's column, or the reverse form."""
        if value is None:
            return cls()
        if not isinstance(value, dict):
            faults.add("column_mapping", "wants an object of our field → your column")
            return cls()
        pairs = [(field, column) for field, column in value.items() if _says(field, column, faults)]
        if all(field in FIELDS for field, _ in pairs):
            return cls(dict(pairs))
        return cls(_reversed(pairs, faults))

    def plan(self, columns: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """For a row that has these columns: our field → its column, and the columns that are the caller's own.

        A column called `password`, in whatever spelling, is never the caller's own, whatever the mapping says: those
        are exported.
        """
        present = list(columns)
        named = self._named(present)
        ours = {field: column for field in FIELDS if (column := self._column(field, present, named)) is not None}
        taken = {*ours.values(), *named.get("password", ())}
        return ours, [column for column in present if column not in taken]

    def rivals(self, columns: Iterable[str]) -> list[str]:
        """The columns of which any may be `file_path` and nothing says which; empty where there is no doubt."""
        present = list(columns)
        if self._columns.get("file_path") in present:
            return []
        named = self._named(present)
        if ours := named.get(_plain("file_path")):
            return [] if "file_path" in ours else _several(ours)
        return _several([column for name in _NAMES["file_path"] for column in named.get(name, ())])

    def check_used(self, plans: Iterable[dict[str, str]], faults: Faults) -> None:
        """A mapped column that no document has is a slip of the pen: say so."""
        used = {pair for plan in plans for pair in plan.items()}
        for field, column in self._columns.items():
            if (field, column) not in used:
                faults.add(f"column_mapping.{field}", "names a column that no document has")

    def _named(self, present: list[str]) -> _Named:
        """All columns but those that the caller has mapped, in their order."""
        elsewhere = {*self._columns.values()}
        named: dict[str, list[str]] = {}
        for column in present:
            if column not in elsewhere:
                named.setdefault(_plain(column), []).append(column)
        return named

    def _column(self, field: str, present: list[str], named: _Named) -> str | None:
        if (mapped := self._columns.get(field)) in present:
            return mapped
        columns = next((named[name] for name in _NAMES[field] if name in named), ())
        # Of several, the one that is spelt as we do.
        return min(columns, key=lambda column: column not in (field, *ALIASES.get(field, ())), default=None)


def listed(columns: Sequence[str]) -> str:
    """Columns as a sentence names them."""
    names = ", ".join(f"\u201c{shown(column)}\u201d" for column in columns[:COLUMNS_LISTED_MAX])
    more = len(columns) - COLUMNS_LISTED_MAX
    return f"{names} and {more} more" if more > 0 else names


def in_doubt(rivals: Sequence[str]) -> str:
    """What is wrong where each of these columns may be `file_path`."""
    return f"may be in any of the columns {listed(rivals)}; say in column_mapping.file_path which"


def _says(field: str, column: object, faults: Faults) -> bool:
    """Whether this pair says anything; `null` says that there is no such column."""
    if column is None:
        return False
    for each in (field, column):
        if (fault := text_fault(each, COLUMN_NAME_LENGTH_MAX)) is not None:
            faults.add(f"column_mapping.{shown(field)}", fault)
            return False
    return True


def _reversed(pairs: list[tuple[str, str]], faults: Faults) -> dict[str, str]:
    columns: dict[str, str] = {}
    for column, field in pairs:
        if field not in FIELDS:
            faults.add(f"column_mapping.{shown(column)}", f"neither side is one of {', '.join(FIELDS)}")
        elif field in columns:
            faults.add(f"column_mapping.{shown(column)}", f"a second column for {field}")
        else:
            columns[field] = column
    return columns


def _several(columns: Sequence[str]) -> list[str]:
    return list(columns) if len(columns) > 1 else []


def _plain(column: str) -> str:
    """What a name is compared by; of a password, its letters alone, since it must never pass as something else."""
    name = column[:COLUMN_NAME_LENGTH_MAX]  # a longer one is refused, but may come this far
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", name)).casefold()
    return "password" if _NO_LETTERS.sub("", plain) in _PASSWORDS else plain


_PASSWORDS = {"password", *(alias.replace("_", "") for alias in ALIASES["password"])}
_NAMES = {field: tuple(dict.fromkeys(map(_plain, (field, *ALIASES.get(field, ()))))) for field in FIELDS}
