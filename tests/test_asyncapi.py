"""What observers hear is what the published description says."""

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any, get_args

import httpx2
import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from actors.records import Claim, RowAddress
from actors.settings import Settings
from api import asyncapi
from api.app import create_app
from api.sockets import FAREWELLS, FAULT
from protocol.messages import Evidence, JobState, Message, Progress, Refusal, Row
from protocol.words import DocumentStatus, ErrorCode, ErrorType
from tests.jobs import OWNER, Bench, failure, success
from tests.served import Frame, Served, play
from tests.test_events import listening
from tests.test_invariants import STEPS, History
from tests.test_messages import CATCHUP, COMPLETED, KEEPALIVE, PROGRESS, REFUSAL

SETTINGS = Settings(secret_key="a secret key of the tests, of 32 bytes and more")


def described() -> dict[str, Any]:
    """The description of the channels."""
    told: dict[str, Any] = msgspec.json.decode(asyncapi.document())
    return told


SCHEMA = msgspec.json.decode(asyncapi.schema())
VALIDATOR = Draft202012Validator(SCHEMA)


def references(node: Any) -> Iterator[str]:
    """All that a description refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def at(told: Any, reference: str) -> Any:
    """What a reference leads to."""
    for step in reference.removeprefix("#/").split("/"):
        told = told[step]
    return told


async def test_both_descriptions_are_public(api: Served) -> None:
    async with httpx2.AsyncClient(base_url=api.url) as client:
        answers = [await client.get(path) for path in ("/asyncapi.json", "/schemas.json")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["content-type"] for answer in answers] == ["application/json", "application/schema+json"]
    assert [answer.content for answer in answers] == [asyncapi.document(), asyncapi.schema()]
    assert answers[0].json()["asyncapi"] == "3.0.0"


def test_every_reference_leads_somewhere() -> None:
    for told in (described(), SCHEMA):
        assert all(at(told, each) for each in references(told))


def test_every_message_of_the_protocol_is_published() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(Message)}
    told = described()
    assert set(told["components"]["messages"]) == tags | {"refusal"}
    assert set(told["channels"]["socket"]["messages"]) == tags | {"refusal"}
    assert {kind.__name__ for kind in (*get_args(Message), Refusal, Row, JobState)} <= set(SCHEMA["$defs"])


def test_every_channel_is_a_route_and_every_operation_tells_its_channels_messages() -> None:
    told = described()
    routes = {rule.rule.replace("<", "{").replace(">", "}") for rule in create_app(SETTINGS).url_map.iter_rules()}
    assert {channel["address"] for channel in told["channels"].values()} <= routes
    for operation in told["operations"].values():
        assert operation["action"] == "send"
        channel = operation["channel"]["$ref"]
        names = [each["$ref"].removeprefix(f"{channel}/messages/") for each in operation["messages"]]
        assert names == list(at(told, channel)["messages"])


def test_every_close_of_a_socket_is_described() -> None:
    known = {each["code"]: each["reasons"] for each in described()["channels"]["socket"]["x-close-codes"]}
    assert list(known) == [1000, 1008, 1009, 1011, 1012, 1013]
    for farewell in (*FAREWELLS.values(), FAULT):
        assert farewell.reason in known[farewell.code]


def test_the_schemas_are_schemas_in_both_dialects() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for schema in described()["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


async def record(api: Served, bench: Bench) -> list[Frame]:
    """All that observers hear of a job that completes, one that is cancelled, one that fails, and of none."""
    frames = await _record_a_whole_job(api, bench)
    for job_id, stop in (("cancelled", _cancel), ("failed", _refuse_key)):
        bench.start(job_id, rows=2)
        async with api.observe(job_id) as observer:
            frames += await observer.until("catchup")
            stop(bench, job_id)
            frames += (await observer.rest())[0]
    for job_id, token in (("never", None), ("job", "nonsense")):
        async with api.observe(job_id, token=token) as observer:
            frames += (await observer.rest())[0]
    return frames


async def _record_a_whole_job(api: Served, bench: Bench) -> list[Frame]:
    """Silence, an end of each kind, and then workers that do anything, while others come late or resume."""
    rows, chance = bench.start(rows=8), random.Random(7)
    async with api.observe("job") as observer:
        frames = await observer.until("keepalive")
        for address, end in zip(rows, (tagged, corrupt, limited), strict=False):
            claim = bench.claim(address)
            bench.store.finish(claim, end(claim))
        history = History(bench, rows[3:])
        for number in range(60):
            await asyncio.to_thread(history.take, chance.choice(STEPS), chance.randrange(8))
            if number % 10 == 0:
                for query in ("", "?cursor=nonsense", f"?cursor={frames[0]['cursor']}"):
                    async with api.observe("job", query=query) as late:
                        frames.append(await late.next())
        await asyncio.to_thread(history.drain)
        return frames + (await observer.rest())[0]


def tagged(claim: Claim) -> Row:
    """A success with all that a worker says of it."""
    known = {"extraction_method": "pypdf", "is_scanned": False, "processing_time": 0.2}
    quoted = [Evidence(tag="tag", page=1, quote="A tag.")]
    known_too = {"model_name": "local/keywords", "id": "A-17", "evidence": quoted}
    return msgspec.structs.replace(success(claim), metadata=known, **known_too)


def corrupt(claim: Claim) -> Row:
    """A failure with its finer reason."""
    return msgspec.structs.replace(failure(claim), error_type=ErrorType.DOCUMENT, error_code=ErrorCode.CORRUPT)


def limited(claim: Claim) -> Row:
    """A failure for good that says when another try would make sense."""
    return msgspec.structs.replace(failure(claim), error_type=ErrorType.RATE_LIMIT, retry_after_ms=60_000)


def _cancel(bench: Bench, job_id: str) -> None:
    bench.store.cancel(job_id, OWNER)


def _refuse_key(bench: Bench, job_id: str) -> None:
    claim = bench.claim(RowAddress(job_id, bench.facts(job_id)["run"], 0))
    row = Row.waiting(0, "Title 0", error="refused", error_type=ErrorType.AUTH, retry_count=claim.attempt)
    bench.store.fail_job(claim, row, "the provider refused the key")


async def test_every_message_of_a_recorded_session_satisfies_the_published_schemas(api: Served, bench: Bench) -> None:
    frames = await record(api, bench)
    async with httpx2.AsyncClient(base_url=api.url) as client:
        validator = Draft202012Validator((await client.get("/schemas.json")).json())
        channels = (await client.get("/asyncapi.json")).json()
    for frame in frames:
        validator.validate(frame)
        payload = channels["components"]["messages"][frame.get("type", "refusal")]["payload"]
        Draft7Validator(payload | {"components": channels["components"]}).validate(frame)
    progress = [frame for frame in frames if frame.get("type") == "progress"]
    catchups = [frame for frame in frames if frame.get("type") == "catchup"]
    assert {frame.get("type", "refusal") for frame in frames} == set(channels["components"]["messages"])
    assert {frame["status"] for frame in progress} == set(DocumentStatus)
    assert {name for frame in progress for name in frame} == {"type", *Progress.__struct_fields__}
    assert {frame.get("resumed") for frame in catchups} == {None, False, True}
    assert any(row["status"] == "pending" and row["retry_after_ms"] for frame in catchups for row in frame["rows"])


async def test_every_message_of_a_recorded_stream_satisfies_them_too(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    async with listening(api) as stream:
        told = await stream.until("keepalive")
        play(bench, "job", 1, failure)
        play(bench, "job")
        told += await stream.until("completed")
    known = described()["channels"]["stream"]["messages"]
    for event in told:
        VALIDATOR.validate(event.message)
        assert event.message["type"] in known
        assert event.id == event.message.get("cursor")


GONE = object()
"""A field that is left out."""
HERE = {"cursor": "run.1-0"}
SUCCESS = json.loads(PROGRESS) | HERE | {"type": "progress"}
MOVED = {name: told for name, told in SUCCESS.items() if name not in ("tags", "metadata")}
FAILED = MOVED | {"status": "failed", "error": "damaged", "error_type": "document", "error_code": "corrupt"}
WAITING = MOVED | {"status": "pending", "error": "away", "error_type": "network", "retry_after_ms": 0, "retry_count": 1}
RESULT = json.loads(CATCHUP)["results"][0] | {"row_number": 1}
CAUGHT_UP = json.loads(CATCHUP) | HERE | {"results": [RESULT], "rows": [WAITING]}
ENDED = json.loads(COMPLETED) | HERE
ALIVE, REFUSED = json.loads(KEEPALIVE), json.loads(REFUSAL)


@pytest.mark.parametrize("message", [SUCCESS, FAILED, WAITING, CAUGHT_UP, ENDED, ALIVE, REFUSED])
def test_documented_examples_are_valid_with_what_the_contract_adds_and_what_a_newer_server_might(
    message: Frame,
) -> None:
    VALIDATOR.validate(message)
    VALIDATOR.validate(message | {"weather": "fine"})


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (SUCCESS, {"tags": GONE}),
        (SUCCESS, {"tags": None}),
        (SUCCESS, {"tags": "safety"}),
        (SUCCESS, {"type": GONE}),
        (SUCCESS, {"type": "weather"}),
        (SUCCESS, {"cursor": GONE}),
        (SUCCESS, {"row_number": GONE}),
        (SUCCESS, {"row_number": 0}),
        (SUCCESS, {"row_id": -1}),
        (SUCCESS, {"row_id": "0"}),
        (SUCCESS, {"title": None}),
        (SUCCESS, {"status": "done"}),
        (SUCCESS, {"status": "failed"}),
        (SUCCESS, {"progress": 1.1}),
        (SUCCESS, {"progress": -0.1}),
        (SUCCESS, {"progress": "0.1"}),
        (SUCCESS, {"error": "no", "error_type": "source"}),
        (SUCCESS, {"metadata": None}),
        (SUCCESS, {"model_name": None}),
        (FAILED, {"error": GONE}),
        (FAILED, {"error_type": GONE}),
        (FAILED, {"error_type": "weather"}),
        (FAILED, {"error_type": "network"}),
        (FAILED, {"error_code": "weather"}),
        (FAILED, {"tags": []}),
        (WAITING, {"error": GONE}),
        (WAITING, {"error_type": None}),
        (WAITING, {"retry_after_ms": -1}),
        (WAITING, {"retry_after_ms": 0.5}),
        (WAITING, {"retry_count": 0}),
        (WAITING, {"status": "processing"}),
        (WAITING, {"tags": ["a"]}),
        (WAITING, {"evidence": []}),
        (SUCCESS, {"evidence": [{"tag": "a", "page": 0, "quote": "A."}]}),
        (CAUGHT_UP, {"cursor": GONE}),
        (CAUGHT_UP, {"state": GONE}),
        (CAUGHT_UP, {"results": GONE}),
        (CAUGHT_UP, {"resumed": None}),
        (CAUGHT_UP, {"state": CAUGHT_UP["state"] | {"status": "weather"}}),
        (CAUGHT_UP, {"state": CAUGHT_UP["state"] | {"processed_count": "3"}}),
        (CAUGHT_UP, {"state": CAUGHT_UP["state"] | {"message": None}}),
        (CAUGHT_UP, {"results": [RESULT | {"tags": None}]}),
        (CAUGHT_UP, {"results": [WAITING]}),
        (CAUGHT_UP, {"rows": [SUCCESS]}),
        (ENDED, {"processed_count": 9}),
        (ENDED, {"failed_count": "one"}),
        (ENDED, {"failed_count": GONE}),
        (ENDED, {"message": "All done"}),
        (ENDED, {"cursor": None}),
        (ENDED, {"type": "failed"}),
        (ENDED, {"type": "error", "processed_count": 9}),
        (ALIVE, {"status": "alive"}),
        (ALIVE, {"status": GONE}),
        (ALIVE, {"job_id": GONE}),
        (REFUSED, {"error": GONE}),
        (REFUSED, {"job_id": None}),
    ],
)
def test_a_broken_message_is_refused(message: Frame, change: Frame) -> None:
    broken = {name: told for name, told in (message | change).items() if told is not GONE}
    assert VALIDATOR.is_valid(message)
    assert not VALIDATOR.is_valid(broken)
