"""What people have entered on a page: the values of a form's fields, and notes that stand on it as text.

They are drawn with the page, but no part of its content; for a child of `sandbox` only.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

ENTRIES_MAX = 1_000
"""Looked at on a page."""
ANCESTORS_MAX = 8
"""From which a field inherits."""
_UNSEEN = 1 << 1 | 1 << 5  # /F: hidden, not on screens
_PASSWORD = 1 << 13  # /Ff


def entered_on(page: Mapping[str, Any]) -> list[str]:
    """The texts in the order of the file; one that is shown in several places comes once."""
    entries = page["/Annots"].get_object() if "/Annots" in page else []
    found = (text for each in islice(entries or [], ENTRIES_MAX) for text in _texts(each.get_object()))
    return list(dict.fromkeys(found))


def _texts(entry: Any) -> list[str]:
    if not isinstance(entry, Mapping) or _bits(entry, "/F") & _UNSEEN:
        return []
    if entry.get("/Subtype") == "/FreeText":
        return _strings(entry.get("/Contents"))
    field = _field(entry)
    if entry.get("/Subtype") != "/Widget" or field.get("/FT") not in ("/Tx", "/Ch") or _bits(field, "/Ff") & _PASSWORD:
        return []
    return _strings(field.get("/V"))


def _field(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What the entry says, and what those above it say where it does not."""
    field: dict[str, Any] = {}
    for each in islice(_line_of(entry), ANCESTORS_MAX):
        field = {**each, **field}
    return field


def _line_of(entry: Any) -> Iterator[Mapping[str, Any]]:
    while isinstance(entry, Mapping):
        yield entry
        entry = entry["/Parent"].get_object() if "/Parent" in entry else None


def _bits(entry: Mapping[str, Any], name: str) -> int:
    bits = entry.get(name, 0)
    return bits if isinstance(bits, int) else 0


def _strings(value: Any) -> list[str]:
    value = value.get_object() if hasattr(value, "get_object") else value
    values = value if isinstance(value, list) else [value]
    return [each.strip() for each in values[:ENTRIES_MAX] if isinstance(each, str) and each.strip()]
