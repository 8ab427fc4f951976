"""What a job costs in tokens, and the budget that pauses it."""

import json
from contextlib import closing

import pytest

from actors.broker import make_broker
from actors.dispatch import Dispatcher
from actors.errors import DocumentError, ModelFailed, ModelRefused
from actors.records import NewRun
from actors.retry import AttemptFailed, RowRetries
from actors.settings import Settings
from actors.tag import ModelTagger
from bench.provider import Behaviour, Provider
from protocol.requests import TaggingConfig
from tests.jobs import OWNER, Bench, check_invariants, success, waiting
from tests.jobs import failure as failure_of
from tests.questions import KEY, failure, question
from tests.served import play


def test_tokens_are_counted_and_a_budget_that_is_used_up_pauses_the_job(bench: Bench) -> None:
    addresses = bench.start(rows=3, config=TaggingConfig(max_tokens_total=100))
    first, second = bench.claim(addresses[0]), bench.claim(addresses[1])
    bench.store.finish(first, success(first), tokens=(60, 5))
    assert bench.facts()["status"] == "processing"
    bench.store.finish(second, success(second), tokens=(30, 5))
    facts = bench.facts()
    assert (facts["status"], facts["tokens_in"], facts["tokens_out"]) == ("paused", "90", "10")
    assert facts["message"] == "The budget of 100 tokens is used up: 100 in all"
    bench.store.resume("job", OWNER)
    assert bench.facts()["tokens_max"] == "200"
    play(bench, "job")
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)


def test_the_row_that_uses_the_budget_up_and_is_the_last_completes_the_job(bench: Bench) -> None:
    [address] = bench.start(rows=1, config=TaggingConfig(max_tokens_total=1))
    claim = bench.claim(address)
    bench.store.finish(claim, success(claim), tokens=(5, 5))
    assert bench.facts()["status"] == "completed"


def test_a_job_whose_budget_was_used_up_at_its_end_can_be_run_again(bench: Bench) -> None:
    [first, second] = bench.start(rows=2, config=TaggingConfig(max_tokens_total=100))
    for address, cost in ((first, 10), (second, 110)):
        claim = bench.claim(address)
        bench.store.finish(claim, failure_of(claim), tokens=(cost, 0))
    bench.store.retry("job", OWNER, NewRun(model_name="local/keywords", api_key_from="none"))
    assert bench.facts()["tokens_max"] == "220"
    claim = bench.claim(bench.store.refill("job")[0], "again")
    bench.store.finish(claim, success(claim), tokens=(10, 0))
    assert bench.facts()["status"] == "processing"


def test_a_row_that_must_be_asked_again_uses_the_budget_up_too(bench: Bench) -> None:
    [address] = bench.start(rows=1, config=TaggingConfig(max_tokens_total=100))
    claim = bench.claim(address)
    bench.store.retrying(claim, waiting(claim), delay_ms=1, counts=True, tokens=(90, 10))
    assert (bench.facts()["status"], bench.facts()["tokens_in"]) == ("paused", "90")
    bench.store.resume("job", OWNER)
    bench.make_due()
    bench.tick()
    play(bench, "job")
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)


@pytest.mark.parametrize("kind", [ModelFailed, ModelRefused])
def test_an_attempt_that_failed_is_counted_by_what_it_cost(
    bench: Bench, settings: Settings, kind: type[DocumentError]
) -> None:
    claim = bench.claim(bench.start(rows=2)[0])
    with closing(make_broker(settings)) as broker:
        retries = RowRetries(bench.store, Dispatcher(bench.store, broker), settings)
        retries.after_process_message(None, None, exception=AttemptFailed(claim, kind("no", tokens=(7, 3))))
    assert (bench.facts()["tokens_in"], bench.facts()["tokens_out"]) == ("7", "3")


async def test_nonsense_costs_what_the_provider_counts(provider: Provider, tagger: ModelTagger) -> None:
    choices = [{"message": {"content": "!"}}, {"message": {"content": ""}, "finish_reason": "content_filter"}]
    for choice in choices:
        body = {"choices": [choice], "usage": {"prompt_tokens": 70, "completion_tokens": 5}}
        provider.behaviour = Behaviour(body=json.dumps(body))
        assert (await failure(tagger)).tokens == (70, 5)


@pytest.mark.parametrize("count", [True, 10**12, 1.5])
async def test_what_is_no_count_of_tokens_is_not_counted(
    provider: Provider, tagger: ModelTagger, count: object
) -> None:
    body = {"choices": [{"message": {"content": '["safety"]'}}], "usage": {"prompt_tokens": count}}
    provider.behaviour = Behaviour(body=json.dumps(body))
    assert (await tagger.tag(question(), KEY)).metadata == {"structured": True}
