"""The model tagger against a real HTTP server that misbehaves, and the local one on real sentences."""

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.errors import DocumentRefused, KeyRefused, ModelFailed, ProviderAway
from actors.settings import Settings
from actors.tag import ModelTagger, Question, tag_locally
from bench.provider import Behaviour, Provider
from protocol.words import ErrorCode
from stack import free_port
from tests.conftest import SECRET_KEY
from tests.questions import KEY, TEXT, failure, question


async def test_a_model_tags_a_document(provider: Provider, tagger: ModelTagger) -> None:
    tagging = await tagger.tag(question(title="Handbook"), KEY)
    assert tagging.tags == ["handbook", "employee", "training", "keeps", "workplace"]
    assert tagging.metadata["structured"] is True
    assert tagging.metadata["prompt_tokens"] > tagging.metadata["completion_tokens"] > 0
    call = provider.seen[-1]
    assert (call.model, call.authorization) == ("test/model", f"Bearer {KEY}")
    assert call.response_format is not None
    assert call.response_format["json_schema"]["strict"] is True


async def test_tags_obey_exclusions_and_the_count(provider: Provider, tagger: ModelTagger) -> None:
    provider.behaviour.answer = '{"tags": ["Safety", "safety manual", "Employee Training", "compliance", "law"]}'
    asked = question(num_tags=3, exclusion_words=["manual", "safety"])
    assert (await tagger.tag(asked, KEY)).tags == ["employee-training", "compliance", "law"]
    asked = question(vocabulary=["Compliance", "Employee Training"])
    assert (await tagger.tag(asked, KEY)).tags == ["employee-training", "compliance"]


async def test_of_a_long_vocabulary_the_terms_that_stand_in_the_text_are_shown(
    provider: Provider, tagger: ModelTagger
) -> None:
    vocabulary = [f"nothing like number {n}" for n in range(9_000)] + ["Safety Manuals", "compliance procedure"]
    provider.behaviour.answer = '{"tags": ["safety manual", "compliance-procedures", "nothing like number 8999"]}'
    tagging = await tagger.tag(question(vocabulary=vocabulary), KEY)
    assert tagging.tags == ["safety-manuals", "compliance-procedure", "nothing-like-number-8999"]
    instructions = provider.seen[-1].messages[0].content
    assert '["safety-manuals","compliance-procedure","nothing like number 0",' in instructions
    assert "number 8999" not in instructions


async def test_words_in_parts_and_no_count_of_tokens_are_fine(provider: Provider, tagger: ModelTagger) -> None:
    parts = [{"type": "text", "text": '{"tags": ["safe'}, {"type": "text", "text": 'ty", "law"]}'}, {"type": "x"}]
    provider.behaviour = Behaviour(body=json.dumps({"choices": [{"message": {"content": parts}}], "usage": None}))
    tagging = await tagger.tag(question(), KEY)
    assert (tagging.tags, tagging.metadata) == (["safety", "law"], {"structured": True})


@pytest.mark.parametrize("content", [None, "", []])
async def test_words_that_are_given_to_a_tool_are_read(provider: Provider, tagger: ModelTagger, content: Any) -> None:
    calls = [{"type": "function", "function": {"name": "json", "arguments": '{"tags": ["safety", "law"]}'}}]
    provider.behaviour = Behaviour(
        body=json.dumps({"choices": [{"message": {"content": content, "tool_calls": calls}}]})
    )
    assert (await tagger.tag(question(), KEY)).tags == ["safety", "law"]


async def test_a_count_of_tokens_that_is_none_is_left_out(provider: Provider, tagger: ModelTagger) -> None:
    usage = {"prompt_tokens": 10**30, "completion_tokens": "many"}
    choice = {"message": {"content": '["safety"]'}}
    provider.behaviour = Behaviour(body=json.dumps({"choices": [choice], "usage": usage}))
    assert (await tagger.tag(question(), KEY)).metadata == {"structured": True}


async def test_a_model_that_echoes_the_key_leaks_nothing(provider: Provider, tagger: ModelTagger) -> None:
    provider.behaviour.answer = json.dumps({"tags": [KEY, f"key {KEY}", KEY[9:30], "safety"]})
    assert (await tagger.tag(question(), KEY)).tags == ["safety"]


