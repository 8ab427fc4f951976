"""The numbers and the results of a batch over HTTP (contract §2)."""

import httpx2
import pytest

from actors.records import Claim
from actors.store import key
from protocol.messages import Row
from tests.jobs import Bench, failure, success
from tests.served import Served, play


def every_third_fails(claim: Claim) -> Row:
    """Rows 0, 3, 6 ... end badly."""
    return failure(claim) if claim.row_id % 3 == 0 else success(claim)


async def get(api: Served, path: str, subject: str = "alice") -> httpx2.Response:
    """One answer."""
    async with api.client(subject) as client:
        return await client.get(f"/api/batch/jobs/{path}")


async def test_the_status_follows_the_job(api: Served, bench: Bench) -> None:
    bench.start(rows=4)
    before = (await get(api, "job/status")).json()
    play(bench, "job", 2, every_third_fails)
    between = (await get(api, "job/status")).json()
    play(bench, "job", end=every_third_fails)
    after = (await get(api, "job/status")).json()
    shown = ("job_id", "status", "progress", "processed_count", "failed_count", "total", "results_count")
    assert [before[name] for name in shown] == ["job", "pending", 0.0, 0, 0, 4, 0]
    assert [between[name] for name in shown] == ["job", "processing", 0.5, 1, 1, 4, 2]
    assert [after[name] for name in shown] == ["job", "completed", 1.0, 2, 2, 4, 4]
    assert (before.get("message"), after["message"]) == (None, "Job completed")
    assert before["expires_at"] > after["expires_at"] > before["created_at"]


async def test_results_are_the_stored_rows_in_order(api: Served, bench: Bench) -> None:
    bench.start(rows=12)
    play(bench, "job", end=every_third_fails)
    page = (await get(api, "job/results")).json()
    assert page["job_id"] == "job"
    assert [row["row_id"] for row in page["results"]] == list(range(12))
    assert page["results"][1]["tags"] == ["tag"]
    assert page["results"][0]["error_type"] == "source"
    assert None not in page["results"][0].values()
    assert page["next"] is None


@pytest.mark.parametrize("limit", [1, 5, 6, 7, 12, 1000])
async def test_pages_follow_each_other_without_gap_or_repeat(api: Served, bench: Bench, limit: int) -> None:
    bench.start(rows=12)
    play(bench, "job")
    rows: list[int] = []
    query = f"limit={limit}"
    while query:
        page = (await get(api, f"job/results?{query}")).json()
        assert len(page["results"]) <= limit
        rows += [row["row_id"] for row in page["results"]]
        query = f"limit={limit}&after={page['next']}" if page["next"] is not None else ""
    assert rows == list(range(12))


async def test_results_of_one_status_skip_the_others(api: Served, bench: Bench) -> None:
    bench.start(rows=12)
    play(bench, "job", end=every_third_fails)
    failed = (await get(api, "job/results?status=failed&limit=3")).json()
    assert [row["row_id"] for row in failed["results"]] == [0, 3, 6]
    rest = (await get(api, f"job/results?status=failed&limit=3&after={failed['next']}")).json()
    assert [row["row_id"] for row in rest["results"]] == [9]
    assert rest["next"] is None


async def test_a_small_page_of_a_rare_status_is_few_commands(api: Served, bench: Bench) -> None:
    bench.start(rows=300)
    play(bench, "job", 1)
    bench.redis.config_resetstat()
    assert (await get(api, "job/results?status=failed&limit=1")).json()["results"] == []
    assert bench.redis.info("commandstats")["cmdstat_hmget"]["calls"] < 10


async def test_a_status_within_the_metadata_is_not_the_rows_own(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    play(bench, "job", end=lambda _claim: Row.success(0, "x", tags=["a"], metadata={"status": "failed"}))
    assert (await get(api, "job/results?status=failed")).json()["results"] == []


async def test_results_of_a_running_job_are_those_so_far(api: Served, bench: Bench) -> None:
    bench.start(rows=30)
    play(bench, "job", 3)
    page = (await get(api, "job/results?limit=10")).json()
    assert [row["row_id"] for row in page["results"]] == [0, 1, 2]
    assert page["next"] is None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1e2", "limit"),
        ("limit=%EF%BC%91", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=1.5", "after"),
        ("status=done", "status"),
        ("status=pending", "status"),
        ("status=", "status"),
    ],
)
async def test_odd_queries_name_the_parameter(api: Served, bench: Bench, query: str, name: str) -> None:
    bench.start()
    answer = await get(api, f"job/results?{query}")
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == [name]


async def test_a_page_behind_the_last_row_is_empty(api: Served, bench: Bench) -> None:
    bench.start()
    assert (await get(api, "job/results?after=999999999")).json()["results"] == []


@pytest.mark.parametrize("path", ["status", "results", "results?status=failed"])
async def test_a_foreign_job_and_one_that_never_was_answer_alike(api: Served, bench: Bench, path: str) -> None:
    bench.start()
    play(bench, "job")
    answers = [await get(api, f"{job}/{path}", "bob") for job in ("job", "never", "a%7Db", "%00", "a" * 129)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.text, answer.headers["content-type"]) for answer in answers}) == 1


@pytest.mark.parametrize("path", ["job/status", "job/results"])
async def test_a_token_in_the_query_is_not_looked_at(api: Served, bench: Bench, path: str) -> None:
    bench.start()
    async with httpx2.AsyncClient(base_url=api.url) as client:
        answer = await client.get(f"/api/batch/jobs/{path}?token={api.token()}")
    assert answer.status_code == 401
    assert api.token() not in api.log.read_text()


async def test_looking_writes_nothing(api: Served, bench: Bench) -> None:
    bench.start()
    before = bench.redis.pttl(key("job"))
    await get(api, "job/status")
    await get(api, "job/results")
    assert bench.redis.pttl(key("job")) <= before
    assert len(bench.events()) == 1
