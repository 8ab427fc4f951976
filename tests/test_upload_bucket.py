"""Uploads that are kept in the operator's bucket, on a real S3 server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.settings import Settings
from bench.documents import text_pdf
from stack import free_port
from tests.jobs import Bench, check_invariants
from tests.processes import ended, process, until
from tests.served import LIMIT_S, Served, start_body
from tests.stores import Store
from tests.uploading import PDF, UPLOADS, counted, kept, post
from tests.waiting import until as waiting_until

START = "/api/batch/start"


@pytest.fixture
def in_bucket(s3: Store, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """An API that keeps uploads in a bucket."""
    name = f"kept-{free_port()}"
    s3.bucket(name)
    known = replace(
        settings,
        port=free_port(),
        s3_endpoint=s3.url,
        s3_access_key_id="id",
        s3_secret_access_key="secret",
        s3_buckets=(name,),
        upload_bucket=f"{name}/here",
    )
    environ = {
        "TAGSTREAM_S3_ENDPOINT": s3.url,
        "TAGSTREAM_S3_ACCESS_KEY_ID": "id",
        "TAGSTREAM_S3_SECRET_ACCESS_KEY": "secret",
        "TAGSTREAM_S3_BUCKETS": name,
        "TAGSTREAM_UPLOAD_BUCKET": known.upload_bucket,
    }
    with Served(known, tmp_path / "api.log", **environ) as served:
        yield served


async def test_in_a_bucket_uploads_are_kept_below_its_prefix_and_read_by_their_owner_alone(
    in_bucket: Served, s3: Store, bench: Bench
) -> None:
    known, (bucket, _, prefix) = in_bucket.settings, in_bucket.settings.upload_bucket.partition("/")
    large = text_pdf(2, pages=1) + bytes(7_000_000)
    answer = await post(in_bucket, text_pdf(1, pages=1), large)
    assert answer.status_code == 201
    ids = [each["file_path"].partition("/")[0] for each in answer.json()]
    assert sorted(s3.keys(bucket)) == sorted(f"{prefix}/{each}" for each in ids)
    assert len(kept(bench)) == 2
    assert counted(bench) == 0
    documents = [{"file_path": each["file_path"], "file_source_type": "upload"} for each in answer.json()]
    documents += [{"file_path": f"s3://{bucket}/{prefix}/{each}"} for each in ids]
    async with in_bucket.client() as client:
        await client.post(START, json=start_body(documents=documents, job_id="job"))
    with process(replace(known, extract_processes=1), "actors"):
        events = await until(bench, ended)
    ends = {event.told.row_id: event.told for event in events if event.row and event.told.status.final}
    assert [ends[row].status for row in range(4)] == ["success", "success", "failed", "failed"]
    assert {ends[row].error_code for row in (2, 3)} == {"forbidden"}
    check_invariants(bench)


async def test_in_a_bucket_as_well_all_are_kept_or_none(in_bucket: Served, s3: Store, bench: Bench) -> None:
    answer = await post(in_bucket, PDF, b"<html>", b"%PDF-" + bytes(7_000_000))
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == ["files[1]"]
    assert s3.keys(in_bucket.settings.upload_bucket.partition("/")[0]) == []
    assert kept(bench) == []


async def test_a_bucket_that_is_not_there_is_no_fault_of_the_client(in_bucket: Served, s3: Store, bench: Bench) -> None:
    s3.boto.delete_bucket(Bucket=in_bucket.settings.upload_bucket.partition("/")[0])
    answer = await post(in_bucket, PDF)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert kept(bench) == []


async def test_a_request_that_breaks_off_leaves_no_parts_in_the_bucket(
    in_bucket: Served, s3: Store, bench: Bench
) -> None:
    bucket = in_bucket.settings.upload_bucket.partition("/")[0]
    begun = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.pdf"\r\n\r\n%PDF-' + bytes(7_000_000)
        await asyncio.to_thread(waiting_until, lambda: s3.unfinished(bucket) != [])
        begun.set()
        await asyncio.Event().wait()

    async def send() -> None:
        async with in_bucket.client() as client:
            await client.post(UPLOADS, content=half(), headers={"Content-Type": "multipart/form-data; boundary=x"})

    sending = asyncio.create_task(send())
    await asyncio.wait_for(begun.wait(), LIMIT_S)
    sending.cancel()
    await asyncio.to_thread(waiting_until, lambda: not kept(bench) and not s3.unfinished(bucket))
    assert s3.keys(bucket) == []
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert "unexpectedly" not in in_bucket.log.read_text()
