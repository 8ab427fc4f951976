"""Uploads over HTTP: streamed, kept whole or not at all, counted, and nobody's but their owner's."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx2
import psutil
import pytest
import redis

from actors.settings import Settings
from actors.shelf import ID
from bench.documents import text_pdf
from stack import free_port
from tests.jobs import Bench, check_invariants
from tests.processes import ended, process, until
from tests.served import LIMIT_S, Served, start_body
from tests.uploading import PDF, UPLOADS, counted, files, kept, post
from tests.waiting import until as waiting_until

VALIDATE, START = "/api/batch/validate-paths", "/api/batch/start"
FILE_MAX, BODY_MAX, BYTES_MAX, COUNT_MAX = 100_000, 230_000, 250_000, 3


@pytest.fixture(scope="module")
def small_server(redis_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An API with small limits."""
    settings = Settings(
        secret_key="another secret key of the tests, of 32 bytes",
        redis_url=f"redis://127.0.0.1:{redis_server.port}/0",
        port=free_port(),
    )
    limits = {
        "TAGSTREAM_UPLOAD_MAX_BYTES": FILE_MAX,
        "TAGSTREAM_UPLOAD_BODY_MAX_BYTES": BODY_MAX,
        "TAGSTREAM_UPLOAD_BYTES_PER_CALLER": BYTES_MAX,
        "TAGSTREAM_UPLOADS_PER_CALLER": COUNT_MAX,
    }
    log = tmp_path_factory.mktemp("small") / "api.log"
    with Served(settings, log, **{name: str(value) for name, value in limits.items()}) as served:
        yield served


@pytest.fixture
def small(small_server: Served, redis_url: str) -> Served:
    """That API over an empty Redis."""
    return small_server


async def test_what_was_uploaded_is_tagged_under_its_own_name(api: Served, bench: Bench, settings: Settings) -> None:
    names = ["Bridges of stone.pdf", "C:\\scans\\पुल.pdf", "", "50%25 off?.pdf"]
    bodies = [text_pdf(number, pages=2) for number in range(len(names))]
    parts = [("any", (name, body)) for name, body in zip(names, bodies, strict=True)]
    async with api.client() as client:
        answer = await client.post(UPLOADS, files=parts[:2] + parts[3:])
        assert answer.status_code == 201
        told = answer.json()
        assert [each["file_name"] for each in told] == ["Bridges of stone.pdf", "पुल.pdf", "50%25 off?.pdf"]
        assert [each["size"] for each in told] == [len(bodies[number]) for number in (0, 1, 3)]
        documents = [{"file_path": each["file_path"], "file_source_type": "upload"} for each in told]
        assert (await client.post(START, json=start_body(documents=documents, job_id="job"))).status_code == 202
    with process(replace(settings, secret_key=api.settings.secret_key, extract_processes=1), "actors"):
        events = await until(bench, ended)
    assert (events[-1].processed, events[-1].failed) == (3, 0)
    titles = {event.told.row_id: event.told.title for event in events if event.row}
    assert titles == {number: each["file_name"] for number, each in enumerate(told)}
    check_invariants(bench)


async def test_a_large_file_comes_back_whole_in_pieces(api: Served, bench: Bench, settings: Settings) -> None:
    body = b"%PDF-" + bytes(range(256)) * 8_000
    answer = await post(api, body, PDF)
    assert answer.status_code == 201
    first, second = answer.json()
    key = f"upload:{{{first['file_path'].partition('/')[0]}}}"
    assert ID.fullmatch(key[8:-1])
    with redis.Redis.from_url(settings.redis_url) as raw:
        stored = raw.hgetall(key)
    pieces = [stored[str(number).encode()] for number in range(int(stored[b"pieces"]))]
    assert len(pieces) > 3
    assert b"".join(pieces) == body
    assert counted(bench) == len(body) + len(PDF) == first["size"] + second["size"]
    assert bench.redis.pttl(key) > 6 * 24 * 3600 * 1000


async def test_files_that_are_no_pdfs_are_all_named_and_none_is_kept(api: Served, bench: Bench) -> None:
    answer = await post(api, PDF, b"<html>", b"", bytes(1_024) + PDF, PDF)
    assert answer.status_code == 422
    assert {fault["path"]: fault["message"] for fault in answer.json()["errors"]} == {
        "files[1]": "does not begin like a PDF (“1.pdf”)",
        "files[2]": "is empty (“2.pdf”)",
        "files[3]": "does not begin like a PDF (“3.pdf”)",
    }
    assert kept(bench) == []
    assert counted(bench) == 0


