"""One document in one call: a job like any other, which the call waits for."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from actors.records import RowAddress
from actors.settings import Settings
from api.single import FIELDS_MAX_BYTES
from bench.documents import text_pdf
from protocol.client import Client, ClientError, RequestRefused
from protocol.messages import Row
from protocol.words import ErrorCode, ErrorType
from stack import free_port
from tests.jobs import OWNER, Bench, check_invariants
from tests.processes import process
from tests.served import Served
from tests.test_command_line import run
from tests.test_wordlist import list_pdf
from tests.uploading import kept
from tests.waiting import until

SINGLE = "/api/single/process"
URL = (None, "https://example.org/a.pdf")


def pdf(body: bytes = b"") -> tuple[str, bytes, str]:
    """A file as a form sends it."""
    return "Bridges of stone.pdf", body or text_pdf(1, pages=2), "application/pdf"


async def post(api: Served, **fields: Any) -> httpx2.Response:
    async with api.client() as client:
        return await client.post(SINGLE, files=fields)


def jobs(bench: Bench) -> list[str]:
    """The ids of all jobs."""
    found: list[str] = bench.redis.zrange(f"owner:{{{OWNER}}}:jobs", 0, -1)
    return found


async def waiting_call(api: Served, bench: Bench, **fields: Any) -> tuple["asyncio.Task[httpx2.Response]", str]:
    """A call that waits, and its job."""
    call = asyncio.create_task(post(api, **fields))
    await asyncio.to_thread(until, lambda: bool(jobs(bench)) or call.done())
    assert not call.done(), (await call).text
    return call, jobs(bench)[0]


def refuse_key(bench: Bench, job_id: str) -> None:
    """Play a worker whose provider refuses the key."""
    claim = bench.claim(RowAddress(job_id, bench.facts(job_id)["run"], 0))
    row = Row.waiting(0, claim.document.title, error="The key is refused.", error_type=ErrorType.AUTH)
    bench.store.fail_job(claim, row, "The key is refused.")


@pytest.fixture
def impatient(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API that waits for hardly a moment."""
    ours = replace(settings, port=free_port())
    with Served(ours, tmp_path_factory.mktemp("single") / "api.log", TAGSTREAM_SINGLE_TIMEOUT_S="0.3") as served:
        yield served


async def test_a_file_comes_back_with_its_tags(api: Served, bench: Bench, settings: Settings) -> None:
    ours = replace(settings, secret_key=api.settings.secret_key, extract_processes=1)
    with process(ours, "actors"):
        sent = {"config": (None, '{"num_tags": 4}'), "pdf_file": pdf(), "description": (None, "a leaflet")}
        answer = await post(api, **sent, exclusion_file=("no.txt", "zebra, giraffe"))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["title"], len(told["tags"])) == ("success", "Bridges of stone.pdf", 4)
    assert told["metadata"]["page_count"] == 2
    async with api.client() as client:
        (stored,) = (await client.get(f"/api/batch/jobs/{told.pop('job_id')}/results")).json()["results"]
    assert stored == told
    assert kept(bench) == []
    check_invariants(bench, jobs(bench)[0])


async def test_who_has_documents_tagged_one_by_one_does_not_run_out_of_room(settings: Settings, tmp_path: Path) -> None:
    ours = replace(settings, port=free_port(), extract_processes=1)
    with Served(ours, tmp_path / "api.log", TAGSTREAM_UPLOADS_PER_CALLER="2") as api, process(ours, "actors"):
        answers = [await post(api, pdf_file=pdf()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_an_address_that_may_not_be_asked_is_a_failed_document_and_no_failed_call(
    api: Served, settings: Settings
) -> None:
    ours = replace(settings, secret_key=api.settings.secret_key, extract_processes=1)
    with process(ours, "actors"):
        answer = await post(api, pdf_url=(None, "http://127.0.0.1:9/private.pdf"), title=(None, "Private"))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["error_type"], told["error_code"]) == ("failed", "source", "address-refused")
    assert told["title"] == "Private"


async def test_who_has_waited_long_enough_is_told_where_to_look(impatient: Served, bench: Bench) -> None:
    answer = await post(impatient, pdf_url=URL)
    assert answer.status_code == 504
    told = answer.json()
    assert told["job_id"] == jobs(bench)[0]
    async with impatient.client() as client:
        status = (await client.get(f"/api/batch/jobs/{told['job_id']}/status")).json()
    assert (status["status"], status["total"]) == ("pending", 1)


def cancel(bench: Bench, job_id: str) -> None:
    bench.store.cancel(job_id, OWNER)


def delete(bench: Bench, job_id: str) -> None:
    bench.store.delete(job_id, OWNER)


@pytest.mark.parametrize("end", [cancel, delete])
async def test_a_job_that_is_stopped_meanwhile_ends_the_call(
    api: Served, bench: Bench, end: Callable[[Bench, str], None]
) -> None:
    call, job_id = await waiting_call(api, bench, pdf_url=URL)
    end(bench, job_id)
    answer = await call
    assert (answer.status_code, answer.json()["job_id"]) == (409, job_id)


async def test_a_refused_key_is_told_as_the_document_s_failure(api: Served, bench: Bench) -> None:
    sent = {"pdf_url": URL, "config": (None, '{"api_key": "sk-refused-0123456789", "model_name": "some/model"}')}
    call, job_id = await waiting_call(api, bench, **sent)
    refuse_key(bench, job_id)
    answer = await call
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["error_type"], told["error"]) == ("failed", "auth", "The key is refused.")
    assert "0123456789" not in answer.text


