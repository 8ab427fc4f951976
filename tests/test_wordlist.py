"""An exclusion list that came as PDF: read by a worker before the job's first row, once, whatever is killed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import fpdf
import pytest

from actors.records import NewRun
from actors.settings import Settings
from actors.store import key
from bench.provider import Provider
from protocol.requests import TaggingConfig
from protocol.words import ErrorCode, ErrorType
from tests.jobs import OWNER, Bench, check_invariants, success
from tests.pdfs import HEAVY, OWN_PARENT
from tests.processes import ended, kill, until
from tests.service import Service, quick, serving
from tests.waiting import until as waiting_until

ROWS = 8


def list_pdf(*lines: str, pages: int = 1, password: str = "") -> bytes:
    """A PDF with these lines on each page."""
    document = fpdf.FPDF()
    if password:
        document.set_encryption("the owner's", password)
    document.set_font("helvetica", size=12)
    for _ in range(pages):
        document.add_page()
        for line in lines:
            document.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


LIST = list_pdf("# never wanted", "training, Manual", "annual report")
UNREAD = "The exclusion list cannot be read"
TERMS = ["training", "Manual", "annual report"]


@pytest.fixture
def service(settings: Settings, provider: Provider, tmp_path: Path) -> Iterator[Service]:
    with serving(quick(settings, tmp_path, provider), documents=ROWS) as service:
        yield service


def kept(bench: Bench) -> dict[str, str]:
    """What is kept of the list, but for the PDF, which is no text."""
    name = key("job", "exclusions")
    return {part: bench.redis.hget(name, part) for part in bench.redis.hkeys(name) if part != "pdf"}


def has_pdf(bench: Bench) -> bool:
    return bool(bench.redis.hexists(key("job", "exclusions"), "pdf"))


async def tags_of(service: Service, rows: int = ROWS) -> dict[int, list[str]]:
    events = await until(service.bench, ended)
    assert (events[-1].type, events[-1].processed) == ("completed", rows)
    return {row_id: row.tags for row_id, row in service.results().items()}


async def test_its_terms_are_no_tags_beside_those_of_the_config(service: Service) -> None:
    service.start(rows=ROWS)
    with service.worker():
        free = await tags_of(service)
        service.bench.store.delete("job", OWNER)
        service.bench.redis.delete(*service.bench.redis.keys("job:*"))
        unwanted = [free[0][0], free[1][0], free[0][1]]
        config = TaggingConfig(exclusion_words=unwanted[2:])
        service.start(rows=ROWS, exclusion_pdf=list_pdf(*unwanted[:2]), config=config)
        bound = await tags_of(service)
    assert any(unwanted[0] in tags for tags in free.values())
    assert not {*unwanted} & {tag for tags in bound.values() for tag in tags}
    check_invariants(service.bench)


async def test_it_is_read_once_and_the_terms_stand_in_its_place(service: Service) -> None:
    service.start(rows=ROWS, exclusion_pdf=LIST)
    with service.worker():
        await tags_of(service)
    assert kept(service.bench) == {"terms": '["training","Manual","annual report"]'}
    assert not has_pdf(service.bench)
    check_invariants(service.bench)


@pytest.mark.parametrize(
    ("pdf", "sentence", "code"),
    [
        (b"%PDF-1.7 but no more", f"{UNREAD}, since the document is damaged and cannot be read", ErrorCode.CORRUPT),
        (OWN_PARENT, f"{UNREAD}, since the ", None),
        (list_pdf(), f"{UNREAD}, since there is no text on the pages that were read", ErrorCode.NO_TEXT),
        (list_pdf("a", password="x"), f"{UNREAD}, since the document is encrypted; it needs a", ErrorCode.ENCRYPTED),
        (list_pdf("# nothing"), "The exclusion list cannot be used: it holds no term", None),
        (list_pdf("a", pages=51), "The exclusion list cannot be used: it has more than 50 pages", None),
    ],
    ids=["damaged", "tangled", "blank", "locked", "empty", "long"],
)
async def test_one_that_cannot_be_used_ends_the_job_before_any_row_is_done(
    service: Service, pdf: bytes, sentence: str, code: ErrorCode | None
) -> None:
    service.start(rows=ROWS, exclusion_pdf=pdf)
    with service.worker():
        events = await until(service.bench, ended)
    assert (events[-1].type, events[-1].processed, events[-1].failed) == ("error", 0, 0)
    assert events[-1].body.startswith(sentence)
    assert ". " not in events[-1].body
    assert events[-1].body[-1].isalpha()
    told = [event.told for event in events if event.row and event.told.error]
    assert {(row.status, row.error_type) for row in told} == {("pending", ErrorType.DOCUMENT)}
    assert code is None or {row.error_code for row in told} == {code}
    check_invariants(service.bench)


async def test_a_worker_that_is_killed_while_it_reads_leaves_the_list_to_the_next(service: Service) -> None:
    service.start(rows=ROWS, exclusion_pdf=HEAVY)
    with service.worker() as first:
        assert waiting_until(lambda: any(service.bench.state(row).get("g") == "extract" for row in range(ROWS)))
        await asyncio.to_thread(kill, first)
    assert has_pdf(service.bench)
    service.bench.redis.hset(key("job", "exclusions"), "pdf", LIST)
    with service.worker():
        await tags_of(service)
    assert kept(service.bench) == {"terms": '["training","Manual","annual report"]'}
    check_invariants(service.bench)


def test_the_first_who_has_read_it_decides_and_the_others_learn_it(bench: Bench) -> None:
    first, second, *_ = bench.start(exclusion_pdf=LIST)
    claims = [bench.claim(address) for address in (first, second)]
    assert [claim.exclusions for claim in claims] == [None, None]
    assert bench.store.exclusion_list("job") == (None, LIST)
    assert bench.store.exclude(claims[0], TERMS)
    assert bench.store.exclude(claims[1], ["other"])
    assert bench.store.exclusion_list("job") == (TERMS, b"")
    bench.store.finish(claims[0], success(claims[0]))
    third = bench.claim(bench.start("other")[0])
    assert third.exclusions == ()


def test_who_holds_no_row_writes_no_list(bench: Bench) -> None:
    claim = bench.claim(bench.start(exclusion_pdf=LIST)[0])
    bench.store.cancel("job", OWNER)
    assert not bench.store.exclude(claim, TERMS)


def test_the_list_lives_as_long_as_its_job_and_serves_each_run(bench: Bench) -> None:
    claim = bench.claim(bench.start(rows=1, exclusion_pdf=LIST)[0])
    bench.store.exclude(claim, TERMS)
    bench.store.finish(claim, success(claim))
    check_invariants(bench)
    again = NewRun(row_ids=[0], model_name="local/keywords", api_key_from="none")
    bench.store.retry("job", OWNER, again)
    assert bench.claim(bench.store.refill("job")[0], "again").exclusions == TERMS
    bench.store.delete("job", OWNER)
    assert 0 < bench.redis.pttl(key("job", "exclusions")) <= 30_000
