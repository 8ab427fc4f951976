"""A model that gives a row up, and the next one that steps in: real workers, and a provider that fails by model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.errors import BudgetSpent, DocumentError, DocumentRefused, NetworkFailed, ProviderAway, RateLimited
from actors.records import NewRun
from actors.retry import AttemptFailed, RowRetries
from actors.settings import Settings
from bench.provider import Behaviour, Provider
from protocol.requests import LOCAL_MODEL, TaggingConfig
from protocol.words import DocumentStatus, ErrorType
from tests.jobs import OWNER, Bench, check_invariants
from tests.processes import ended, kill, until
from tests.service import MODEL, Service, quick, serving

FIRST = MODEL["model_name"]


@pytest.fixture
def service(settings: Settings, provider: Provider, tmp_path: Path) -> Iterator[Service]:
    few_tries = {"max_attempts": 2, "rate_limit_wait_s": 0, "backoff_max_ms": 40}
    with serving(quick(settings, tmp_path, provider, worker_threads=2, **few_tries), documents=1) as service:
        yield service


def start(service: Service, *fallback_models: str) -> None:
    service.start(rows=1, **MODEL, config=TaggingConfig(fallback_models=list(fallback_models)))


async def test_the_next_model_steps_in_at_once_and_is_tried_as_often(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(models={FIRST: "503", "second": "503"})
    start(service, "second", "third")
    with service.worker():
        events = await until(service.bench, ended)
    told = [event.told for event in events if event.type == "progress"]
    assert [(row.status.value, row.model_name, row.retry_count) for row in told] == [
        *[("processing", FIRST, 1), ("pending", FIRST, 1), ("processing", FIRST, 2), ("pending", FIRST, 2)],
        *[("processing", "second", 3), ("pending", "second", 3), ("processing", "second", 4), ("pending", "second", 4)],
        *[("processing", "third", 5), ("success", "third", 5)],
    ]
    assert [row.retry_after_ms == 0 for row in told if row.status is DocumentStatus.PENDING] == [False, True] * 2
    assert told[3].error_type is ErrorType.MODEL_ERROR
    assert (told[3].error or "").endswith("(status 503) (after 2 attempts).")
    assert [call.model for call in provider.seen] == [FIRST] * 2 + ["second"] * 2 + ["third"]
    check_invariants(service.bench)


@pytest.mark.parametrize(
    ("outcome", "word"),
    [("402", "model-error"), ("429", "rate-limit"), ("drop", "network"), ("nonsense", "model-error")],
)
async def test_whatever_a_model_ends_with_the_next_one_may_do_better(
    service: Service, provider: Provider, outcome: str, word: str
) -> None:
    provider.behaviour = Behaviour(models={FIRST: outcome})
    start(service, "second")
    with service.worker():
        events = await until(service.bench, ended)
    last = [event.told for event in events if event.row and event.told.retry_after_ms == 0][-1]
    assert (last.error_type, last.model_name) == (word, FIRST)
    assert service.results()[0].model_name == "second"
    check_invariants(service.bench)


async def test_the_local_tagger_steps_in_only_where_it_is_named_and_says_so(
    service: Service, provider: Provider
) -> None:
    provider.behaviour = Behaviour(models={FIRST: "402", "second": "402"})
    start(service, "second", LOCAL_MODEL)
    with service.worker():
        await until(service.bench, ended)
        row = service.results()[0]
        assert (row.status, row.model_name, row.metadata["degraded"]) == ("success", LOCAL_MODEL, True)
        assert row.tags
        check_invariants(service.bench)
        service.bench.store.delete("job", OWNER)
        start(service, "second")
        events = await until(service.bench, ended)
    assert (events[-1].processed, events[-1].failed) == (0, 1)
    assert events[-2].told.model_name == "second"


async def test_a_refused_key_still_ends_the_job(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(keys=["another"])
    start(service, "second", LOCAL_MODEL)
    with service.worker():
        events = await until(service.bench, ended)
    assert (events[-1].type, provider.stats.calls) == ("error", 1)


async def test_a_row_whose_worker_dies_stays_with_the_model_it_has_come_to(
    service: Service, provider: Provider
) -> None:
    provider.behaviour = Behaviour(models={FIRST: "402", "second": "hang"})
    start(service, "second")
    with service.worker() as doomed:
        await provider.until(lambda stats: stats.calls == 2 and stats.in_flight == 1, timeout_s=60)
        kill(doomed)
    provider.behaviour = Behaviour()
    with service.worker():
        events = await until(service.bench, ended)
    assert [call.model for call in provider.seen] == [FIRST, "second", "second"]
    died = next(event.told for event in events if event.row and event.told.error_type == "internal")
    assert (died.model_name, service.results()[0].model_name, service.results()[0].retry_count) == ("second",) * 2 + (
        3,
    )
    check_invariants(service.bench)


async def test_another_run_begins_with_the_first_model_again(service: Service, provider: Provider) -> None:
    provider.behaviour = Behaviour(models={FIRST: "402", "second": "402"})
    start(service, "second")
    with service.worker():
        await until(service.bench, ended)
        provider.behaviour = Behaviour()
        again = NewRun(model_name=FIRST, api_key_from="server")
        assert service.bench.store.retry("job", OWNER, again) == 1
        await until(service.bench, lambda events: ended(events) and events[-1].processed == 1)
    assert provider.seen[-1].model == FIRST
    check_invariants(service.bench)


def row_of(bench: Bench, retries: RowRetries, error: DocumentError) -> dict[str, object]:
    """The state of a row whose only attempt so far ended with this."""
    [address] = bench.start(rows=1, config=TaggingConfig(fallback_models=["second"]), model_name=FIRST)
    spent = replace(bench.claim(address), faults=4, waited_ms=3_600_000)
    retries.after_process_message(None, None, exception=AttemptFailed(spent, error))
    return bench.state(0)


def test_a_budget_that_stays_spent_is_no_attempt(bench: Bench, retries: RowRetries) -> None:
    state = row_of(bench, retries, BudgetSpent(retry_after_ms=1))
    assert (state["m"], state["a"], state["n"], state["w"]) == ("second", 0, 0, 0)
    assert bench.events()[-1].told.retry_count is None
    check_invariants(bench)


def test_failures_and_waits_are_counted_anew(bench: Bench, retries: RowRetries) -> None:
    state = row_of(bench, retries, ProviderAway("broke off"))
    assert (state["m"], state["a"], state["n"], state["w"]) == ("second", 1, 0, 0)


@pytest.mark.parametrize("error", [NetworkFailed("host"), RateLimited("host", retry_after_ms=9), DocumentRefused("no")])
def test_what_a_documents_host_does_is_no_models_fault(bench: Bench, retries: RowRetries, error: DocumentError) -> None:
    assert row_of(bench, retries, error) == {}
    assert bench.events()[-2].told.status is DocumentStatus.FAILED


@pytest.mark.parametrize(
    ("first", "fallback", "chain"),
    [("a", [], ["a"]), ("a", ["b", "c"], ["a", "b", "c"]), ("b", ["a", "b", "c", "a"], ["b", "a", "c"])],
)
def test_each_model_comes_once(bench: Bench, first: str, fallback: list[str], chain: list[str]) -> None:
    [address] = bench.start(rows=1, config=TaggingConfig(fallback_models=fallback), model_name=first)
    claim, seen = bench.claim(address), [first]
    while model := claim.next_model:
        seen.append(model)
        claim = replace(claim, model_name=model)
    assert seen == chain


async def test_a_model_whose_answers_hold_no_term_is_asked_twice_and_the_next_one_as_well(
    service: Service, provider: Provider
) -> None:
    provider.behaviour = Behaviour(answer='{"tags": ["weather"]}')
    config = TaggingConfig(fallback_models=["second"], vocabulary=["geology"])
    service.start(rows=1, **MODEL, config=config)
    with service.worker():
        events = await until(service.bench, ended)
    told = [event.told for event in events if event.type == "progress"]
    assert [(row.status.value, row.model_name) for row in told] == [
        *[("processing", FIRST), ("pending", FIRST), ("processing", "second"), ("failed", "second")]
    ]
    assert told[-1].error_type is ErrorType.MODEL_ERROR
    assert [call.model for call in provider.seen] == [FIRST] * 2 + ["second"] * 2
    check_invariants(service.bench)
