"""The client's watching, against a server that drops, repeats, restarts and refuses."""

import asyncio
from contextlib import aclosing
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from protocol import connection, failures
from protocol.client import Client, JobNotFound, NotAuthenticated, RequestRefused, Token, UnexpectedAnswer, Unreachable
from protocol.messages import (
    AUTHENTICATION_REQUIRED,
    JOB_NOT_FOUND,
    TOKEN_EXPIRED,
    TOO_MANY_OBSERVERS,
    Catchup,
    Completed,
    JobState,
    Keepalive,
    Message,
    Progress,
    Refusal,
    Row,
    to_json,
)
from protocol.view import JobView
from protocol.words import JobStatus
from tests.theatre import says, theatre

JOB = "job-1"
WAIT_S = 20


async def watch(url: str, token: Token = "t", cursor: str | None = None) -> list[Message]:
    async with Client(url, token, backoff_s=(0.001, 0.01)) as client, asyncio.timeout(WAIT_S):
        return [message async for message in client.watch(JOB, cursor)]


def state(done: int) -> JobState:
    return JobState(status=JobStatus.PROCESSING, progress=done / 4, processed_count=done, failed_count=0, total=4)


def success(number: int) -> Row:
    return Row.success(number, f"Document {number + 1}", tags=["a"])


def catchup(*rows: int, resumed: bool | None = None, cursor: str = "r.0") -> Catchup:
    done = list(map(success, rows))
    return Catchup(job_id=JOB, state=state(len(rows)), results=done, resumed=resumed, cursor=cursor)


def progress(number: int) -> Progress:
    return Progress.of(JOB, success(number), (number + 1) / 4, f"r.{number + 1}")


completed = Completed.of(JOB, processed=4, failed=0, message="Job completed", cursor="r.5")
whole: list[Message] = [catchup(), *map(progress, range(4)), completed]


async def test_everything_up_to_the_ending_is_told() -> None:
    async with theatre(says(*whole)) as stage:
        assert await watch(stage.url) == whole


async def test_a_cursor_from_before_is_where_watching_begins() -> None:
    async with theatre(says(catchup(resumed=True, cursor="r.5"), completed)) as stage:
        await watch(stage.url, cursor="r.2 &?")
        assert stage.cursors == ["r.2 &?"]


async def test_the_token_stands_in_the_header_and_never_in_the_address() -> None:
    async with theatre(says(*whole)) as stage:
        await watch(stage.url, token="s3cr3t")
        (request,) = stage.requests
        assert request.headers["Authorization"] == "Bearer s3cr3t"
        assert request.path == f"/api/batch/ws/{JOB}"


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 1013])
async def test_a_lost_connection_is_resumed_behind_the_last_message(code: int) -> None:
    first = whole[:3]
    second: list[Message] = [catchup(resumed=True, cursor="r.2"), *whole[3:]]
    async with theatre(says(*first, close=code), says(*second)) as stage:
        assert await watch(stage.url) == [*first, *second]
        assert stage.cursors == [None, "r.2"]


async def test_a_server_that_is_away_for_a_while_is_asked_again() -> None:
    away = HTTPStatus.SERVICE_UNAVAILABLE
    async with theatre(says(close=1012), away, away, says(catchup(), close=1006), says(*whole)) as stage:
        assert await watch(stage.url) == [catchup(), *whole]
        assert stage.cursors == [None, None, None, None, "r.0"]


async def test_what_a_server_repeats_is_told_once() -> None:
    second: list[Message] = [
        catchup(resumed=True, cursor="r.2"),
        progress(0),
        progress(1),
        progress(2),
        progress(2),
        *whole[4:],
    ]
    async with theatre(says(*whole[:3], close=1006), says(*second)) as stage:
        told = await watch(stage.url)
    assert [message for message in told if isinstance(message, Progress)] == [progress(n) for n in range(4)]


async def test_a_cursor_that_the_server_forgot_brings_everything_again() -> None:
    async with theatre(says(*whole[:4], close=1012), says(catchup(resumed=False), *whole[1:])) as stage:
        told = await watch(stage.url)
    assert told == [*whole[:4], catchup(resumed=False), *whole[1:]]