async def test_a_file_above_the_limit_is_refused_and_none_is_kept(small: Served, bench: Bench) -> None:
    answer = await post(small, PDF, b"%PDF-" + bytes(FILE_MAX))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    (fault,) = answer.json()["errors"]
    assert (fault["path"], "1.pdf" in fault["message"]) == ("files[1]", True)
    assert kept(bench) == []
    assert (await post(small, b"%PDF-" + bytes(FILE_MAX - 5))).status_code == 201


async def test_a_body_above_the_limit_is_refused_whether_it_says_so_or_not(small: Served, bench: Bench) -> None:
    whole = httpx2.Request("POST", small.url, files=files(*[b"%PDF-" + bytes(90_000)] * 3))
    body, content_type = whole.read(), whole.headers["content-type"]

    async def undeclared() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    for content in (body, undeclared()):
        async with small.client() as client:
            answer = await client.post(UPLOADS, content=content, headers={"Content-Type": content_type})
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        assert "0.2193 MiB" in answer.json()["detail"]
    assert kept(bench) == []


async def test_a_caller_keeps_so_many_files_and_no_more(small: Served, bench: Bench) -> None:
    assert (await post(small, PDF, PDF, PDF)).status_code == 201
    full = await post(small, PDF)
    assert full.status_code == 429
    assert "3 files or 0.2384 MiB" in full.json()["detail"]
    assert 1 <= int(full.headers["retry-after"]) <= 7 * 24 * 3600 + 1
    assert len(kept(bench)) == COUNT_MAX
    assert (await post(small, PDF, subject="bob")).status_code == 201
    bench.redis.delete(kept(bench)[0])
    assert (await post(small, PDF)).status_code == 201


async def test_a_caller_keeps_so_many_bytes_and_no_more(small: Served, bench: Bench) -> None:
    large = b"%PDF-" + bytes(FILE_MAX - 5)
    assert (await post(small, large, large)).status_code == 201
    assert (await post(small, large)).status_code == 429
    assert counted(bench) == 2 * FILE_MAX
    for key in kept(bench):
        bench.redis.delete(key)
    assert (await post(small, large)).status_code == 201
    assert counted(bench) == FILE_MAX


async def test_a_request_that_breaks_off_leaves_nothing(api: Served, bench: Bench) -> None:
    begun = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.pdf"\r\n\r\n%PDF-' + bytes(2_000_000)
        await asyncio.to_thread(waiting_until, lambda: len(kept(bench)) == 1)
        begun.set()
        await asyncio.Event().wait()

    async def send() -> None:
        async with api.client() as client:
            await client.post(UPLOADS, content=half(), headers={"Content-Type": "multipart/form-data; boundary=x"})

    sending = asyncio.create_task(send())
    await asyncio.wait_for(begun.wait(), LIMIT_S)
    assert counted(bench) > 0
    sending.cancel()
    await asyncio.to_thread(waiting_until, lambda: not kept(bench) and counted(bench) == 0)
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_store_that_is_full_says_so_and_keeps_nothing_of_the_request(api: Served, bench: Bench) -> None:
    limit = bench.redis.info("memory")["used_memory"] + 2_000_000
    bench.redis.config_set("maxmemory", limit)
    try:
        answer = await post(api, PDF, b"%PDF-" + bytes(8_000_000))
    finally:
        bench.redis.config_set("maxmemory", 0)
    assert (answer.status_code, answer.json()["detail"]) == (503, "The job store is full; try again later.")
    assert answer.headers["retry-after"]
    assert kept(bench) == []
    assert counted(bench) == 0


