"""An exclusion list that comes with a form: as text it counts at once, as PDF it goes with the job."""

import json
from typing import Any

import pytest

from actors.store import key
from protocol.exclusions import LIST_PDF_MAX_BYTES, LIST_TEXT_MAX_BYTES
from tests.jobs import Bench
from tests.served import Served
from tests.sheets import workbook
from tests.test_forms import CSV, faults, send
from tests.test_wordlist import LIST

CONFIG = '{"exclusion_words": ["draft", "manual"]}'


async def test_terms_of_a_text_stand_beside_those_of_the_config(api: Served, bench: Bench) -> None:
    words = "manual, Übersicht\n# no more\n".encode("cp1252")
    answer = await send(api, CSV, job_id="mine", config=CONFIG, exclusion_file=("words.txt", words))
    assert answer.json()["read_as"].endswith("; exclusion list in windows-1252 (a guess): 2 terms")
    assert json.loads(bench.facts("mine")["config"]) == {"exclusion_words": ["draft", "manual", "Übersicht"]}


async def test_a_pdf_is_kept_with_the_job_and_makes_it_another_request(api: Served, bench: Bench) -> None:
    answers = [await send(api, CSV, job_id="mine", exclusion_file=("words.pdf", LIST)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["read_as"].endswith("; exclusion list in PDF: read by a worker before the first row")
    name = key("mine", "exclusions")
    assert bench.redis.hstrlen(name, "pdf") == len(LIST)
    jobs_ms = bench.redis.pttl(key("mine"))  # asked first: both run down
    assert 0 < bench.redis.pttl(name) <= jobs_ms
    assert (await send(api, CSV, job_id="mine")).status_code == 409
    assert (await send(api, CSV, job_id="mine", exclusion_file=("words.pdf", LIST + b"\n"))).status_code == 409


async def test_an_empty_field_is_no_list(api: Served, bench: Bench) -> None:
    assert (await send(api, CSV, job_id="mine", exclusion_file=("", b""))).status_code == 202
    assert bench.facts("mine")["config"] == "{}"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (b"draft", "1 term"),
        (b"a,b\na", "2 terms"),
        (b"\n".join(b"%d" % number for number in range(4_000)), "4,000 terms"),
        (b"a < b, C#, [draft], {old}\r\n<3\x0c\x1a", "5 terms"),
    ],
)
async def test_a_text_says_how_many_terms_were_read(api: Served, bench: Bench, words: bytes, count: str) -> None:
    answer = await send(api, CSV, exclusion_file=("words.txt", words))
    assert answer.json()["read_as"].endswith(f"; exclusion list in UTF-8: {count}")


HTML = b"<!DOCTYPE html>\n<html><body><p>training, manual</p></body></html>"
NO_PDF = "is no PDF, though it is called one"
NO_LIST = "looks like markup or JSON; a list has a term a line, or several with commas between"
OFFICE = "is an archive or a document of an office suite; save the list as plain text or as PDF"


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (("words.PDF", HTML), NO_PDF),
        (("words.pdf", b"training\n"), NO_PDF),
        (("words", b"training\n", "application/pdf"), NO_PDF),
        (("words.txt", HTML), NO_LIST),
        (("words.txt", "\ufeff \n<ul><li>training</ul>".encode()), NO_LIST),
        (("words.txt", "<?xml version='1.0'?><list/>".encode("utf-16")), NO_LIST),
        (("words.rtf", rb"{\rtf1\ansi training}"), NO_LIST),
        (("words.json", b'["training", "manual"]'), NO_LIST),
        (("words.json", b'{"terms": ["training"]}'), NO_LIST),
        (("words.docx", workbook({"s": [["training"]]})), OFFICE),
        (("words.doc", b"\xd0\xcf\x11\xe0training"), OFFICE),
        (("words.txt", b"training\x01manual"), "holds control characters: it is no text"),
        (("words.txt", b""), "is empty"),
        (("words.pdf", b""), "is empty"),
        (("words.txt", b" \n"), "holds no term"),
    ],
)
async def test_what_is_no_list_is_not_taken_for_one(api: Served, bench: Bench, file: Any, why: str) -> None:
    assert faults(await send(api, CSV, exclusion_file=file)) == {"exclusion_file": why}
    async with api.client() as client:
        fields = {"pdf_url": (None, "https://example.org/a.pdf"), "exclusion_file": file}
        assert faults(await client.post("/api/single/process", files=fields)) == {"exclusion_file": why}
    assert bench.redis.keys("job:*") == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"# nothing\n", "holds no term"),
        (b"x" * 101, "holds a term of more than 100 characters (line 1)"),
        (b"\n".join(b"%d" % number for number in range(5_001)), "holds more than 5,000 terms"),
        (
            b"\n".join(b"%d" % number for number in range(4_999)),
            "and exclusion_words hold more than 5,000 terms together",
        ),
        (b"a\n" * LIST_TEXT_MAX_BYTES, "is larger than 1 MiB"),
        (LIST + b" " * LIST_PDF_MAX_BYTES, "is larger than 4 MiB"),
        (b"a\0\0\0b", "holds NUL characters"),
    ],
    ids=["empty", "long", "many", "together", "large text", "large pdf", "nul"],
)
async def test_a_list_that_will_not_do_says_why(api: Served, bench: Bench, content: bytes, why: str) -> None:
    answer = await send(api, CSV, config=CONFIG, exclusion_file=("words", content))
    assert why in faults(answer)["exclusion_file"]
    assert bench.redis.keys("job:*") == []
