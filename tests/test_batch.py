"""Starting and stopping a batch over HTTP (contract §2)."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import msgspec
import pytest

from actors.seal import Seal
from actors.settings import Settings
from actors.store import key
from api.batch import DEFAULT_MODEL, choose_model
from api.problems import Problem
from protocol.requests import LOCAL_MODEL, TaggingConfig
from tests.jobs import Bench
from tests.served import Served, play, start_body
from tests.spec import proves

START = "/api/batch/start"
API_KEY = "sk-or-v1-this-is-a-secret"
PASSWORD = "a-password-of-a-pdf"


async def test_a_start_is_acknowledged_and_every_row_is_there(api: Served, bench: Bench) -> None:
    async with api.client() as client:
        answer = await client.post(START, json=start_body(7))
    assert answer.status_code == 202
    told = answer.json()
    assert told["total_documents"] == 7
    assert told["message"] == "Batch started with 7 documents"
    assert bench.facts(told["job_id"])["owner"] == "alice"
    assert bench.redis.hlen(key(told["job_id"], "documents")) == 7


async def test_the_first_rows_go_to_the_queue_at_once(api: Served, bench: Bench) -> None:
    async with api.client() as client:
        job_id = (await client.post(START, json=start_body(3))).json()["job_id"]
    assert [bench.state(row, job_id)["s"] for row in range(3)] == ["sent"] * 3


async def test_the_same_start_ten_times_at_once_is_one_job(api: Served, bench: Bench) -> None:
    body = start_body(5, job_id="chosen.by-the_client")
    async with api.client() as client:
        answers = await asyncio.gather(*(client.post(START, json=body) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert len(bench.events("chosen.by-the_client")) == 1


async def test_the_same_id_for_something_else_is_a_conflict(api: Served) -> None:
    async with api.client() as alice, api.client("bob") as bob:
        await alice.post(START, json=start_body(5, job_id="mine"))
        others = [await alice.post(START, json=start_body(6, job_id="mine"))]
        others += [await bob.post(START, json=start_body(5, job_id="mine"))]
    for answer in others:
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert "alice" not in answer.text
    assert others[0].json() == others[1].json()


async def test_secrets_stand_nowhere_in_clear(api: Served, bench: Bench) -> None:
    body = start_body(2, config={"api_key": API_KEY, "model_name": "openai/gpt-4o-mini"})
    body["documents"][1]["password"] = PASSWORD
    async with api.client() as client:
        job_id = (await client.post(START, json=body)).json()["job_id"]
    secrets = bench.redis.hgetall(key(job_id, "secrets"))
    seal = Seal(api.settings.secret_key)
    assert seal.open("api_key", secrets["api_key"]) == API_KEY
    assert seal.open("password", secrets["1"]) == PASSWORD
    for database in (0, 1):
        stored = everything_in(bench.redis, database)
        assert API_KEY not in stored
        assert PASSWORD not in stored
    assert API_KEY not in api.log.read_text()
    assert PASSWORD not in api.log.read_text()


def everything_in(client: Any, database: int) -> str:
    """All keys and values of a database as one text."""
    client.execute_command("SELECT", database)
    try:
        return repr([_value(client, name) for name in client.keys("*")])
    finally:
        client.execute_command("SELECT", 0)


def _value(client: Any, name: str) -> object:
    readers = {
        "hash": client.hgetall,
        "string": client.get,
        "zset": lambda each: client.zrange(each, 0, -1),
        "list": lambda each: client.lrange(each, 0, -1),
        "stream": client.xrange,
        "set": client.smembers,
    }
    return name, readers[client.type(name)](name)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"documents": []}, "documents"),
        ({"documents": None}, "documents"),
        ({"documents": [{"title": "no path"}]}, "documents[0].file_path"),
        ({"documents": [{"file_path": 1}]}, "documents[0].file_path"),
        ({"documents": [{"file_path": "x", "file_source_type": "ftp"}]}, "documents[0].file_source_type"),
        ({"config": {"num_tags": 99}}, "config.num_tags"),
        ({"config": {"num_pages": "3"}}, "config.num_pages"),
        ({"config": {"model_name": "openai/gpt-4o-mini"}}, "config.api_key"),
        ({"config": {"model_name": "local/other"}}, "config.model_name"),
        ({"job_id": "a/b"}, "job_id"),
        ({"job_id": "a" * 129}, "job_id"),
        ({"job_id": ""}, "job_id"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_what_is_wrong_is_named_by_field(api: Served, changes: dict[str, Any], path: str) -> None:
    async with api.client() as client:
        answer = await client.post(START, json=start_body() | changes)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert path in [fault["path"] for fault in answer.json()["errors"]]


async def test_more_rows_than_the_limit_are_refused_and_nothing_is_stored(api: Served, bench: Bench) -> None:
    async with api.client() as client:
        answer = await client.post(START, json=start_body(10_001))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "documents")
    assert bench.redis.keys("job:*") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"documents":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"documents":[{"file_path":"a"}],"config":{"num_tags":' + b"1" * 5_000 + b"}}",
        b'{"documents":[{"file_path":"a"}],"config":{"num_tags":NaN}}',
        b'{"documents":[{"file_path":"\\ud800"}],"config":{}}',
        b'{"documents":[{"file_path":"a\\u0000b"}],"config":{}}',
        b'{"documents":[{"file_path":"a"}],"config":{"api_key":"\\ud800"}}',
        b'{"documents":[{"file_path":"a"}],"config":{},"job_id":"\xed\xa0\x80"}',
    ],
)
async def test_hostile_json_is_the_clients_fault(api: Served, body: bytes) -> None:
    async with api.client() as client:
        answer = await client.post(START, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["message"]


async def test_a_secret_is_not_repeated_where_it_is_wrong(api: Served) -> None:
    body = start_body(config={"api_key": [API_KEY], "num_tags": API_KEY})
    async with api.client() as client:
        answer = await client.post(START, json=body | {"job_id": f"/{PASSWORD}"})
    assert answer.status_code == 422
    assert PASSWORD not in answer.text
    assert API_KEY not in answer.text


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_body_that_is_not_json_is_refused_by_its_type(api: Served, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    async with api.client() as client:
        answer = await client.post(START, content=b"{}", headers=headers)
    assert answer.status_code == 415


@proves("ws:notes:cancel")
async def test_cancel_stops_the_job_and_answers_the_same_again(api: Served, bench: Bench) -> None:
    async with api.client() as client:
        job_id = (await client.post(START, json=start_body())).json()["job_id"]
        answers = [await client.post(f"/api/batch/jobs/{job_id}/cancel") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["status"] for answer in answers] == ["cancelled", "cancelled"]
    assert [event.type for event in bench.events(job_id)] == ["created", "cancelled"]


async def test_cancel_of_a_job_that_ended_otherwise_says_how(api: Served, bench: Bench) -> None:
    async with api.client() as client:
        job_id = (await client.post(START, json=start_body(1))).json()["job_id"]
        play(bench, job_id)
        answer = await client.post(f"/api/batch/jobs/{job_id}/cancel")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "The job is completed."


async def test_a_foreign_job_and_one_that_never_was_answer_alike(api: Served, bench: Bench) -> None:
    async with api.client() as alice:
        job_id = (await alice.post(START, json=start_body())).json()["job_id"]
    async with api.client("bob") as bob:
        answers = [await bob.post(f"/api/batch/jobs/{each}/cancel") for each in (job_id, "never", "a%7Db", "a" * 129)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert bench.facts(job_id)["status"] == "pending"


async def test_nobody_starts_or_cancels_without_a_token(api: Served) -> None:
    async with httpx2.AsyncClient(base_url=api.url) as client:
        plain = await client.post(START, content=b"{not even json", headers={"Content-Type": "application/json"})
        wrong = await client.post(START, json=start_body(), headers={"Authorization": "Bearer nonsense"})
        query = await client.post(f"{START}?token={api.token()}", json=start_body())
        cancel = await client.post("/api/batch/jobs/x/cancel")
    assert [answer.status_code for answer in (plain, wrong, query, cancel)] == [401] * 4
    assert plain.headers["www-authenticate"] == "Bearer"
    assert wrong.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("config", "server_key", "server_model", "expected"),
    [
        ({}, "", "", (LOCAL_MODEL, "none")),
        ({}, "", "openai/x", (LOCAL_MODEL, "none")),
        ({}, "k", "", (DEFAULT_MODEL, "server")),
        ({}, "k", "openai/x", ("openai/x", "server")),
        ({}, "k", LOCAL_MODEL, (LOCAL_MODEL, "none")),
        ({"api_key": "c"}, "k", "openai/x", ("openai/x", "caller")),
        ({"api_key": "c"}, "", "", (DEFAULT_MODEL, "caller")),
        ({"api_key": "c", "model_name": "a/b"}, "", "", ("a/b", "caller")),
        ({"model_name": "a/b"}, "k", "", ("a/b", "server")),
        ({"api_key": "c", "model_name": LOCAL_MODEL}, "k", "", (LOCAL_MODEL, "none")),
    ],
)
def test_the_model_is_the_callers_choice_else_the_servers_where_there_is_a_key(
    settings: Settings, config: dict[str, str], server_key: str, server_model: str, expected: tuple[str, str]
) -> None:
    changed = replace(settings, provider_api_key=server_key, model=server_model)
    assert choose_model(msgspec.convert(config, TaggingConfig), changed) == expected


@pytest.mark.parametrize(
    "config", [TaggingConfig(model_name="a/b"), TaggingConfig(fallback_models=[LOCAL_MODEL, "a/b"])]
)
def test_a_model_without_any_key_names_the_key(settings: Settings, config: TaggingConfig) -> None:
    with pytest.raises(Problem) as problem:
        choose_model(config, settings)
    assert [fault.path for fault in problem.value.errors] == ["config.api_key"]


def test_the_local_fallback_needs_no_key(settings: Settings) -> None:
    assert choose_model(TaggingConfig(fallback_models=[LOCAL_MODEL]), settings) == (LOCAL_MODEL, "none")
