"""The parts of a workbook and how they lead to each other, for what calamine does not tell: read as a stream.

They come from strangers: sizes are counted while unpacking, a document type (and with it every entity) is refused, and
nothing is followed but what is asked for.
"""

import posixpath
import zipfile
from collections.abc import Callable, Collection, Iterator
from typing import NoReturn
from xml.parsers import expat

UNPACKED_MAX_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

_WORKBOOK = "xl/workbook.xml"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others unpack without a bound."""

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]


class Parts:
    """The files of a workbook, by their names without regard to case.

    What reads a part may raise `ValueError`, `LookupError`, and what `zipfile`, `zlib` and `expat` raise of damage.
    """

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._entries = {entry.filename.replace("\\", "/").lower(): entry for entry in file.infolist()}

    def tell(self, part: str, word: bytes) -> bool:
        """Whether this word, of small letters, stands in a part in whatever case. Far cheaper than to parse it."""
        end = b""
        for chunk in self._chunks(part):
            if word in (seen := end + chunk.lower()):
                return True
            end = seen[-len(word) :]
        return False

    def parse(self, part: str, start: Start, parser: expat.XMLParserType | None = None) -> None:
        """Tell `start` of each element."""
        parser = parser or expat.ParserCreate()
        parser.StartElementHandler = start
        parser.StartDoctypeDeclHandler = _refuse
        for chunk in self._chunks(part):
            parser.Parse(chunk)
        parser.Parse(b"", True)

    def targets(self, part: str, wanted: Collection[str]) -> dict[str, str]:
        """Where these relationships of a part lead."""
        found: dict[str, str] = {}

        def start(name: str, attributes: Attributes) -> None:
            if local(name) == "Relationship" and (key := attributes.get("Id", "")) in wanted:
                found.setdefault(key, attributes.get("Target", ""))

        folder, name = posixpath.split(part)
        relationships = f"{folder}/_rels/{name}.rels"
        if wanted and relationships.lower() in self._entries:
            self.parse(relationships, start)
        return found

    def part_of(self, sheet: str) -> str:
        """The part in which the sheet of this name stands."""
        found: dict[str, str] = {}

        def start(name: str, attributes: Attributes) -> None:
            if local(name) == "sheet":
                found.setdefault(attributes.get("name", ""), relationship(attributes))

        self.parse(_WORKBOOK, start)
        target = self.targets(_WORKBOOK, [found[sheet]])[found[sheet]]
        return posixpath.join("xl", target).lstrip("/")

    def _chunks(self, part: str) -> Iterator[bytes]:
        entry = self._entries[part.lower()]
        if entry.compress_type not in _METHODS:
            raise ValueError("is packed in a way that workbooks are not")
        room = UNPACKED_MAX_BYTES
        with self._file.open(entry) as unpacked:
            while chunk := unpacked.read(CHUNK_BYTES):
                room -= len(chunk)
                if room < 0:
                    raise ValueError("unpacks to more than it may")
                yield chunk


def local(name: str) -> str:
    """A name without its prefix. Its namespace says little: there are two for each, and calamine asks for neither."""
    return name.rpartition(":")[2]


def relationship(attributes: Attributes) -> str:
    """The relationship that an element names: `r:id`, whatever the prefix."""
    return next((value for name, value in attributes.items() if name.endswith(":id")), "")


def _refuse(*_: object) -> NoReturn:
    raise ValueError("has a document type")
