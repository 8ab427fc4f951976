"""Whatever goes wrong is a problem (RFC 9457) that says no more than it should."""

import logging

import msgspec
import pytest
from quart import Quart
from redis import ConnectionError as RedisConnectionError
from redis import ResponseError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from actors.records import JobConflict, JobMissing, JobOver
from api.auth import NotAuthenticated
from api.problems import Problem, ProblemBody, as_problem, register
from protocol.requests import Fault, InvalidRequest, MalformedBody
from protocol.words import JobStatus

SECRET = "sk-a-secret"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (MalformedBody("no JSON"), 400),
        (BadRequest(), 400),
        (NotAuthenticated(shown=True), 401),
        (JobMissing("job"), 404),
        (JobConflict("the job id A is taken"), 409),
        (JobOver(JobStatus.COMPLETED), 409),
        (RequestEntityTooLarge(), 413),
        (InvalidRequest([Fault("config", "is missing")]), 422),
        (RuntimeError("ours"), 500),
        (RedisConnectionError("gone"), 503),
        (ResponseError("OOM command not allowed"), 503),
        (Problem(415, "no"), 415),
    ],
)
def test_each_fault_has_its_status(fault: Exception, status: int) -> None:
    assert as_problem(fault).status == status


def test_a_sentence_keeps_its_capitals() -> None:
    assert as_problem(JobConflict("the job id Abc is taken")).detail == "The job id Abc is taken."


async def test_a_fault_that_nobody_foresaw_is_logged_by_its_place_and_not_by_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Quart(__name__)
    register(app)

    @app.get("/")
    async def fail() -> str:
        raise RuntimeError(SECRET)

    with caplog.at_level(logging.INFO):
        answer = await app.test_client().get("/")
    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    body = msgspec.json.decode(await answer.get_data(as_text=False), type=ProblemBody)
    assert (body.type, body.title, body.status) == ("about:blank", "Internal Server Error", 500)
    assert "RuntimeError" not in body.detail
    assert SECRET not in caplog.text
    assert "RuntimeError" in caplog.text
    assert "test_problems.py" in caplog.text


def test_faults_of_fields_are_listed() -> None:
    problem = as_problem(InvalidRequest([Fault("documents[3].file_path", "is empty")]))
    assert [(fault.path, fault.message) for fault in problem.errors] == [("documents[3].file_path", "is empty")]
