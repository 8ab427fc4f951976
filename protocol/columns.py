"""Which of the caller's columns is which of our fields (contract §2).

A column is found by the caller's own mapping first, then by our name, then by the known aliases. Names are
compared without regard to case, spaces, dashes and underscores at the ends: `File Path` is `file_path`.
"""

from collections.abc import Iterable
from typing import Self

from protocol.faults import Faults, shown, text_fault

FIELDS = ("title", "file_path", "file_source_type", "description", "password", "id")
"""What a document is made of."""

ALIASES: dict[str, tuple[str, ...]] = {
    "title": ("document_title", "doc_title", "name"),
    "file_path": ("filepath", "path", "url", "pdf_link", "link", "pdf_url", "document_url"),
    "description": ("desc", "summary"),
}
"""Headers that are understood as one of our fields, the likelier first."""

COLUMN_NAME_LENGTH_MAX = 200


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
        pairs = [(field, column) for field, column in value.items() if _named(field, column, faults)]
        if all(field in FIELDS for field, _ in pairs):
            return cls(dict(pairs))
        return cls(_reversed(pairs, faults))

    def plan(self, columns: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """For a row that has these columns: our field → its column, and the columns that are the caller's own.

        A column called `password` is never the caller's own, whatever the mapping says: those are exported.
        """
        present = list(columns)
        by_name = {_plain(column): column for column in reversed(present)} | {column: column for column in present}
        ours = {field: column for field in FIELDS if (column := self._column(field, present, by_name)) is not None}
        taken = {*ours.values()}
        return ours, [column for column in present if column not in taken and _plain(column) != "password"]

    def check_used(self, plans: Iterable[dict[str, str]], faults: Faults) -> None:
        """A mapped column that no document has is a slip of the pen: say so."""
        used = {pair for plan in plans for pair in plan.items()}
        for field, column in self._columns.items():
            if (field, column) not in used:
                faults.add(f"column_mapping.{field}", "names a column that no document has")

    def _column(self, field: str, present: list[str], by_name: dict[str, str]) -> str | None:
        if (mapped := self._columns.get(field)) in present:
            return mapped
        elsewhere = {*self._columns.values()}
        for name in (field, *ALIASES.get(field, ())):
            if (column := by_name.get(name)) is not None and column not in elsewhere:
                return column
        return None


def _named(field: str, column: object, faults: Faults) -> bool:
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


def _plain(column: str) -> str:
    return column.strip().lower().replace(" ", "_").replace("-", "_")
