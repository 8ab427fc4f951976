"""The routes by which an owner controls a batch, through a real server and a real Redis."""

from typing import Any

import httpx2
import pytest

from actors.settings import Settings
from actors.store import key
from protocol.messages import Row
from tests.jobs import Bench, failure
from tests.served import Served, play


async def ask(api: Served, path: str, *, subject: str = "alice", method: str = "POST", **body: Any) -> httpx2.Response:
    """One call about the job of these tests."""
    async with api.client(subject) as client:
        return await client.request(method, f"/api/batch/jobs/{path}", json=body or None)


async def test_pause_and_resume_answer_how_the_job_stands_and_observers_hear_it(api: Served, bench: Bench) -> None:
    bench.start(rows=2)
    play(bench, "job", 1)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        for _ in range(2):
            paused = await ask(api, "job/pause")
        heard = await observer.until("keepalive")
        resumed = await ask(api, "job/resume")
        heard += await observer.until("keepalive")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert paused.json()["message"] == "Job paused by its owner"
    assert (resumed.status_code, resumed.json()["status"]) == (200, "processing")
    assert "message" not in resumed.json()
    told = [{name: frame[name] for name in frame if name != "cursor"} for frame in heard if "cursor" in frame]
    assert told == [
        {"type": "keepalive", "job_id": "job", "status": "paused", "message": "Job paused by its owner"},
        {"type": "keepalive", "job_id": "job", "status": "processing"},
    ]


async def test_a_late_observer_of_a_paused_job_sees_that_it_is(api: Served, bench: Bench) -> None:
    bench.start()
    await ask(api, "job/pause")
    async with api.observe("job") as observer:
        state = (await observer.next())["state"]
    assert (state["status"], state["message"]) == ("paused", "Job paused by its owner")


@pytest.mark.parametrize("act", ["pause", "resume", "cancel", "retry"])
async def test_foreign_and_missing_jobs_answer_alike(api: Served, bench: Bench, act: str) -> None:
    bench.start()
    answers = [await ask(api, f"{job_id}/{act}", subject="bob") for job_id in ("job", "never", "a%7Db")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
async def test_a_job_that_completed_is_409(api: Served, bench: Bench, act: str) -> None:
    bench.start(rows=1)
    play(bench, "job")
    answer = await ask(api, f"job/{act}")
    assert (answer.status_code, answer.json()["detail"]) == (409, "The job is completed.")


async def test_a_retry_runs_what_failed_and_observers_see_a_new_run(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 1)
    play(bench, "job", 2, failure)
    async with api.observe("job") as observer:
        frames, _, _ = await observer.rest()
    before = (await ask(api, "job/status", method="GET")).json()
    answer = await ask(api, "job/retry")
    assert (answer.status_code, answer.json()) == (202, {"job_id": "job", "rows": 2, "message": "2 rows run again"})
    async with api.observe("job", query=f"?cursor={frames[-1]['cursor']}") as observer:
        catchup = await observer.next()
        play(bench, "job")
        rest, code, _ = await observer.rest()
    assert (catchup["resumed"], catchup["state"]["processed_count"]) == (False, 1)
    assert (rest[-1]["type"], rest[-1]["processed_count"], code) == ("completed", "3", 1000)
    after = (await ask(api, "job/status", method="GET")).json()
    assert after["run"] != before["run"]


async def test_a_retry_of_named_rows_alone(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job")
    assert (await ask(api, "job/retry", row_ids=[2])).json()["rows"] == 1
    assert bench.facts()["processed"] == "2"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"row_ids": []}, "row_ids"),
        ({"row_ids": [0, -1]}, "row_ids[1]"),
        ({"row_ids": ["0"]}, "row_ids[0]"),
        ({"row_ids": [0, 3]}, "row_ids[1]"),
        ({"model_name": 7}, "model_name"),
        ({"model_name": "local/other"}, "model_name"),
        ({"api_key": "a b"}, "api_key"),
        ({"rows": [1]}, "rows"),
    ],
)
async def test_a_retry_that_will_not_do_names_the_field(
    api: Served, bench: Bench, body: dict[str, Any], path: str
) -> None:
    bench.start(rows=3)
    play(bench, "job")
    answer = await ask(api, "job/retry", **body)
    assert (answer.status_code, [fault["path"] for fault in answer.json()["errors"]]) == (422, [path])
    assert bench.facts()["status"] == "completed"


async def test_a_retry_with_nothing_to_run_or_of_a_job_that_runs_is_409(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    running = await ask(api, "job/retry")
    play(bench, "job")
    nothing = await ask(api, "job/retry")
    assert (running.status_code, nothing.status_code) == (409, 409)
    assert nothing.json()["detail"] == "Every row has succeeded."


async def test_a_callers_key_must_be_given_again_and_is_sealed(api: Served, bench: Bench, settings: Settings) -> None:
    [address, *_] = bench.start(rows=2, model_name="a-model", api_key_from="caller", sealed_api_key="sealed")
    bench.store.fail_job(bench.claim(address), Row.waiting(0, "Title 0"), "the provider refused the key")
    without = await ask(api, "job/retry")
    assert (without.status_code, [fault["path"] for fault in without.json()["errors"]]) == (422, ["api_key"])
    answer = await ask(api, "job/retry", api_key="sk-another", model_name="another")
    assert (answer.status_code, answer.json()["rows"]) == (202, 2)
    assert (bench.facts()["model_name"], bench.facts()["api_key_from"]) == ("another", "caller")
    stored = bench.redis.hget(key("job", "secrets"), "api_key")
    assert stored
    assert "sk-another" not in stored
    assert "sk-another" not in answer.text


async def test_a_retry_with_a_body_that_is_no_json_is_refused(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    play(bench, "job", end=failure)
    async with api.client() as client:
        form = await client.post("/api/batch/jobs/job/retry", data={"row_ids": "1"})
        broken = await client.post(
            "/api/batch/jobs/job/retry", content="{", headers={"Content-Type": "application/json"}
        )
        empty = await client.post("/api/batch/jobs/job/retry")
    assert (form.status_code, broken.status_code, empty.status_code) == (415, 400, 202)


async def test_a_deleted_job_ends_for_its_observers_and_is_404_from_then_on(api: Served, bench: Bench) -> None:
    bench.start()
    async with api.observe("job") as observer:
        await observer.until("catchup")
        answer = await ask(api, "job", method="DELETE")
        frames, code, _ = await observer.rest()
    assert (answer.status_code, answer.content) == (204, b"")
    assert (frames[-1]["type"], frames[-1]["message"], code) == ("cancelled", "Job deleted by its owner", 1000)
    for path, method in (("job", "DELETE"), ("job/status", "GET"), ("job/results", "GET"), ("job/retry", "POST")):
        assert (await ask(api, path, method=method)).status_code == 404
    async with api.observe("job") as observer:
        assert (await observer.rest())[0] == [{"error": "Job not found", "job_id": "job"}]
