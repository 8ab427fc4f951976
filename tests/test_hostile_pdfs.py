"""The files most likely to break a reader: each ends with a reason or a text, within its bounds, and harms no other."""

import zlib
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import psutil
import pytest

from actors.blob import Blob
from actors.errors import DocumentRefused
from actors.sandbox import Sandbox
from bench.documents import text_pdf
from protocol.words import ErrorCode
from tests.pdfs import LABYRINTH, OWN_PARENT, page_with, pdf, two_pages

MEMORY_MB = 512
ENDINGS = {ErrorCode.TOO_COMPLEX, ErrorCode.CORRUPT, ErrorCode.NO_TEXT, ErrorCode.OCR_UNAVAILABLE, "ok"}
FLATE = "/Filter/FlateDecode"
HUGE = b"\x7f\xff\xff\xff"
FULL = b"200 0 0 200 0 0 cm /I Do"
WORD = b"BT /F 12 Tf (Low tide) Tj ET "
TEXT = "The minutes of the finance committee are attached as a scan of the signed original."


def deflated(chunk: bytes, times: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(map(packer.compress, repeat(chunk, times))) + packer.flush()


def image(width: int, height: int, filters: str, data: bytes, *, bits: int = 8, more: str = "") -> bytes:
    """A page full of one image."""
    head = f"/Width {width}/Height {height}/ColorSpace/DeviceGray/BitsPerComponent {bits}/Filter{filters}{more}"
    entry = f"<</Type/XObject/Subtype/Image{head}/Length {len(data)}>>"
    return page_with(FULL, "/XObject<</I 6 0 R>>", entry, streams={6: data})


def forms(depth: int, times: int) -> bytes:
    """Forms that each show the next so many times."""
    shown = b"/G Do " * times
    entries = [
        f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length {len(shown)}/Resources<</XObject<</G {7 + level} 0 R>>>>>>"
        for level in range(depth)
    ]
    last = f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length {len(WORD)}/Resources<</Font<</F 5 0 R>>>>>>"
    streams = {6 + level: shown for level in range(depth)} | {6 + depth: WORD}
    return page_with(b"/G Do", "/XObject<</G 6 0 R>>", *entries, last, streams=streams)


def deep_tree(levels: int) -> bytes:
    """A page tree of one branch."""
    nodes = [f"<</Type/Pages/Kids[{number + 3} 0 R]/Count 1>>" for number in range(levels)]
    return pdf("<</Type/Catalog/Pages 2 0 R>>", *nodes, f"<</Type/Page/Parent {levels + 1} 0 R>>")


def type_3(glyph: bytes) -> bytes:
    """A font whose letter is a drawing."""
    font = (
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[9]"
        "/CharProcs<</a 7 0 R>>/Encoding<</Differences[97/a]>>/Resources<</Font<</F 6 0 R>>>>>>"
    )
    drawing = f"<</Length {len(glyph)}>>"
    return page_with(b"BT /F 12 Tf (aaaa) Tj ET " * 50, "/Font<</F 6 0 R>>", font, drawing, streams={7: glyph})


FILES: dict[str, Callable[[], bytes]] = {
    "a page that inflates to 2 GB": lambda: page_with(deflated(b" " * 2**20, 2_000), filtered=FLATE),
    "a page that inflates twice": lambda: page_with(
        zlib.compress(deflated(b" " * 2**20, 1_000)), filtered="/Filter[/FlateDecode/FlateDecode]"
    ),
    "a text that inflates to 1 GB": lambda: page_with(deflated(WORD * 40_000, 1_000), filtered=FLATE),
    "five million operators": lambda: page_with(deflated(b"0 0 m 9 9 l S ", 1_700_000), filtered=FLATE),
    "countless moves": lambda: LABYRINTH,
    "a million brackets": lambda: page_with(b"[" * 1_000_000 + WORD),
    "a million saved states": lambda: page_with(b"q " * 1_000_000 + WORD),
    "forms that show ten more, ten deep": lambda: forms(10, 10),
    "forms that show one more, a thousand deep": lambda: forms(1_000, 1),
    "a page tree that knows itself": lambda: pdf(
        "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99>>"
    ),
    "a page tree of ten thousand levels": lambda: deep_tree(10_000),
    "a page that is its parent's parent": lambda: OWN_PARENT,
    "a catalogue that is its own page tree": lambda: pdf("<</Type/Pages/Pages 1 0 R/Kids[1 0 R]/Count 1>>"),
    "two billion pages": lambda: page_with(WORD).replace(b"/Count 1", b"/Count 2147483647"),
    "a table of references that goes on at itself": lambda: page_with(WORD).replace(b"/Size 6", b"/Prev 9/Size 6"),
    "a length that is its own stream": lambda: page_with(WORD).replace(b"/Length 29", b"/Length 4 0 R"),
    "a giant page": lambda: page_with(WORD, box="0 0 2000000 2000000"),
    "a giant picture on a giant page": lambda: page_with(
        b"14400 0 0 14400 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x7f EI", box="0 0 14400 14400"
    ),
    "a picture of a billion black and white dots": lambda: image(
        32_000, 32_000, "/FlateDecode", deflated(b"\xff\0" * 2_000, 32_000), bits=1
    ),
    "a picture of four billion grey dots": lambda: image(65_000, 65_000, "/FlateDecode", deflated(b"\0" * 65_000, 99)),
    "a picture larger than numbers go": lambda: image(2**31 - 1, 2**31 - 1, "/FlateDecode", b""),
    "JBIG2 that is none": lambda: image(2_000, 2_000, "/JBIG2Decode", b"\x97JB2\r\n\x1a\n" + b"\xff" * 999, bits=1),
    "JBIG2 of a giant page": lambda: image(
        9, 9, "/JBIG2Decode", b"\0\0\0\0\x30\0\1\0\0\0\x13" + HUGE * 2 + b"\0" * 11, bits=1
    ),
    "JPEG 2000 that is none": lambda: image(2_000, 2_000, "/JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 999),
    "JPEG 2000 of a giant size": lambda: image(
        9,
        9,
        "/JPXDecode",
        b"\xff\x4f\xff\x51\0\x29\0\0" + b"\x7f\xff\xff\xff" * 2 + b"\0" * 8 + b"\x7f\xff\xff\xff" * 2,
    ),
    "a fax of endless lines": lambda: image(
        1_728, 200_000, "/CCITTFaxDecode", b"\0\x11" * 99, bits=1, more="/DecodeParms<</K -1/Columns 1728>>"
    ),
    "a letter that is drawn with itself": lambda: type_3(b"9 0 d0 BT /F 9 Tf (a) Tj ET"),
    "a letter that is a bomb": lambda: type_3(b"9 0 d0 " + b"0 0 m 9 9 l S " * 100_000),
    "noise behind a header": lambda: b"%PDF-1.7\n" + zlib.compress(text_pdf(1)) * 20,
}


BOMBS = {"a page that inflates to 2 GB", "a page that inflates twice", "a text that inflates to 1 GB"}
"""There is no way to read these."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Sandbox]:
    sandbox = Sandbox(processes=1, memory_mb=MEMORY_MB, timeout_s=15, ocr_timeout_s=15)
    sandbox.start()
    yield sandbox
    sandbox.close()


@pytest.fixture
def outcome(pool: Sandbox, tmp_path: Path) -> Callable[[bytes], ErrorCode | str | None]:
    """How the reading of a document ends."""

    def reading(data: bytes) -> ErrorCode | str | None:
        path = tmp_path / "document.pdf"
        path.write_bytes(data)
        try:
            with Blob(path.open("rb"), len(data)) as blob:
                pool.extract(blob, 3)
        except DocumentRefused as refusal:
            return refusal.code
        return "ok"

    return reading


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_clearly_and_the_next_document_is_read(
    name: str, pool: Sandbox, outcome: Callable[[bytes], ErrorCode | str | None]
) -> None:
    assert outcome(FILES[name]()) in ({ErrorCode.TOO_COMPLEX} if name in BOMBS else ENDINGS)
    assert outcome(text_pdf(1)) == "ok"
    assert all(psutil.Process(pid).memory_info().rss < MEMORY_MB * 2**20 for pid in pool.pids())


def test_a_page_that_kills_its_reader_does_not_take_the_others_text_away(pool: Sandbox, tmp_path: Path) -> None:
    bomb = deflated(WORD * 40_000, 1_000)
    path = tmp_path / "document.pdf"
    path.write_bytes(two_pages(bomb, f"BT /F 12 Tf ({TEXT}) Tj ET".encode(), filtered=FLATE))
    path.write_bytes(mirrored(path.read_bytes()))
    with Blob(path.open("rb"), path.stat().st_size) as blob:
        extraction = pool.extract(blob, 3)
    assert extraction.pages == [TEXT, ""]
    assert (extraction.pages_read, extraction.metadata["pages_unreadable"]) == (1, 1)
    assert pool.pids() == []


def mirrored(data: bytes) -> bytes:
    """The second page before the first."""
    return data.replace(b"/Kids[3 0 R 4 0 R]", b"/Kids[4 0 R 3 0 R]")
