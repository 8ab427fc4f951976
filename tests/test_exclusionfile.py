"""An exclusion list that comes with a form: as text it counts at once, as PDF it goes with the job."""

import json

import pytest

from actors.store import key
from protocol.exclusions import LIST_PDF_MAX_BYTES, LIST_TEXT_MAX_BYTES
from tests.jobs import Bench
from tests.served import Served
from tests.test_forms import CSV, faults, send
from tests.test_wordlist import LIST

CONFIG = '{"exclusion_words": ["draft", "manual"]}'


async def test_terms_of_a_text_stand_beside_those_of_the_config(api: Served, bench: Bench) -> None:
    words = "manual, Übersicht\n# no more\n".encode("cp1252")
    answer = await send(api, CSV, job_id="mine", config=CONFIG, exclusion_file=("words.txt", words))
    assert answer.json()["read_as"].endswith("; exclusion list in windows-1252 (a guess)")
    assert json.loads(bench.facts("mine")["config"]) == {"exclusion_words": ["draft", "manual", "Übersicht"]}


async def test_a_pdf_is_kept_with_the_job_and_makes_it_another_request(api: Served, bench: Bench) -> None:
    answers = [await send(api, CSV, job_id="mine", exclusion_file=("words.pdf", LIST)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    name = key("mine", "exclusions")
    assert bench.redis.hstrlen(name, "pdf") == len(LIST)
    assert 0 < bench.redis.pttl(name) <= bench.redis.pttl(key("mine"))
    assert (await send(api, CSV, job_id="mine")).status_code == 409
    assert (await send(api, CSV, job_id="mine", exclusion_file=("words.pdf", LIST + b"\n"))).status_code == 409


async def test_an_empty_field_is_no_list(api: Served, bench: Bench) -> None:
    assert (await send(api, CSV, job_id="mine", exclusion_file=("", b""))).status_code == 202
    assert bench.facts("mine")["config"] == "{}"


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
