"""`multipart/form-data`: a body that is already whole, in its parts."""

from collections.abc import Collection
from typing import NamedTuple

from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData, Preamble

from api.problems import Problem
from protocol.faults import Faults, MalformedBody, shown

CONTENT_TYPE = "multipart/form-data"
PARTS_MAX = 20
PIECE_BYTES = 64 * 1024
PART_HEAD_MAX_BYTES = 64 * 1024
"""Of a part before its content, and of what stands before the first part."""
CHARSET_LENGTH_MAX = 64
"""Of the name of an encoding; what is longer is none that anybody knows."""


class Part(NamedTuple):
    """What a field of the form holds, be it a file or not."""

    content: bytes
    media_type: str
    """As the part's own `Content-Type` declares it, likewise the next."""
    charset: str | None
    file_name: str
    """Empty: it is no file, or has no name."""


class Decoder(MultipartDecoder):
    """Werkzeug's, fed with pieces of at most `PIECE_BYTES`, which bounds what one look through the heads can cost.

    Without its flaw: where a piece ends between the two dashes behind the last boundary, it takes the line break
    before that boundary for content.
    """

    def __init__(self, boundary: bytes, parts_max: int) -> None:
        super().__init__(boundary, PART_HEAD_MAX_BYTES + PIECE_BYTES, max_parts=parts_max)

    def _last_partial_boundary_index(self, data: bytes | bytearray) -> int:
        """Where the last line begins that may become a boundary; all before is content."""
        tail = max(0, len(data) - len(b"\r\n--" + self.boundary + b"--"))
        breaks = (data.rfind(b"\r", tail), data.rfind(b"\n", tail))
        return min((at for at in breaks if at >= 0), default=len(data))


def read_parts(content_type: str, body: bytes, fields: Collection[str]) -> dict[str, Part]:
    """The fields of a form by their names; one that is empty, and no file with a name, counts as left out.

    Raises:
        Problem: 415, the content type names no boundary.
        MalformedBody: it is no form, or has too many fields.
        InvalidRequest: a field is none of `fields`, or stands twice.
    """
    boundary = parse_options_header(content_type)[1].get("boundary", "").encode("ascii", "ignore")
    if not boundary:
        raise Problem(415, "The Content-Type of a form must name its boundary.")
    try:
        sent = _decode(Decoder(boundary, PARTS_MAX), body)
    except RequestEntityTooLarge:
        raise MalformedBody(f"the form has more than {PARTS_MAX} fields, or heads without end") from None
    except (ValueError, LookupError):
        raise MalformedBody("the body is no form that can be read") from None
    return {name: part for name, part in _checked(sent, fields).items() if part.content or part.file_name}


def _decode(decoder: Decoder, body: bytes) -> list[tuple[str, Part]]:
    arrived = (body[at : at + PIECE_BYTES] or None for at in range(0, len(body) + PIECE_BYTES, PIECE_BYTES))
    parts: list[tuple[str, Part]] = []
    head: Field | File = Field(name="", headers=Headers())
    pieces: list[bytes] = []
    while not isinstance(event := decoder.next_event(), Epilogue):
        match event:
            case Field() | File():
                head, pieces = event, []
            case Data():
                pieces.append(event.data)
                if not event.more_data:
                    file_name = head.filename if isinstance(head, File) else ""
                    parts.append((head.name or "", Part(b"".join(pieces), *declared(head.headers), file_name)))
            case Preamble():
                pass
            case NeedData():
                decoder.receive_data(next(arrived, None))
    return parts


def declared(headers: Headers) -> tuple[str, str | None]:
    """The media type and the encoding that a part declares."""
    media_type, options = parse_options_header(headers.get("Content-Type", ""))
    return media_type.lower(), options.get("charset", "")[:CHARSET_LENGTH_MAX] or None


def _checked(sent: list[tuple[str, Part]], fields: Collection[str]) -> dict[str, Part]:
    faults = Faults()
    form: dict[str, Part] = {}
    for name, part in sent:
        if name not in fields:
            faults.add(shown(name), f"is no field of this form; it has {', '.join(fields)}")
        elif name in form:
            faults.add(name, "stands twice")
        form[name] = part
    faults.settle()
    return form
