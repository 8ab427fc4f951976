"""PDFs made by hand, a few objects each."""

import zlib
from collections.abc import Callable

import pytest

from actors.errors import DocumentRefused

IMAGE = "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>"
"""One grey dot: its stream is that dot."""
FORM = "<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Length 5/Resources<</XObject<</I 6 0 R/G 7 0 R>>>>>>"
"""Shows `/I`, which is object 6, and knows itself as `/G`."""


def refusal(
    read: Callable[[bytes, int, str | None], object], data: bytes, password: str | None = None
) -> DocumentRefused:
    """Why a file of up to three pages cannot be read."""
    with pytest.raises(DocumentRefused) as caught:
        read(data, 3, password)
    return caught.value


def pdf(*objects: str, streams: dict[int, bytes] | None = None) -> bytes:
    """A file of these objects, numbered from 1, the first being the catalogue; some with a stream behind."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        stream = (streams or {}).get(number)
        tail = b"" if stream is None else b"\nstream\n" + stream + b"\nendstream"
        out += f"{number} 0 obj\n{text}".encode() + tail + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{offset:010} 00000 n \n" for offset in offsets).encode()
    return bytes(out + f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode())


def page_with(
    content: bytes,
    resources: str = "/Font<</F 5 0 R>>",
    *more: str,
    filtered: str = "",
    box: str = "0 0 200 200",
    streams: dict[int, bytes] | None = None,
) -> bytes:
    """One page that draws `content`; objects beside it are numbered from 6."""
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R/Resources<<{resources}>>>>",
        f"<</Length {len(content)}{filtered}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *more,
        streams={4: content, **({6: b"\x7f"} if IMAGE in more else {}), **(streams or {})},
    )


def two_pages(first: bytes, second: bytes, filtered: str = "") -> bytes:
    """Two pages, the first behind a filter; `/F` is a font and `/I` an image."""
    resources = "<</Font<</F 7 0 R>>/XObject<</I 8 0 R>>>>"
    page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents {{}}/Resources{resources}>>"
    return pdf(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        page.format("5 0 R"),
        page.format("6 0 R"),
        f"<</Length {len(first)}{filtered}>>",
        f"<</Length {len(second)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        IMAGE,
        streams={5: first, 6: second, 8: b"\x7f"},
    )


LABYRINTH = page_with(
    zlib.compress(b"BT /F 12 Tf (a) Tj " + b"1 0 Td " * 400_000 + b"ET"), filtered="/Filter/FlateDecode"
)
"""A page of countless operators."""

OWN_PARENT = pdf(
    "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1/Parent 3 0 R>>", "<</Type/Page/Parent 3 0 R>>"
)
"""A page that is its parent's parent: nobody can read it."""

HEAVY = pdf(
    "<</Type/Catalog/Pages 2 0 R>>",
    f"<</Type/Pages/Kids[{'3 0 R ' * 10}]/Count 10>>",
    "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
    "<</Length 1/Filter/FlateDecode>>",
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    streams={4: zlib.compress(b"BT /F 12 Tf (a) Tj " + b"1 0 Td " * 90_000 + b"ET")},
)
"""Ten pages, each just within the limits: many seconds of work."""