async def test_the_picture_is_the_same_over_any_disturbance() -> None:
    async with theatre(
        says(catchup(), progress(0), close=1006),
        says(catchup(resumed=True, cursor="r.1"), progress(0), progress(1), close=1013),
        says(catchup(2, resumed=True, cursor="r.3"), progress(2), close=1012),
        says(catchup(0, 1, 2, resumed=False, cursor="r.3"), progress(3), close=1006),
        says(catchup(resumed=True, cursor="r.5"), completed),
    ) as stage:
        disturbed = JobView(JOB)
        for message in await watch(stage.url):
            disturbed.apply(message)
    calm = JobView(JOB)
    for message in whole:
        calm.apply(message)
    assert disturbed == calm
    assert stage.cursors == [None, "r.1", "r.2", "r.3", "r.4"]


async def test_a_keepalive_moves_the_cursor_when_it_brings_one() -> None:
    paused = Keepalive(job_id=JOB, status=JobStatus.PAUSED, cursor="r.9")
    async with theatre(says(catchup(), paused, close=1006), says(completed)) as stage:
        assert await watch(stage.url) == [catchup(), paused, completed]
        assert stage.cursors == [None, "r.9"]


@pytest.mark.parametrize(("said", "error"), [(AUTHENTICATION_REQUIRED, NotAuthenticated), (JOB_NOT_FOUND, JobNotFound)])
@pytest.mark.parametrize("before", [[], whole[:2]], ids=["at once", "while watching"])
async def test_a_refusal_ends_the_watching(said: str, error: type[RequestRefused], before: list[Message]) -> None:
    async with theatre(says(*before, Refusal(said, JOB), close=1008)) as stage:
        with pytest.raises(error, match=said):
            await watch(stage.url)
        assert len(stage.requests) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HTTPStatus.UNAUTHORIZED, NotAuthenticated),
        (HTTPStatus.NOT_FOUND, JobNotFound),
        (HTTPStatus.FORBIDDEN, RequestRefused),
    ],
)
async def test_what_refuses_sockets_and_http_alike_ends_the_watching(
    status: HTTPStatus, error: type[RequestRefused]
) -> None:
    async with theatre(status) as stage:
        stage.http = status
        with pytest.raises(error) as refused:
            await watch(stage.url)
    assert refused.value.status == status


@pytest.mark.parametrize("place", ["https://example.org/", "ws://a:99999/", "http://[", "/elsewhere"])
async def test_a_redirect_is_told_and_not_followed(place: str) -> None:
    def away(connection: ServerConnection, _request: Request) -> Response:
        answer = connection.respond(HTTPStatus.FOUND, "")
        answer.headers["Location"] = place
        return answer

    async with serve(ServerConnection.wait_closed, "127.0.0.1", 0, process_request=away) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(RequestRefused) as refused:
            await watch(f"http://127.0.0.1:{port}")
    assert refused.value.status == 302


@pytest.mark.parametrize("reason", ["", "because"])
async def test_a_close_with_1008_without_a_word_ends_the_watching(reason: str) -> None:
    async with theatre(says(catchup(), close=1008, reason=reason)) as stage:
        with pytest.raises(NotAuthenticated):
            await watch(stage.url)


async def test_an_expired_token_is_renewed_and_the_watching_goes_on() -> None:
    tokens = iter(["old", "new"])
    async with theatre(
        says(*whole[:2], close=1008, reason=TOKEN_EXPIRED), says(catchup(resumed=True, cursor="r.1"), *whole[2:])
    ) as stage:
        told = await watch(stage.url, token=lambda: next(tokens))
        assert told[-1] == completed
        assert [request.headers["Authorization"] for request in stage.requests] == ["Bearer old", "Bearer new"]
        assert stage.cursors == [None, "r.1"]


