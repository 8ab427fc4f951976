"""Rows that wait for their turn within a provider's budget: real workers, a real Redis, a provider over HTTP."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.broker import make_broker
from actors.dispatch import Dispatcher
from actors.settings import Settings
from bench.documents import text_pdf
from bench.provider import Behaviour, Provider
from protocol.words import DocumentStatus, ErrorType
from tests.jobs import Bench, Event, check_invariants, new_job
from tests.processes import ended, process, until

ROWS = 4


@pytest.fixture
def workers(settings: Settings, tmp_path: Path, provider: Provider) -> Settings:
    """The settings of workers that ask this provider."""
    for row in range(ROWS):
        (tmp_path / f"{row}.pdf").write_bytes(text_pdf(row, pages=1))
    return replace(
        settings,
        local_root=tmp_path,
        provider_base_url=provider.base_url,
        provider_api_key="the-servers-own-key",
        worker_threads=4,
        extract_processes=1,
    )


@pytest.fixture
def started(workers: Settings, bench: Bench) -> Iterator[Dispatcher]:
    with closing(make_broker(workers)) as broker:
        yield Dispatcher(bench.store, broker)


def start(bench: Bench, started: Dispatcher) -> None:
    bench.store.create(new_job("job", ROWS, model_name="mock/model", api_key_from="server"))
    started.refill("job")


def waits(events: list[Event]) -> list[Event]:
    return [event for event in events if event.row and event.told.status is DocumentStatus.PENDING]


async def test_rows_wait_visibly_for_their_turn_and_it_costs_them_no_attempt(
    bench: Bench, workers: Settings, started: Dispatcher, provider: Provider
) -> None:
    start(bench, started)
    with process(replace(workers, rpm=40), "actors"):
        events = await until(bench, ended)
    assert (events[-1].processed, provider.stats.calls) == (ROWS, ROWS)
    told = [event.told for event in waits(events)]
    assert {(row.error_type, row.retry_count) for row in told} == {(ErrorType.RATE_LIMIT, None)}
    assert all(row.retry_after_ms for row in told)
    assert {event.told.retry_count for event in events if event.row and event.told.status.final} == {1}
    check_invariants(bench)


async def test_every_row_gets_through_a_provider_that_refuses_more_than_it_serves(
    bench: Bench, workers: Settings, started: Dispatcher, provider: Provider
) -> None:
    provider.behaviour = Behaviour(each_document=["429"], retry_after_s=1)
    start(bench, started)
    with process(workers, "actors"), process(workers, "actors"):
        events = await until(bench, ended)
    assert events[-1].processed == ROWS
    assert provider.stats.outcomes == {"429": ROWS, "ok": ROWS}
    check_invariants(bench)