async def test_a_list_that_cannot_be_read_is_told_with_its_reason(api: Served, bench: Bench) -> None:
    call, job_id = await waiting_call(api, bench, pdf_url=URL)
    claim = bench.claim(RowAddress(job_id, bench.facts(job_id)["run"], 0))
    why: dict[str, Any] = {"error": "Locked.", "error_type": ErrorType.DOCUMENT, "error_code": ErrorCode.ENCRYPTED}
    bench.store.fail_job(claim, Row.waiting(0, claim.document.title, **why), "The list is locked")
    told = (await call).json()
    assert (told["error"], told["error_type"], told["error_code"]) == ("The list is locked", "document", "encrypted")
    async with api.client() as client:
        status = (await client.get(f"/api/batch/jobs/{job_id}/status")).json()
    assert (status["error_type"], status["error_code"]) == ("document", "encrypted")


async def test_a_server_that_stops_says_that_the_document_goes_on(impatient: Served, bench: Bench) -> None:
    ours = replace(impatient.settings, port=free_port())
    with Served(ours, impatient.log.with_name("stopping.log")) as patient:
        call, job_id = await waiting_call(patient, bench, pdf_url=URL)
        patient.process.terminate()
        answer = await call
    assert (answer.status_code, answer.json()["job_id"]) == (503, job_id)
    assert bench.facts(job_id)["status"] == "pending"


async def test_a_call_that_is_given_up_leaves_its_job(api: Served, bench: Bench) -> None:
    call, job_id = await waiting_call(api, bench, pdf_file=pdf())
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call
    assert bench.facts(job_id)["status"] == "pending"
    assert len(kept(bench)) == 1


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({}, "pdf_file"),
        ({"pdf_file": pdf(), "pdf_url": URL}, "pdf_file"),
        ({"pdf_file": pdf(b"no PDF")}, "pdf_file"),
        ({"pdf_file": (None, "%PDF-")}, "pdf_file"),
        ({"pdf_url": (None, "")}, "pdf_file"),
        ({"pdf_url": (None, "https://x/" + "y" * 5_000)}, "pdf_url"),
        ({"pdf_file": pdf(), "colour": (None, "red")}, "colour"),
        ({"pdf_file": pdf(), "config": (None, '{"num_tags": 99}')}, "config.num_tags"),
        ({"pdf_file": pdf(), "config": (None, "[]")}, "config"),
        ({"pdf_file": pdf(), "title": (None, b"\xff")}, "title"),
        ({"pdf_file": pdf(), "exclusion_file": ("no.txt", b"a" * 2_000)}, "exclusion_file"),
        ({"pdf_file": pdf(), "config": (None, '{"model_name": "some/model"}')}, "config.api_key"),
    ],
)
async def test_a_form_that_will_not_do_names_the_field_and_leaves_nothing(
    api: Served, bench: Bench, sent: dict[str, Any], path: str
) -> None:
    answer = await post(api, **sent or {"title": (None, "nothing")})
    assert answer.status_code == 422, answer.text
    assert path in [fault["path"] for fault in answer.json()["errors"]]
    assert jobs(bench) == kept(bench) == []


async def test_fields_are_bounded_and_other_bodies_are_none(api: Served, bench: Bench) -> None:
    huge = await post(api, pdf_file=pdf(), config=(None, b" " * (FIELDS_MAX_BYTES + 1)))
    async with api.client() as client:
        wrong = await client.post(SINGLE, json={})
        missing = await httpx2.AsyncClient(base_url=api.url).post(SINGLE, files={"pdf_url": URL})
    assert (huge.status_code, wrong.status_code, missing.status_code) == (413, 415, 401)
    assert jobs(bench) == kept(bench) == []


async def test_the_client_and_the_command_line_ask_for_one_document(
    api: Served, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "leaflet.pdf"
    file.write_bytes(text_pdf(2, pages=1))
    ours = replace(settings, secret_key=api.settings.secret_key, extract_processes=1)
    with process(ours, "actors"):
        async with Client(api.url, api.token()) as client:
            told = await client.process(file, {"num_tags": 3}, title="A leaflet")
            named = await client.process(str(file))
            refused = await client.process("http://127.0.0.1:9/x.pdf")
        good = await run(api, "process", file, "--json")
        bad = await run(api, "process", "http://127.0.0.1:9/x.pdf")
        file.write_bytes(list_pdf("Tidal energy in narrow straits", password="opens"))
        locked = await run(api, "process", file)
        opened = await run(api, "process", file, "--password-env", "WORD", WORD="opens")
    assert (told.title, len(told.tags or []), named.title) == ("A leaflet", 3, file.name)
    assert (refused.status, refused.error_code) == ("failed", "address-refused")
    assert (good.status, len(json.loads(good.out)["tags"])) == (0, 8)
    assert (bad.status, "not one of the public internet" in " ".join(bad.out.split())) == (1, True)
    assert (locked.status, "--password-env" in locked.err) == (1, True)
    assert (opened.status, opened.err) == (0, "")


async def test_the_client_is_told_which_job_goes_on(impatient: Served, bench: Bench) -> None:
    async with Client(impatient.url, impatient.token()) as client:
        with pytest.raises(ClientError) as late:
            await client.process("https://example.org/a.pdf")
    assert isinstance(late.value, RequestRefused)
    assert (late.value.status, late.value.problem.job_id) == (504, jobs(bench)[0])


async def test_the_command_line_names_the_job_of_a_document_that_goes_on(impatient: Served, bench: Bench) -> None:
    late = await run(impatient, "process", "https://example.org/a.pdf")
    assert (late.status, f"goes on (job {jobs(bench)[0]})" in late.err) == (2, True)
