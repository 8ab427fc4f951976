"""The child that reads one spreadsheet, `python -m api.tablechild QUESTION`: the file in, an `Answer` out."""

import re
import sys

import msgspec

from api.confined import confine
from api.csvtext import read_csv
from api.table import TOO_INTRICATE, Answer, Question, Table, Unreadable, to_bytes

MEMORY_MB = 768
CPU_S = 10

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MARKUP = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:<[!?/a-z]|\{\\rtf|\[\s*["{[]|\{\s*")', re.IGNORECASE)


def answer_to(data: bytes, question: Question) -> Answer:
    """The table in the file, or why there is none."""
    try:
        return Answer(_read(data, question))
    except Unreadable as fault:
        return Answer(fault=str(fault))
    except MemoryError:
        return Answer(fault=TOO_INTRICATE)


def _read(data: bytes, question: Question) -> Table:
    if data.startswith(_OLE):
        raise Unreadable("is an old workbook (.xls) or one with a password; save it as XLSX without a password")
    if data.lstrip().startswith(b"%PDF-"):
        raise Unreadable("is a PDF; a CSV or an XLSX workbook names the documents")
    if _MARKUP.match(data):
        raise Unreadable("is HTML, XML, RTF or JSON, whatever it is called; save it as CSV or as XLSX")
    if not data.startswith(_ZIP):
        return read_csv(data, question)
    from api.workbook import read_workbook  # noqa: PLC0415 - it loads what CSV does not need

    return read_workbook(data, question)


def main() -> None:
    """Answer the one question."""
    confine(MEMORY_MB, CPU_S)
    question = msgspec.json.decode(sys.argv[1], type=Question)
    answer = answer_to(sys.stdin.buffer.read(), question)
    sys.stdout.buffer.write(to_bytes(answer))


if __name__ == "__main__":
    main()
