"""`validate-paths`: what a batch would find, told beforehand, side by side and by the same rules."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from actors.settings import Settings
from api.looks import AT_A_TIME, OF_ONE_CALLER, Looks
from protocol.checks import PathToCheck, read_paths
from protocol.requests import InvalidRequest, MalformedBody
from protocol.words import SourceType
from stack import free_port
from tests.conftest import SECRET_KEY
from tests.hosts import OPEN, Conversation, host, says
from tests.served import Served
from tests.stores import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Store

VALIDATE = "/api/batch/validate-paths"
PDF = b"%PDF-1.7"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("local")
    (path / "a.pdf").write_bytes(PDF)
    return path


@pytest.fixture(scope="module")
def open_server(redis_server: Any, s3: Store, folder: Path) -> Iterator[Served]:
    """An API that may look at loopback, a folder and a bucket."""
    s3.bucket("looked", **{"a.pdf": PDF})
    settings = Settings(secret_key=SECRET_KEY, redis_url=f"redis://127.0.0.1:{redis_server.port}/0", port=free_port())
    environ = {
        "TAGSTREAM_PRIVATE_SOURCES": "127.0.0.0/8",
        "TAGSTREAM_LOCAL_ROOT": str(folder),
        "TAGSTREAM_S3_ENDPOINT": s3.url,
        "TAGSTREAM_S3_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "TAGSTREAM_S3_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "TAGSTREAM_S3_BUCKETS": "looked",
        "TAGSTREAM_MAX_PATHS": "300",
    }
    with Served(settings, folder / "api.log", **environ) as served:
        yield served


async def validate(api: Served, *paths: Any) -> httpx2.Response:
    async with api.client() as client:
        return await client.post(VALIDATE, json={"paths": list(paths)}, timeout=60)


async def test_all_sources_are_looked_at_and_answered_in_order(open_server: Served, redis_url: str) -> None:
    async with host(says(PDF, Content_Type="application/pdf")) as there, host(says(b"", "404 Not Found")) as gone:
        asked = [
            {"path": there.url("/a.pdf")},
            {"path": gone.url("/b.pdf"), "type": "url"},
            {"path": "a.pdf", "type": "local"},
            {"path": "../a.pdf", "type": "local"},
            {"path": "s3://looked/a.pdf"},
            {"path": "s3://looked/b.pdf", "type": "s3"},
            {"path": "A" * 32, "type": "upload"},
        ]
        answer = await validate(open_server, *asked)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["total"], told["valid_count"], told["invalid_count"]) == (7, 3, 4)
    assert [each["path"] for each in told["results"]] == [each["path"] for each in asked]
    assert [each["valid"] for each in told["results"]] == [True, False, True, False, True, False, False]
    assert told["results"][0] == {
        "path": asked[0]["path"], "valid": True, "content_type": "application/pdf", "size": len(PDF)
    }  # fmt: skip
    assert told["results"][1]["error"].startswith("The document is not there: The host 127.0.0.1 answered with")
    assert [each.get("error_code") for each in told["results"]][3:] == ["forbidden", None, "not-found", "not-found"]
    for each in told["results"]:
        assert None not in each.values()
        assert ("error" in each) == ("error_type" in each) == (not each["valid"])


async def test_private_addresses_are_refused_and_the_answer_tells_no_open_port(api: Served) -> None:
    async with host(says(PDF)) as there:
        urls = [there.url(), f"http://127.0.0.1:{free_port()}/document.pdf", there.url(name="[::ffff:127.0.0.1]")]
        told = (await validate(api, *({"path": url} for url in urls))).json()["results"]
        assert there.conversations == []
    assert {each["error_code"] for each in told} == {"address-refused"}
    assert told[0]["error"] == told[1]["error"]


async def test_a_host_that_asks_to_slow_down_is_asked_no_more_for_the_other_paths(
    open_server: Served, redis_url: str
) -> None:
    async with host(says(b"", "429 Too Many Requests", Retry_After="60")) as there:
        await validate(open_server, {"path": there.url("/first")})
        told = (await validate(open_server, *({"path": there.url(f"/{n}")} for n in range(20)))).json()
        assert len(there.heads) == 1
    assert {each["error_type"] for each in told["results"]} == {"rate-limit"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "paths"),
        ({"paths": []}, "paths"),
        ({"paths": "x"}, "paths"),
        ({"paths": [{"path": "x"}] * 301}, "paths"),
        ({"paths": ["x"]}, "paths[0]"),
        ({"paths": [{"path": "http://x/"}, {"type": "url"}]}, "paths[1].path"),
        ({"paths": [{"path": 7}]}, "paths[0].path"),
        ({"paths": [{"path": "\ud800", "type": "local"}]}, "paths[0].path"),
        ({"paths": [{"path": "http://x/"}], "also": 1}, "also"),
    ],
)
async def test_what_is_wrong_is_named_by_field(open_server: Served, body: dict[str, Any], path: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with open_server.client() as client:
        answer = await client.post(VALIDATE, content=json.dumps(body).encode(), headers=headers)
    assert answer.status_code == 422
    assert path in [fault["path"] for fault in answer.json()["errors"]]


NO_TYPE = "Its type is missing: write local or upload, since the path does not begin with http://, https:// or s3://."


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ({"path": "a.pdf"}, NO_TYPE),
        ({"path": "a.pdf", "type": ""}, NO_TYPE),
        (
            {"path": "ftp://x/a.pdf"},
            "Its path has a scheme that is not read here: documents come by http, https or s3.",
        ),
        ({"path": "a.pdf", "type": "ftp"}, "Its type wants one of url, s3, local, upload."),
        ({"path": "a.pdf", "type": ["local"]}, "Its type wants one of url, s3, local, upload."),
        ({"path": ""}, "Its path is empty."),
        ({"path": "a\nb", "type": "local"}, "Its path holds a control character."),
        ({"path": "http://x/" + "a" * 4096}, "Its path wants at most 4,096 characters."),
        ({"path": "http://x/", "more": 1}, "Its field more is none of path and type."),
    ],
)
async def test_an_entry_that_will_not_do_is_told_beside_those_that_do(
    open_server: Served, entry: dict[str, Any], error: str
) -> None:
    good = {"path": "a.pdf", "type": "local"}
    told = (await validate(open_server, good, entry, good)).json()
    assert (told["valid_count"], told["invalid_count"]) == (2, 1)
    assert [each["valid"] for each in told["results"]] == [True, False, True]
    kind = {"error_type": "source", "error_code": "unsupported"}
    assert told["results"][1] == {"path": entry["path"], "valid": False, "error": error} | kind


async def test_only_json_and_only_with_a_token(open_server: Served) -> None:
    async with open_server.client() as client:
        assert (await client.post(VALIDATE, content=b"{}")).status_code == 415
        assert (
            await client.post(VALIDATE, content=b"{", headers={"Content-Type": "application/json"})
        ).status_code == 400
    async with httpx2.AsyncClient(base_url=open_server.url) as client:
        assert (await client.post(VALIDATE, json={})).status_code == 401


def test_a_path_alone_tells_of_urls_and_s3() -> None:
    body = b'{"paths":[{"path":"HTTPS://x/"},{"path":"s3://b/k","type":""},{"path":"s3://b/k","type":"local"}]}'
    asked = [each for each in read_paths(body, 3) if isinstance(each, PathToCheck)]
    assert [each.type for each in asked] == [SourceType.URL, SourceType.S3, SourceType.LOCAL]
    with pytest.raises(InvalidRequest):
        read_paths(body, 2)
    with pytest.raises(MalformedBody):
        read_paths(b'{"paths":[' + b"[" * 1_000, 2)


class Busy:
    """A host whose answers wait until they may come; it counts who waits."""

    def __init__(self) -> None:
        self.waiting = self.most = 0
        self.changed, self.go = asyncio.Condition(), asyncio.Event()

    async def __call__(self, conversation: Conversation) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        async with self.changed:
            self.changed.notify_all()
        await self.go.wait()
        self.waiting -= 1
        await says(PDF)(conversation)


async def test_paths_are_looked_at_side_by_side_and_so_many_of_one_caller() -> None:
    busy = Busy()
    async with host(busy) as there:
        looks = Looks(OPEN, None)
        paths = [PathToCheck(there.url(f"/{n}"), SourceType.URL) for n in range(2 * OF_ONE_CALLER)]
        both = [asyncio.create_task(looks.look_at("alice", paths)) for _ in range(2)]
        async with busy.changed:
            await busy.changed.wait_for(lambda: busy.waiting == OF_ONE_CALLER)
        other = asyncio.create_task(looks.look_at("bob", paths[:1]))
        async with busy.changed:
            await busy.changed.wait_for(lambda: busy.waiting == OF_ONE_CALLER + 1)
        busy.go.set()
        results = [each for part in await asyncio.gather(*both, other) for each in part]
        await looks.close()
    assert all(each.valid for each in results)
    assert len(results) == 4 * OF_ONE_CALLER + 1
    assert busy.most <= OF_ONE_CALLER + 1 < AT_A_TIME


async def test_one_deadline_holds_for_all_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.looks.LIMIT_S", 0.3)
    busy = Busy()
    async with host(busy) as there:
        looks = Looks(OPEN, None)
        paths = [PathToCheck(there.url(f"/{n}"), SourceType.URL) for n in range(3 * OF_ONE_CALLER)]
        results = await looks.look_at("alice", paths)
        await looks.close()
    assert {(each.valid, each.error_type) for each in results} == {(False, "timeout")}
    assert [each.path for each in results] == [each.path for each in paths]
    assert busy.most <= OF_ONE_CALLER
