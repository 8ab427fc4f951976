"""Which of our failures each failure of a provider is, told by a real HTTP server that fails so."""

from typing import Any

import pytest

from actors.errors import DocumentError, KeyRefused, ModelFailed, ModelRefused, ProviderAway, ProviderLimited
from actors.tag import ModelTagger
from bench.provider import Behaviour, Provider
from protocol.words import ErrorType
from tests.questions import KEY, TEXT, failure, question

CAP_MS = 1_800_000


@pytest.mark.parametrize(
    ("outcome", "kind", "status"),
    [
        ("401", KeyRefused, "401"),
        ("403", KeyRefused, "403"),
        ("400", ModelRefused, "400"),
        ("402", ModelRefused, "402"),
        ("404", ModelRefused, "404"),
        ("413", ModelRefused, "413"),
        ("422", ModelRefused, "422"),
        ("307", ModelRefused, "307"),
        ("408", ModelFailed, "408"),
        ("409", ModelFailed, "409"),
        ("429", ProviderLimited, "429"),
        ("500", ModelFailed, "500"),
        ("502", ModelFailed, "502"),
        ("503", ModelFailed, "503"),
        ("529", ModelFailed, "529"),
        ("drop", ProviderAway, "broke off"),
        ("break", ProviderAway, "broke off"),
        ("truncated", ModelFailed, "nonsense"),
        ("nonsense", ModelFailed, "nonsense"),
    ],
)
async def test_each_failure_is_one_of_ours(
    provider: Provider, tagger: ModelTagger, outcome: str, kind: type[DocumentError], status: str
) -> None:
    provider.behaviour = Behaviour(schedule=[outcome, outcome])
    error = await failure(tagger)
    assert type(error) is kind
    assert status in str(error)
    assert error.retry_after_ms is None


def test_what_no_try_will_change_is_a_model_error_and_final() -> None:
    assert (ModelRefused.error_type, ModelRefused.retry) == (ErrorType.MODEL_ERROR, False)


@pytest.mark.parametrize("outcome", ["429", "503"])
@pytest.mark.parametrize(
    ("form", "wait_s", "told_ms"),
    [
        ("seconds", 2.5, range(2_500, 2_501)),
        ("ms", 0.25, range(250, 251)),
        ("date", 600, range(500_000, 600_001)),
        ("date", -600, range(1)),
        ("seconds", 3 * 86_400, range(CAP_MS, CAP_MS + 1)),
        ("ms", 3 * 86_400, range(CAP_MS, CAP_MS + 1)),
        ("date", 3 * 86_400, range(CAP_MS, CAP_MS + 1)),
    ],
)
async def test_a_wait_that_is_asked_for_is_told_in_ms_and_capped(  # noqa: PLR0917 - parameters of the table
    provider: Provider, tagger: ModelTagger, outcome: str, form: Any, wait_s: float, told_ms: range
) -> None:
    provider.behaviour = Behaviour(schedule=[outcome], retry_after_s=wait_s, retry_after_form=form)
    assert (await failure(tagger)).retry_after_ms in told_ms