@pytest.mark.parametrize("frame", [True, False], ids=["by frame", "by close"])
async def test_too_many_observers_are_asked_to_wait_for_their_turn(
    monkeypatch: pytest.MonkeyPatch, frame: bool
) -> None:
    monkeypatch.setattr(failures, "OBSERVERS_RETRY_AFTER_S", 0.0)
    full = says(*[Refusal(TOO_MANY_OBSERVERS, JOB)] * frame, close=1008, reason=TOO_MANY_OBSERVERS)
    async with theatre(full, full, full, says(*whole)) as stage:
        stage.http = HTTPStatus.OK  # which would be no answer: nobody polls
        assert await watch(stage.url) == whole


async def test_too_many_observers_for_too_long_is_a_refusal_that_knows_when_to_come_again() -> None:
    full = says(Refusal(TOO_MANY_OBSERVERS, JOB), close=1008, reason=TOO_MANY_OBSERVERS)
    async with theatre(full) as stage, Client(stage.url, "t", patience_s=0) as client:
        with pytest.raises(RequestRefused, match=TOO_MANY_OBSERVERS) as refused:
            await anext(client.watch(JOB))
    assert (refused.value.status, refused.value.retry_after_s) == (429, failures.OBSERVERS_RETRY_AFTER_S)


async def test_a_token_may_be_fetched_asynchronously() -> None:
    async def fetched() -> str:
        return "fresh"

    async with theatre(says(*whole)) as stage:
        await watch(stage.url, token=fetched)
        assert stage.requests[0].headers["Authorization"] == "Bearer fresh"


async def test_an_expired_token_that_cannot_be_renewed_ends_the_watching() -> None:
    async with theatre(says(catchup(), close=1008, reason=TOKEN_EXPIRED)) as stage:
        with pytest.raises(NotAuthenticated, match=TOKEN_EXPIRED):
            await watch(stage.url, token="old")


@pytest.mark.parametrize("token", ["", "a\nb", "a b", "schlüssel\u200b"])
async def test_a_token_that_no_header_carries_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(NotAuthenticated, match="holds characters") as refused:
        await watch("http://127.0.0.1:9", token=token)
    assert not token or token not in str(refused.value)


async def test_a_job_id_that_cannot_be_one_is_not_even_asked_for() -> None:
    async with Client("http://127.0.0.1:9", "t") as client:
        with pytest.raises(JobNotFound):
            await anext(client.watch("../status"))


async def test_a_server_that_never_comes_back_is_given_up() -> None:
    async with theatre(says(catchup(), close=1006)) as stage, Client(stage.url, "t", patience_s=0) as client:
        watching = client.watch(JOB)
        assert await anext(watching) == catchup()
        with pytest.raises(Unreachable):
            await anext(watching)


@pytest.mark.parametrize("frame", ["{}", "nonsense", b"\xff"])
async def test_an_answer_of_another_protocol_is_not_taken(frame: str | bytes) -> None:
    async def talk(visitor: ServerConnection) -> None:
        await visitor.send(frame)
        await visitor.wait_closed()

    async with theatre(talk) as stage:
        with pytest.raises(UnexpectedAnswer):
            await watch(stage.url)


async def test_a_message_of_another_job_is_not_taken() -> None:
    async with theatre(says(catchup(), Keepalive(job_id="other", status=JobStatus.PROCESSING))) as stage:
        with pytest.raises(UnexpectedAnswer, match="another job"):
            await watch(stage.url)


async def test_a_message_without_end_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MESSAGE_MAX_BYTES", 1_000)
    async with theatre(says(Catchup(job_id="j" * 2_000, state=state(0), results=[]))) as stage:
        with pytest.raises(UnexpectedAnswer, match="more than 1,000 bytes"):
            await watch(stage.url)


async def test_leaving_early_closes_the_socket() -> None:
    gone = asyncio.Event()

    async def wait(visitor: ServerConnection) -> None:
        await visitor.send(to_json(catchup()).decode())
        await visitor.wait_closed()
        gone.set()

    async with theatre(wait) as stage, Client(stage.url, "t") as client, asyncio.timeout(WAIT_S):
        async with aclosing(client.watch(JOB)) as watching:
            assert await anext(watching) == catchup()
        await gone.wait()


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    async with theatre(says(*whole), says(*whole)) as stage:
        assert await watch(stage.url) == whole
        assert await watch(stage.url.replace("127.0.0.1", "localhost")) == whole