HEAD = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.pdf"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"%PDF-", 400),
        (b"--x--\r\n", 422),
        (HEAD, 400),
        (HEAD + PDF, 400),
        (HEAD + PDF + b"\r\n--x\r\n", 400),
        (b"--x\r\n\r\n%PDF-\r\n--x--\r\n", 400),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n%PDF-\r\n--x--\r\n", 422),
        (b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n%PDF-\r\n--x--\r\n', 422),
        (b"--x\r\nContent-Disposition: \xff\xfe\r\n\r\n%PDF-\r\n--x--\r\n", 400),
        (b"--x\r\nContent-Disposition: " + b"a" * 500_000, 400),
        (b"\r\n" * 500_000, 400),
        (HEAD.replace(b"a.pdf", b"a" * 60_000) + PDF + b"\r\n--x--\r\n", 201),
        (HEAD.replace(b"a.pdf", b"..\\..\\/\x01a.pdf") + PDF + b"\r\n--x--\r\n", 201),
    ],
)
async def test_hostile_bodies_are_the_clients_fault(api: Served, bench: Bench, body: bytes, status: int) -> None:
    async with api.client() as client:
        answer = await client.post(UPLOADS, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == status
    assert len(kept(bench)) == (status == 201)
    if status == 201:
        (told,) = answer.json()
        assert len(told["file_name"]) <= 200
        assert told["file_name"].strip("a.pdf") == ""


@pytest.mark.parametrize("content_type", ["application/pdf", "multipart/form-data", "multipart/mixed; boundary=x"])
async def test_a_body_of_another_kind_is_refused_by_its_type(api: Served, content_type: str) -> None:
    async with api.client() as client:
        assert (await client.post(UPLOADS, content=PDF, headers={"Content-Type": content_type})).status_code == 415


async def test_a_caller_who_keeps_a_crowd_waiting_is_refused_and_others_are_not(api: Served) -> None:
    sent = f"POST {UPLOADS} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\nAuthorization: Bearer {api.token()}\r\n"
    head = f"{sent}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
    crowd = [await asyncio.open_connection("127.0.0.1", api.settings.port) for _ in range(33)]
    for _, writer in crowd:
        writer.write(head)
        await writer.drain()
    answers = [asyncio.create_task(reader.readline()) for reader, _ in crowd]
    done, waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED, timeout=LIMIT_S)
    assert [each.result()[:13] for each in done] == [b"HTTP/1.1 429 "]
    assert (await post(api, PDF, subject="bob")).status_code == 201
    for each in waiting:
        each.cancel()
    for _, writer in crowd:
        writer.transport.abort()


async def test_nobody_uploads_without_a_token(api: Served, bench: Bench) -> None:
    async with httpx2.AsyncClient(base_url=api.url) as client:
        assert (await client.post(UPLOADS, files=files(PDF))).status_code == 401
    assert kept(bench) == []


async def test_somebody_elses_upload_is_as_one_that_never_was(api: Served, bench: Bench, settings: Settings) -> None:
    path = (await post(api, text_pdf(1, pages=1))).json()[0]["file_path"]
    paths = [path, path[:-9] + "A" + path[-8:], "A" * 32 + "/0.pdf", "no id at all"]
    async with api.client("mallory") as client:
        answer = await client.post(VALIDATE, json={"paths": [{"path": each, "type": "upload"} for each in paths]})
        told = [{name: value for name, value in each.items() if name != "path"} for each in answer.json()["results"]]
        assert told == [{"valid": False, "error": "The upload is not there.", "error_type": "source",
                         "error_code": "not-found"}] * len(paths)  # fmt: skip
        documents = [{"file_path": each, "file_source_type": "upload"} for each in paths]
        await client.post(START, json=start_body(documents=documents, job_id="job"))
    with process(replace(settings, secret_key=api.settings.secret_key, extract_processes=1), "actors"):
        events = await until(bench, ended)
    ends = [event.told for event in events if event.row and event.told.status.final]
    assert {(each.error, each.error_type, each.error_code) for each in ends} == {
        ("The upload is not there.", "source", "not-found")
    }
    assert len(ends) == len(paths)
    async with api.client() as client:
        answer = await client.post(VALIDATE, json={"paths": [{"path": path, "type": "upload"}]})
    assert answer.json()["valid_count"] == 1


async def test_the_api_holds_no_upload_in_memory(api: Served, bench: Bench) -> None:
    await post(api, PDF)
    process = psutil.Process(api.process.pid)
    before, most, sent = process.memory_info().rss, 0, 15 * 2**20

    async def body() -> AsyncIterator[bytes]:
        nonlocal most
        for _ in range(5):
            yield HEAD + PDF
            for _ in range(sent // 2**18):
                yield bytes(2**18)
                most = max(most, process.memory_info().rss)
            yield b"\r\n"
        yield b"--x--\r\n"

    async with api.client() as client:
        answer = await client.post(
            UPLOADS, content=body(), headers={"Content-Type": "multipart/form-data; boundary=x"}, timeout=60
        )
    assert answer.status_code == 201
    assert sum(each["size"] for each in answer.json()) == 5 * (sent + len(PDF))
    assert most - before < 25 * 2**20
