"""A host that asks to slow down is left alone by all processes until the time that it named, and it alone, and for the
caller alone whose document it was.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest
import redis

from actors.courtesy import UNSAID_MS, Courtesy
from actors.errors import HostBusy, RateLimited
from actors.fetch import Fetcher
from actors.settings import Settings
from actors.store import connect
from bench.documents import text_pdf
from protocol.requests import Document
from protocol.words import DocumentStatus, ErrorType, SourceType
from stack import free_port
from tests.hosts import LOOPBACK, OPEN, document, host, leads, says
from tests.jobs import OWNER, Bench, Event, check_invariants, new_job
from tests.processes import ended, finished, process, until

SLOW_DOWN = says(b"", "429 Too Many Requests", Retry_After="30")


@pytest.fixture
def client(settings: Settings) -> Iterator["redis.Redis"]:
    one = connect(settings.redis_url, max_connections=4)
    yield one
    one.connection_pool.disconnect()


@asynccontextmanager
async def processes(client: "redis.Redis", count: int = 2) -> AsyncIterator[list[Fetcher]]:
    """Fetchers that know of each other only what is in Redis."""
    fetchers = [Fetcher(OPEN, client) for _ in range(count)]
    yield fetchers
    for each in fetchers:
        await each.close()


async def test_after_one_429_no_process_asks_that_host(client: "redis.Redis") -> None:
    async with host(SLOW_DOWN) as there, processes(client) as (one, other):
        with pytest.raises(RateLimited) as told:
            await one.fetch(document(there.url("/a")))
        assert not isinstance(told.value, HostBusy)
        for each in (one, other):
            with pytest.raises(HostBusy, match=r"^The host 127\.0\.0\.1 has asked to slow down\.$") as busy:
                await each.fetch(document(there.url("/b")))
            assert 0 < busy.value.retry_after_ms <= 30_000
        assert len(there.heads) == 1


async def test_it_is_asked_meanwhile_for_others_and_at_other_ports(client: "redis.Redis") -> None:
    async with host(SLOW_DOWN) as slow, host(says()) as beside, processes(client, 1) as (fetching,):
        for owner in ("mallory", "bob"):
            with pytest.raises(RateLimited) as told:
                await fetching.fetch(document(slow.url()), owner)
            assert not isinstance(told.value, HostBusy)
        (await fetching.fetch(document(beside.url()), "mallory")).close()


async def test_other_hosts_are_asked_meanwhile(client: "redis.Redis") -> None:
    async with host(SLOW_DOWN) as slow, host(says()) as quick, processes(client, 1) as (fetching,):
        with pytest.raises(RateLimited):
            await fetching.fetch(document(slow.url()))
        (await fetching.fetch(document(quick.url(name="localhost")))).close()


async def test_a_redirect_to_a_busy_host_ends_before_that_host(client: "redis.Redis") -> None:
    async with host(SLOW_DOWN) as slow, host(leads(lambda _: slow.url())) as first:
        async with processes(client, 1) as (fetching,):
            for kind in (RateLimited, HostBusy):
                with pytest.raises(kind):
                    await fetching.fetch(document(first.url(name="localhost")))
        assert (len(first.heads), len(slow.heads)) == (2, 1)


async def test_when_its_time_has_come_it_is_asked_again(client: "redis.Redis") -> None:
    courtesy = Courtesy(client)
    await courtesy.heed(OWNER, "files.test", 443, 60_000)
    with pytest.raises(HostBusy):
        await courtesy.check(OWNER, "files.test", 443)
    await courtesy.heed(OWNER, "files.test", 443, 1)
    while client.exists(busy("files.test", 443)):
        pass
    await courtesy.check(OWNER, "files.test", 443)


async def test_a_host_that_names_no_time_is_left_alone_for_a_moment(client: "redis.Redis") -> None:
    await Courtesy(client).heed(OWNER, "files.test", 443, None)
    assert 0 < client.pttl(busy("files.test", 443)) <= UNSAID_MS


async def test_without_redis_hosts_are_asked_all_the_same() -> None:
    with closing(redis.Redis(port=free_port(), socket_connect_timeout=1)) as away:
        async with host(SLOW_DOWN) as there, processes(away, 1) as (fetching,):
            for _ in range(2):
                with pytest.raises(RateLimited):
                    await fetching.fetch(document(there.url()))
            assert len(there.heads) == 2


async def test_rows_wait_visibly_for_a_busy_host_without_using_an_attempt(
    settings: Settings, client: "redis.Redis", bench: Bench
) -> None:
    async with host(says(text_pdf(1, pages=1))) as there:
        await Courtesy(client).heed(OWNER, "127.0.0.1", there.port, 600_000)
        paths = [there.url(f"/{row}", name) for row, name in enumerate(["127.0.0.1", "127.0.0.1", "localhost"])]
        documents = [Document(title=path, file_path=path, file_source_type=SourceType.URL) for path in paths]
        bench.store.create(new_job(rows=3, documents=documents))
        with process(replace(settings, private_sources=LOOPBACK, worker_threads=4, extract_processes=1), "actors"):
            await until(bench, lambda events: sum(map(waits, events)) == 2 and finished(1)(events))
            client.delete(busy("127.0.0.1", there.port))
            bench.make_due()
            events = await until(bench, ended)
        assert len(there.heads) == 3
    told = {row: [event.told for event in events if event.row == str(row)] for row in range(3)}
    for row in (0, 1):
        assert [each.status for each in told[row]] == ["processing", "pending", "processing", "success"]
        assert (told[row][1].error_type, told[row][1].retry_count) == (ErrorType.RATE_LIMIT, None)
        assert told[row][1].retry_after_ms
        assert told[row][-1].retry_count == 1
    assert [each.status for each in told[2]] == [DocumentStatus.PROCESSING, DocumentStatus.SUCCESS]
    check_invariants(bench)


def busy(name: str, port: int) -> str:
    """Where it is known that a host is to be left alone."""
    return f"owner:{{{OWNER}}}:busy:{name}:{port}"


def waits(event: Event) -> bool:
    """Whether an event tells that a row waits."""
    return event.type == "progress" and event.told.status is DocumentStatus.PENDING
