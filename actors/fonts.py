"""Which fonts pypdf can only guess the characters of; for a child of `sandbox` only."""

import re
from collections.abc import Mapping
from typing import Any

# The encodings of composite fonts that it knows. With any other it takes their codes for UTF-16, which they are not:
# numbers of glyphs, or characters in a national encoding. pdfium knows all that are predefined.
_KNOWN = re.compile(
    r"/Uni\w+-(?:UCS2|UTF16)-[HV]|/(?:GB|GBK|GBpc)-EUC-[HV]|/GBK2K-[HV]|/ETen(?:ms)?-B5-[HV]|/90ms-RKSJ-[HV]"
)


def is_guessed(page: Mapping[str, Any]) -> bool:
    """Whether a font of the page does not say in a way that pypdf understands which characters its codes are."""
    resources = _mapping(page.get("/Resources"))
    return any(map(_is_guess, map(_mapping, _mapping(resources.get("/Font")).values())))


def _is_guess(font: Mapping[str, Any]) -> bool:
    composite = font.get("/Subtype") == "/Type0" and "/ToUnicode" not in font
    return composite and not _KNOWN.fullmatch(str(font.get("/Encoding")))


def _mapping(value: Any) -> Mapping[str, Any]:
    value = value.get_object() if hasattr(value, "get_object") else value
    return value if isinstance(value, Mapping) else {}