@pytest.mark.parametrize(
    ("outcome", "told", "kind", "words"),
    [
        ("400", {"code": "context_length_exceeded"}, ModelRefused, "too long"),
        ("400", {"message": "This model's maximum context length is 8192 tokens"}, ModelRefused, "too long"),
        ("404", {"code": "model_not_found"}, ModelRefused, "does not know the model"),
        ("403", {"metadata": {"flagged_input": TEXT, "reasons": ["violence"]}}, ModelRefused, "declined"),
        ("400", {"code": "content_filter"}, ModelRefused, "declined"),
        ("401", {"message": f"Incorrect key {KEY} for context length"}, KeyRefused, "refused the key"),
        ("429", {"message": f"{KEY} {TEXT}"}, ProviderLimited, "slow down"),
    ],
)
async def test_a_providers_reason_is_told_in_our_words(  # noqa: PLR0917 - parameters of the table
    provider: Provider, tagger: ModelTagger, outcome: str, told: dict[str, Any], kind: type[DocumentError], words: str
) -> None:
    provider.behaviour = Behaviour(schedule=[outcome, outcome], error=told)
    error = await failure(tagger)
    assert (type(error), words in str(error)) == (kind, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", ModelFailed),
        ("<html>Bad gateway</html>", ModelFailed),
        ("[]", ModelFailed),
        ("[" * 100_000, ModelFailed),
        ("{}", ModelFailed),
        ('{"choices": []}', ModelFailed),
        ('{"choices": [7]}', ModelFailed),
        ('{"choices": [{}]}', ModelFailed),
        ('{"choices": [{"message": null}]}', ModelFailed),
        ('{"choices": [{"message": ["x"]}], "usage": 3}', ModelFailed),
        ('{"choices": [{"message": {"content": null}}]}', ModelFailed),
        ('{"choices": [{"message": {"tool_calls": [7]}}]}', ModelFailed),
        ('{"choices": [{"message": {"tool_calls": [{"function": {"arguments": {"tags": ["a"]}}}]}}]}', ModelFailed),
        ('{"choices": [{"message": {"content": "", "reasoning": "the tags are safety, law, order"}}]}', ModelFailed),
        ('{"choices": [{"message": {"content": "", "refusal": "I must not."}}]}', ModelRefused),
        ('{"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]}', ModelRefused),
        ('{"error": {"code": 429, "message": "slow"}}', ProviderLimited),
        ('{"error": {"code": 502, "message": "down"}}', ModelFailed),
        ('{"error": {"code": 402}}', ModelRefused),
        ('{"error": {"code": "odd"}}', ModelFailed),
        ('{"error": "odd"}', ModelFailed),
        ('{"error": {"code": 123456789, "message": {"a": []}}}', ModelFailed),
        ('{"error": [[[]]]}', ModelFailed),
        ('{"choices": [{"error": {"code": 429}, "message": {"content": ""}}]}', ProviderLimited),
    ],
)
async def test_a_200_that_is_no_answer_is_a_failure(
    provider: Provider, tagger: ModelTagger, body: str, kind: type[DocumentError]
) -> None:
    provider.behaviour = Behaviour(body=body)
    assert type(await failure(tagger)) is kind


@pytest.mark.parametrize(("outcome", "wait_ms"), [("429", 30_000), ("503", None), ("401", None)])
async def test_a_429_obeys_the_reset_that_a_provider_passes_on(
    provider: Provider, tagger: ModelTagger, outcome: str, wait_ms: int | None
) -> None:
    passed_on = {"headers": {"X-RateLimit-Reset": "30", "X-RateLimit-Limit": 7}}
    provider.behaviour = Behaviour(schedule=[outcome], error={"metadata": passed_on})
    assert (await failure(tagger)).retry_after_ms == wait_ms


async def test_a_model_without_structured_output_is_asked_in_words_from_then_on(
    provider: Provider, tagger: ModelTagger
) -> None:
    provider.behaviour = Behaviour(refuse_response_format=True)
    first, second = [await tagger.tag(question(), KEY) for _ in range(2)]
    assert first.tags == second.tags
    assert (first.metadata["structured"], second.metadata["structured"]) == (False, False)
    assert provider.stats.outcomes == {"no-response-format": 1, "ok": 2}
    await tagger.tag(question(model_name="another/model"), KEY)
    assert provider.stats.outcomes["no-response-format"] == 2, "each model is tried"


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("400", {}),
        ("400", {"message": "bad request"}),
        ("404", {"message": "No endpoints found that can handle the requested parameters."}),
        ("422", {"param": "response_format"}),
    ],
)
async def test_a_refusal_that_may_mean_the_format_is_tried_in_words(
    provider: Provider, tagger: ModelTagger, outcome: str, told: dict[str, Any]
) -> None:
    provider.behaviour = Behaviour(schedule=[outcome], error=told)
    assert (await tagger.tag(question(), KEY)).metadata["structured"] is False
    assert provider.seen[-1].response_format is None


async def test_a_refusal_for_another_reason_costs_one_call(provider: Provider, tagger: ModelTagger) -> None:
    provider.behaviour = Behaviour(schedule=["400"], error={"code": "context_length_exceeded"})
    await failure(tagger)
    assert provider.stats.calls == 1
    await tagger.tag(question(), KEY)
    provider.behaviour = Behaviour(schedule=["400"])
    await failure(tagger)
    assert provider.stats.calls == 3, "a model that has the format refuses something else"


async def test_a_refusal_in_both_forms_is_not_held_against_the_format(provider: Provider, tagger: ModelTagger) -> None:
    provider.behaviour = Behaviour(schedule=["400", "400"])
    await failure(tagger)
    assert (await tagger.tag(question(), KEY)).metadata["structured"] is True
