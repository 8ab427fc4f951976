"""The client's calls over HTTP: what they send, what they make of answers, when they ask again."""

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from protocol.client import Client, JobNotFound, NotAuthenticated, RequestRefused, UnexpectedAnswer, Unreachable
from protocol.connection import CALL_TRIES, Backoff, Server
from protocol.failures import ClientError
from protocol.messages import Keepalive, Row, to_json
from protocol.requests import TaggingConfig
from protocol.words import JobStatus
from tests.theatre import Theatre, says, theatre

Answer = tuple[int, bytes, dict[str, str]]
HANG_UP: Answer = (0, b"", {})


class Office(ThreadingHTTPServer):
    """A real HTTP server that gives prepared answers in turn, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.answers: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def will_answer(self, status: int, body: object = None, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, content, {name.replace("_", "-"): text for name, text in headers.items()}))


class Desk(BaseHTTPRequestHandler):
    server: Office

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(
            {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        )
        status, content, headers = self.server.answers.pop(0)
        self.close_connection = True
        if status == 0:
            return
        self.send_response(status)
        for name, text in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the names that the library looks for

    def log_message(self, *_: object) -> None:
        """Tests read what was asked, nobody reads a log."""


@pytest.fixture
def office() -> Iterator[Office]:
    with Office() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(office: Office) -> Client:
    return Client(office.url, "t0ken", backoff_s=(0.001, 0.01))


DOCUMENTS = [{"file_path": "https://example.org/a.pdf"}]
STATUS = {"job_id": "a", "status": "processing", "progress": 0.5, "processed_count": 1, "failed_count": 0, "total": 2}


async def test_a_start_sends_what_the_contract_asks_for(office: Office, client: Client) -> None:
    office.will_answer(202, {"job_id": "mine", "total_documents": 1, "message": "started"})
    async with client:
        started = await client.start(
            DOCUMENTS, TaggingConfig(num_tags=5), column_mapping={"title": "Name"}, job_id="mine"
        )
    assert started == "mine"
    (asked,) = office.asked
    assert (asked["method"], asked["path"]) == ("POST", "/api/batch/start")
    assert asked["headers"]["Authorization"] == "Bearer t0ken"
    assert asked["headers"]["Content-Type"] == "application/json"
    assert json.loads(asked["body"]) == {
        "documents": DOCUMENTS,
        "config": {"num_tags": 5},
        "column_mapping": {"title": "Name"},
        "job_id": "mine",
    }


async def test_a_start_whose_answer_was_lost_is_asked_again_with_the_same_job_id(
    office: Office, client: Client
) -> None:
    office.answers = [HANG_UP]
    office.will_answer(503, {"title": "Restarting"}, Retry_After="0")
    office.will_answer(202, {"job_id": "a"})
    async with client:
        assert await client.start(DOCUMENTS, {}) == "a"
    assert len({asked["body"] for asked in office.asked}) == 1
    assert json.loads(office.asked[0]["body"])["job_id"]


async def test_wrong_fields_are_told(office: Office, client: Client) -> None:
    office.will_answer(
        422,
        {
            "type": "about:blank",
            "title": "Invalid request",
            "status": 422,
            "detail": "1 field.",
            "errors": [{"path": "documents[0].file_path", "message": "is missing"}],
        },
    )
    async with client:
        with pytest.raises(RequestRefused, match=r"^1 field: documents\[0\].file_path: is missing$") as refused:
            await client.start([{}], {})
    assert (refused.value.status, refused.value.problem.errors[0].path) == (422, "documents[0].file_path")


@pytest.mark.parametrize(("status", "error"), [(401, NotAuthenticated), (404, JobNotFound), (409, RequestRefused)])
@pytest.mark.parametrize("body", [{"title": "No"}, b"<html>no</html>", b"", [1], {"title": 7}])
async def test_a_refusal_is_an_error_of_its_kind_whatever_its_body(
    office: Office, client: Client, status: int, error: type[RequestRefused], body: object
) -> None:
    office.will_answer(status, body)
    async with client:
        with pytest.raises(error) as refused:
            await client.cancel("a")
    assert refused.value.status == status
    assert len(office.asked) == 1


async def test_status_is_read(office: Office, client: Client) -> None:
    office.will_answer(200, STATUS | {"results_count": 1, "weather": "fine"})
    async with client:
        summary = await client.status("a")
    assert (summary.job_id, summary.status, summary.results_count) == ("a", JobStatus.PROCESSING, 1)
    assert office.asked[0]["path"] == "/api/batch/jobs/a/status"


async def test_a_cancel_says_where_the_job_stands(office: Office, client: Client) -> None:
    office.will_answer(200, STATUS | {"status": "cancelled"})
    async with client:
        assert await client.cancel("a") is JobStatus.CANCELLED
    assert (office.asked[0]["method"], office.asked[0]["path"]) == ("POST", "/api/batch/jobs/a/cancel")


async def test_a_retry_names_rows_key_and_model_and_is_asked_once(office: Office, client: Client) -> None:
    office.will_answer(202, {"job_id": "a", "rows": 2, "message": "2 rows run again"})
    office.answers.append(HANG_UP)
    async with client:
        assert await client.retry("a", [4, 7], api_key="k", model_name="m") == 2
        with pytest.raises(Unreachable):
            await client.retry("a")
    assert [asked["path"] for asked in office.asked] == ["/api/batch/jobs/a/retry"] * 2
    assert json.loads(office.asked[0]["body"]) == {"row_ids": [4, 7], "api_key": "k", "model_name": "m"}
    assert json.loads(office.asked[1]["body"]) == {}


async def test_a_job_is_deleted(office: Office, client: Client) -> None:
    office.will_answer(204, None)
    async with client:
        await client.delete("a")
    assert (office.asked[0]["method"], office.asked[0]["path"]) == ("DELETE", "/api/batch/jobs/a")


async def test_results_come_page_after_page(office: Office, client: Client) -> None:
    rows = [Row.success(n, "A", tags=["x"]) for n in range(3)]
    pages = [json.loads(b"[" + b",".join(map(to_json, part)) + b"]") for part in (rows[:2], rows[2:])]
    office.will_answer(200, {"results": pages[0], "next": 1})
    office.will_answer(200, {"results": pages[1], "next": None})
    async with client:
        assert [row async for row in client.results("a", limit=2)] == rows
    assert [asked["path"].partition("results")[2] for asked in office.asked] == ["?limit=2", "?limit=2&after=1"]


async def test_a_server_that_is_not_there_is_unreachable(office: Office, client: Client) -> None:
    office.answers = [HANG_UP] * CALL_TRIES
    async with client:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await client.status("a")
    assert len(office.asked) == CALL_TRIES


async def test_a_server_that_stays_busy_is_told_as_it_said(office: Office, client: Client) -> None:
    for _ in range(CALL_TRIES):
        office.will_answer(503, {"title": "Redis is away"})
    async with client:
        with pytest.raises(RequestRefused, match="Redis is away"):
            await client.status("a")


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{}", {"job_id": "a", "status": "flying"}])
async def test_an_answer_to_something_else_is_unexpected(office: Office, client: Client, body: object) -> None:
    office.will_answer(200, body)
    async with client:
        with pytest.raises(UnexpectedAnswer):
            await client.status("a")


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000", "ftp://a", "http://", "/api", "http://a:x", "http://a:99999", "http://a:0", "http://[::1"],
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Server(url, "t", (0.1, 1.0))


async def test_the_server_is_named_without_what_else_its_address_holds(office: Office) -> None:
    server = Server(office.url.replace("//", "//user:s3cr3t@") + "/tags/", "t", (0.1, 1.0))
    assert server.name == office.url
    await server.close()


async def test_a_wait_never_falls_below_what_the_server_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    backoff = Backoff(0.5, 4.0)
    for _ in range(100):
        await backoff.wait(ClientError("busy", retry_after_s=7.0))
    assert min(waits) >= 7.0
    assert max(waits) <= 11.0
    assert max(waits[:1]) <= 7.5


async def test_where_no_other_try_helps_none_is_made() -> None:
    with pytest.raises(ClientError, match="no"):
        await Backoff(0.0, 0.0).wait(ClientError("no"))


async def test_a_fault_knows_how_much_longer_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
    backoff, told = Backoff(0.0, 0.0, patience_s=5.0), []
    for now[0] in (100.0, 103.0):
        await backoff.wait(ClientError("busy", retry_after_s=0), lambda fault: told.append(fault.gives_up_in_s))
    now[0] = 106.0
    with pytest.raises(ClientError) as last:
        await backoff.wait(ClientError("busy", retry_after_s=0))
    assert (told, last.value.gives_up_in_s) == ([5.0, 2.0], -1.0)
    unbounded = ClientError("busy", retry_after_s=0)
    await Backoff(0.0, 0.0).wait(unbounded)
    assert unbounded.gives_up_in_s == math.inf


async def fault_of(stage: Theatre) -> ClientError:
    """How listening on a socket ends."""
    server = Server(stage.url, "t", (0.0, 0.0))
    with pytest.raises(ClientError) as caught:
        async for _ in server.listen("/api/batch/ws/a"):
            pass
    await server.close()
    return caught.value


@pytest.mark.parametrize("code", [1000, 1001, 1006, 4000])
async def test_a_socket_that_is_closed_before_its_first_message_may_be_blocked(code: int) -> None:
    async with theatre(says(close=code)) as stage:
        assert (await fault_of(stage)).blocked


@pytest.mark.parametrize("code", [1008, 1009, 1011, 1012, 1013])
async def test_a_close_in_the_services_own_words_is_not_taken_for_a_block(code: int) -> None:
    async with theatre(says(close=code)) as stage:
        assert not (await fault_of(stage)).blocked


@pytest.mark.parametrize("code", [1000, 1006])
async def test_a_socket_that_brought_a_message_is_not_blocked(code: int) -> None:
    async with theatre(says(Keepalive(job_id="a", status=JobStatus.PENDING), close=code)) as stage:
        assert not (await fault_of(stage)).blocked


async def test_where_nobody_listens_nothing_is_blocked() -> None:
    async with theatre() as stage:
        pass
    assert not (await fault_of(stage)).blocked
