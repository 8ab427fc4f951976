"""A job's uploads live longer than it, whatever happens to it, and are nobody else's to keep."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from actors.settings import Settings
from actors.shelf import Uploads, upload_path
from actors.store import connect
from protocol.requests import Document
from protocol.words import SourceType
from tests.jobs import OWNER, Bench, check_invariants, failure, new_job, success

TTL_S = 3600


async def pdf() -> AsyncGenerator[bytes, None]:
    yield b"%PDF-1.7"


async def uploaded(settings: Settings, owner: str) -> str:
    """The id of an upload that is kept."""
    client = connect(settings.redis_url, max_connections=2)
    uploads = Uploads(client, replace(settings, job_ttl_s=TTL_S))
    stored = await uploads.store(owner, pdf())
    await uploads.keep(owner, [stored])
    client.connection_pool.disconnect()
    return stored.id


def lives_ms(bench: Bench, upload_id: str) -> int:
    """How long an upload is kept from now on."""
    return int(bench.redis.pttl(f"upload:{{{upload_id}}}"))


def job_of(*upload_ids: str) -> list[Document]:
    """Documents that are these uploads, and one that is none."""
    paths = [upload_path(each, "a.pdf") for each in upload_ids]
    documents = [Document(title="T", file_path=path, file_source_type=SourceType.UPLOAD) for path in paths]
    return [*documents, Document(title="T", file_path="x", file_source_type=SourceType.UPLOAD)]


async def test_a_job_keeps_its_owners_uploads_longer_than_itself(settings: Settings, bench: Bench) -> None:
    upload_id = await uploaded(settings, OWNER)
    assert lives_ms(bench, upload_id) <= TTL_S * 1000
    bench.store.create(new_job(rows=2, documents=job_of(upload_id)))
    assert lives_ms(bench, upload_id) > bench.redis.pttl("job:{job}")
    assert bench.redis.pttl("owner:{alice}:uploads") >= bench.redis.pttl("job:{job}")
    check_invariants(bench)


async def test_somebody_elses_upload_is_not_kept_by_naming_it(settings: Settings, bench: Bench) -> None:
    upload_id = await uploaded(settings, "bob")
    bench.store.create(new_job(rows=2, documents=job_of(upload_id)))
    assert lives_ms(bench, upload_id) <= TTL_S * 1000
    assert not bench.redis.exists("job:{job}:uploads")


@pytest.mark.parametrize("ends", [False, True])
async def test_a_job_that_lives_on_keeps_them_alive(settings: Settings, bench: Bench, ends: bool) -> None:
    """As days later: what was granted is nearly used up."""
    upload_id = await uploaded(settings, OWNER)
    address, _ = bench.start(rows=2, documents=job_of(upload_id))
    claim = bench.claim(address)
    bench.redis.pexpire(f"upload:{{{upload_id}}}", 5_000)
    bench.redis.hset("job:{job}", "uploads_until", 1)
    if ends:
        bench.store.finish(claim, success(claim))
        bench.store.cancel("job", OWNER)
    else:
        bench.store.begin(claim, "extract")
    assert lives_ms(bench, upload_id) > bench.redis.pttl("job:{job}")


async def test_uploads_are_renewed_rarely(settings: Settings, bench: Bench) -> None:
    upload_id = await uploaded(settings, OWNER)
    address, _ = bench.start(rows=2, documents=job_of(upload_id))
    granted = bench.facts()["uploads_until"]
    claim = bench.claim(address)
    bench.store.finish(claim, success(claim))
    assert bench.facts()["uploads_until"] == granted


async def test_a_worker_is_told_whose_job_it_works_on(bench: Bench) -> None:
    assert bench.claim(bench.start(rows=1)[0]).owner == OWNER


@pytest.mark.parametrize("owns", [False, True])
async def test_a_file_that_came_with_its_job_is_gone_when_it_is_tagged(
    settings: Settings, bench: Bench, owns: bool
) -> None:
    upload_id = await uploaded(settings, OWNER)
    (address,) = bench.start(rows=1, documents=job_of(upload_id)[:1], owns_uploads=owns)
    claim = bench.claim(address)
    bench.store.finish(claim, success(claim))
    assert bool(bench.redis.exists(f"upload:{{{upload_id}}}")) is not owns
    check_invariants(bench)


async def test_a_file_that_came_with_its_job_outlives_a_failure_and_goes_with_the_job(
    settings: Settings, bench: Bench
) -> None:
    upload_id = await uploaded(settings, OWNER)
    (address,) = bench.start(rows=1, documents=job_of(upload_id)[:1], owns_uploads=True)
    claim = bench.claim(address)
    bench.store.finish(claim, failure(claim))
    assert lives_ms(bench, upload_id) > bench.redis.pttl("job:{job}")
    bench.store.delete("job", OWNER)
    assert not bench.redis.exists(f"upload:{{{upload_id}}}")
