"""CSV as programs and people really write it: the encoding and the delimiter are found out."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from api.table import Question, Table, Unreadable, table_of
from protocol.columns import ColumnMapping
from protocol.document import COLUMNS_MAX

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLE_RECORDS = 50
SAMPLE_BYTES = 64 * 1024
"""Of what is not ASCII: enough to know an encoding by."""
FIELD_LENGTH_MAX = 100_000
"""A longer one is a quote that nobody closed."""
CHAOS_MAX, STEPS = 0.2, 10
"""How odd a text may look; what looks less than a tenth odder than another looks as good."""

# In the order of preference where a text tells nothing; the one that is most often right comes first.
_LEGACY = {
    "cp1252": "windows-1252",
    "cp1250": "windows-1250",
    "cp1254": "windows-1254",
    "cp1251": "windows-1251",
    "cp1253": "windows-1253",
    "cp932": "Shift_JIS",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
}
# Not all that Python knows: some of its codecs are none of text, and some take quadratic time.
_DECLARABLE = ("utf-", "ascii", "iso8859", "cp", "koi8", "mac-", "gb", "big5", "euc_", "shift_jis", "tis-620")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BREAK = re.compile(r"\r\n|\r|\n")


class Text(NamedTuple):
    """What bytes say, and in which encoding, for people."""

    text: str
    encoding: str


def read_csv(data: bytes, question: Question) -> Table:
    """The table in a CSV file.

    Raises:
        Unreadable: neither its encoding nor its form can be made out, or it holds no table.
    """
    text, encoding = decode(data, question.charset)
    first, _, rest = text.partition("\n")
    told = first.strip().lower().removeprefix("sep=") if first.lower().startswith("sep=") else ""
    begins, body = (2, rest) if told in DELIMITERS or first.strip("\r").lower() == "sep=\t" else (1, text)
    delimiter = (told or "\t") if begins == 2 else _delimiter(body, ColumnMapping(question.column_mapping))
    return table_of(
        _records(body, delimiter, begins), question.rows_max, f"CSV in {encoding} with {DELIMITERS[delimiter]}"
    )


def decode(data: bytes, charset: str | None = None) -> Text:
    """The text in `data`: by its byte order mark, else as declared, else UTF-8, else by what makes most sense.

    Raises:
        Unreadable: nothing makes sense, or the declared encoding is unknown or does not fit.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _as(data, encoding, encoding.removesuffix("-sig").upper())
    if charset:
        return _as(data, _known(charset), charset)
    if b"\0" in data:
        return _as(data, _wide(data), "UTF-16")
    try:
        return Text(data.decode(), "UTF-8")
    except UnicodeDecodeError:
        encoding = _guess(data)
        return _as(data, encoding, f"{_LEGACY[encoding]} (a guess)")


def _as(data: bytes, encoding: str, name: str) -> Text:
    try:
        return Text(data.decode(encoding), name)
    except (UnicodeError, ValueError):
        raise Unreadable(f"is not {name} throughout; save it as UTF-8") from None


def _known(charset: str) -> str:
    try:
        known = codecs.lookup(charset)
    except (LookupError, ValueError):
        raise Unreadable("is declared to be in an encoding that is unknown here") from None
    if not known.name.startswith(_DECLARABLE):
        raise Unreadable("is declared to be in an encoding that is unknown here")
    return known.name


def _wide(data: bytes) -> str:
    """Which UTF-16 it is, by the zeros beside its ASCII characters."""
    low, high = data[:SAMPLE_BYTES:2].count(0), data[1:SAMPLE_BYTES:2].count(0)
    most, least, half = max(low, high), min(low, high), len(data[:SAMPLE_BYTES:2])
    if len(data) % 2 == 0 and 10 * most > half and most > 10 * least:
        return "utf-16-le" if high > low else "utf-16-be"
    raise Unreadable("holds NUL characters: it is no text")


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415 - few files need it

    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())
    order = list(_LEGACY)
    found = from_bytes(telling[:SAMPLE_BYTES], cp_isolation=order, threshold=CHAOS_MAX)
    likely = [
        (int(match.chaos * STEPS), order.index(name))
        for match in found
        for name in {match.encoding, *match.could_be_from_charset} & set(order)
    ]
    for _, place in sorted(likely):
        try:
            data.decode(order[place])
        except UnicodeDecodeError:  # the sample did not show it
            continue
        return order[place]
    raise Unreadable("is in an encoding that cannot be made out; save it as UTF-8, or declare its charset")


def _delimiter(text: str, mapping: ColumnMapping) -> str:
    """What shows a column for `file_path`, parts the header into the most columns, and the rows below it into as many.

    Where somebody forgot to close a quote, the records before it tell.
    """
    return max(DELIMITERS, key=lambda delimiter: _fit(text, delimiter, mapping))


def _fit(text: str, delimiter: str, mapping: ColumnMapping) -> tuple[bool, bool, bool, float, int]:
    records: list[list[str]] = []
    intact = False
    with suppress(Unreadable):
        for _, cells in islice(_records(text, delimiter), SAMPLE_RECORDS):
            records += [cells] if any(cells) else []
        intact = True
    header = records[0] if records else []
    names_documents = "file_path" in mapping.plan(" ".join(cell.split()) for cell in header[:COLUMNS_MAX])[0]
    widths = [len(cells) for cells in records]
    alike = widths.count(len(header)) / max(1, len(widths))
    return names_documents, len(header) > 1, intact, alike, len(header)


def _records(text: str, delimiter: str, begins: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Each record and the line in which it begins; `begins`: that of the first.

    Raises:
        Unreadable: a quote is not closed, or stands where none may.
    """
    csv.field_size_limit(FIELD_LENGTH_MAX)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    read = 0
    try:
        for cells in reader:
            yield begins + read, cells
            read = reader.line_num
    except csv.Error as fault:
        rest = "".join(islice(io.StringIO(text, newline=""), read, None))
        raise Unreadable(_reason(str(fault), rest, delimiter, begins + read)) from None


def _reason(fault: str, text: str, delimiter: str, begins: int) -> str:
    """What is wrong with the record at the start of `text`, which begins in that line."""
    end = re.escape(delimiter)
    whole = re.match(rf'(?:(?:"[^"]*+(?:""[^"]*+)*+"|[^"{end}\r\n][^{end}\r\n]*+)?{end})*+', text)
    assert whole is not None  # perhaps empty: the cells before the one that is at fault
    line = begins + len(_BREAK.findall(whole[0]))
    if "expected after" in fault:
        return f"is no CSV: the quote that opens in line {line} ends in the midst of a cell"
    if text[whole.end() : whole.end() + 1] == '"':
        return f"is no CSV: the quote that opens in line {line} is not closed"
    return f"holds a cell of more than {FIELD_LENGTH_MAX:,} characters in line {line}"