async def test_no_log_holds_the_key_or_the_text(
    provider: Provider, tagger: ModelTagger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider.behaviour = Behaviour(schedule=["ok", "429", "drop", "nonsense"], keys=[KEY])
    await tagger.tag(question(), KEY)
    for _ in range(3):
        await failure(tagger)
    provider.behaviour.keys = ["another"]
    assert isinstance(await failure(tagger), KeyRefused)
    assert caplog.records
    assert not any(secret in caplog.text for secret in (KEY, "Employee", SECRET_KEY))
    assert KEY not in repr(tagger) + repr(vars(tagger))


@pytest.mark.parametrize("key", ["sk-\nX-Evil: 1", "sk with spaces", "schlüssel-123456", "sk-\x00"])
async def test_a_key_that_is_none_is_refused_before_it_is_sent(
    provider: Provider, tagger: ModelTagger, key: str
) -> None:
    with pytest.raises(KeyRefused) as caught:
        await tagger.tag(question(), key)
    assert key not in str(caught.value)
    assert provider.stats.calls == 0


async def test_each_call_brings_its_own_key(provider: Provider, tagger: ModelTagger) -> None:
    keys = [f"key-of-caller-{n}" for n in range(8)]
    await asyncio.gather(*(tagger.tag(question(), key) for key in keys))
    assert {call.authorization for call in provider.seen} == {f"Bearer {key}" for key in keys}
    await tagger.tag(question(), "")
    assert provider.seen[-1].authorization == ""


async def test_credentials_of_the_address_stand_in_for_a_key_and_are_never_shown(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = provider.base_url.replace("//", "//user:pass%21@")
    tagger = ModelTagger(Settings(secret_key=SECRET_KEY, provider_base_url=address))
    await tagger.tag(question(), "")
    assert provider.seen[-1].authorization == "Basic dXNlcjpwYXNzIQ=="
    await tagger.tag(question(), KEY)
    assert provider.seen[-1].authorization == f"Bearer {KEY}"
    await tagger.close()
    assert "pass" not in caplog.text


async def test_the_environment_of_the_sdk_changes_nothing(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    tagger = ModelTagger(Settings(secret_key=SECRET_KEY, provider_base_url=provider.base_url))
    await tagger.tag(question(), "")
    assert provider.seen[-1].authorization == ""
    await tagger.close()


async def test_cancelling_closes_the_connection(provider: Provider, tagger: ModelTagger) -> None:
    provider.behaviour = Behaviour(schedule=["hang"])
    task = asyncio.create_task(tagger.tag(question(), KEY))
    await provider.until(lambda stats: stats.in_flight == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await provider.until(lambda stats: stats.abandoned == 1 and stats.open_connections == 0)
    assert (await tagger.tag(question(), KEY)).tags


async def test_a_model_that_never_answers_has_failed(provider: Provider) -> None:
    settings = Settings(secret_key=SECRET_KEY, provider_base_url=provider.base_url, provider_timeout_s=0.2)
    tagger = ModelTagger(settings)
    provider.behaviour = Behaviour(schedule=["hang"])
    error = await failure(tagger)
    assert (type(error), "0.2 seconds" in str(error)) == (ModelFailed, True)
    await provider.until(lambda stats: stats.abandoned == 1)
    await tagger.close()


async def test_a_provider_that_is_not_there_is_a_network_failure() -> None:
    settings = Settings(secret_key=SECRET_KEY, provider_base_url=f"http://127.0.0.1:{free_port()}/v1")
    tagger = ModelTagger(settings)
    assert type(await failure(tagger)) is ProviderAway
    await tagger.close()


async def test_many_documents_share_one_client_and_its_connections(provider: Provider, tagger: ModelTagger) -> None:
    def some(number: int) -> Question:
        return question(f"{chr(ord('a') + number % 26) * 6} document {number}")

    provider.behaviour = Behaviour(schedule=["hang"] * 32)
    waiting = [asyncio.create_task(tagger.tag(some(number), KEY)) for number in range(32)]
    await provider.until(lambda stats: stats.in_flight == 32)
    for task in waiting:
        task.cancel()
    await provider.until(lambda stats: stats.in_flight == 0)
    provider.behaviour = Behaviour(latency_ms=1)
    for _ in range(2):
        taggings = await asyncio.gather(*(tagger.tag(some(number), KEY) for number in range(32)))
        assert [tagging.tags[0][0] for tagging in taggings] == [some(number).text[0] for number in range(32)]
    assert provider.stats.connections <= 64


async def test_halves_of_characters_do_not_stop_a_question(provider: Provider, tagger: ModelTagger) -> None:
    asked = question(f"{TEXT} \ud800\x00", title="\udfff", exclusion_words=["\ud800"], vocabulary=["safety", "\ud800"])
    provider.behaviour.answer = '{"tags": ["safety", "\\ud800"]}'
    assert (await tagger.tag(asked, KEY)).tags == ["safety"]


async def test_the_models_that_are_remembered_are_bounded(
    provider: Provider, tagger: ModelTagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.tag.REMEMBERED_MODELS", 3)
    for number in range(10):
        await tagger.tag(question(model_name=f"model-{number}"), KEY)
    assert len(tagger._has_format) <= 3


def test_the_sdk_is_loaded_only_by_a_tagger() -> None:
    program = "import sys, actors.tag; sys.exit('openai' in sys.modules)"
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False, timeout=60).returncode == 0


def test_keywords_tag_without_a_network() -> None:
    tagging = tag_locally(question(num_tags=3))
    assert len(tagging.tags) == 3
    assert all(tag == tag.lower() and " " not in tag for tag in tagging.tags)
    assert tagging.metadata == {}


def test_enough_keywords_are_left_after_exclusions() -> None:
    best = tag_locally(question(num_tags=3)).tags
    others = tag_locally(question(num_tags=2, exclusion_words=best)).tags
    assert others
    assert not set(best) & set(others)


def test_a_vocabulary_is_looked_up_in_the_text_the_most_frequent_first() -> None:
    asked = question(vocabulary=["Finance", "workplace", "Employee", "safety manual", "manual safety"])
    assert tag_locally(asked).tags == ["employee", "workplace", "safety-manual"]


@pytest.mark.parametrize("language", ["document", "english"])
def test_a_language_that_keywords_do_not_know_is_said_to_be_degraded(language: str) -> None:
    german = "Die Arbeitssicherheit im Betrieb ist wichtig. Das Handbuch erklärt allen die Arbeitssicherheit. " * 5
    tagging = tag_locally(question(german, language=language))
    assert tagging.metadata == {"degraded": True}
    assert "arbeitssicherheit" in tagging.tags


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("", {}),
        ("1 2 3 4", {}),
        (TEXT, {"vocabulary": ["finance"]}),
        (TEXT, {"vocabulary": ["safety"], "exclusion_words": ["safety"]}),
    ],
)
def test_a_text_without_any_tag_is_refused(text: str, known: dict[str, Any]) -> None:
    with pytest.raises(DocumentRefused) as caught:
        tag_locally(question(text, **known))
    assert caught.value.code is ErrorCode.NO_TEXT
