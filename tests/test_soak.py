"""The soak, short; and its ledger: what it must notice, and what it must let pass."""

import random
from contextlib import closing

import pytest

from actors.settings import Settings
from bench import soak
from bench.churn import Ledger, Visitor
from bench.player import Player
from bench.readside import Service
from bench.report import Broken
from bench.soak import Soak
from protocol.messages import Catchup, Completed, JobState, Keepalive, Message, Progress, Row
from protocol.words import JobStatus
from tests.jobs import Bench, check_invariants
from tests.served import Served

TOTAL = 4


def caught_up(*rows: int, at: int = 0, resumed: bool | None = None, counted: int | None = None) -> Catchup:
    """`counted`: where a resumed one tells fewer rows than have ended."""
    ended = len(rows) if counted is None else counted
    state = JobState(status=JobStatus.PROCESSING, progress=0, processed_count=ended, failed_count=0, total=TOTAL)
    results = [Row.success(row, "a", tags=["x"]) for row in rows]
    return Catchup(job_id="j", state=state, results=results, resumed=resumed, cursor=f"r.{at}-0")


def begun(row: int, counted: int, at: int) -> Progress:
    return Progress.of("j", Row.processing(row, "a"), counted / TOTAL, f"r.{at}-0")


def ended(row: int, counted: int, at: int) -> Progress:
    return Progress.of("j", Row.success(row, "a", tags=["x"]), counted / TOTAL, f"r.{at}-0")


def over(at: int, processed: int = TOTAL) -> Completed:
    return Completed.of("j", processed=processed, failed=0, message="Job completed", cursor=f"r.{at}-0")


def faults(*messages: Message) -> tuple[int, int, int]:
    """Missing, duplicated, out of order."""
    ledger = Ledger()
    for message in messages:
        ledger.take(message)
    return ledger.missing, ledger.duplicated, ledger.disordered


FOUR = [ended(row, row + 1, at=row + 1) for row in range(TOTAL)]


@pytest.mark.parametrize(
    "messages",
    [
        [caught_up(), begun(0, 0, at=1), ended(0, 1, at=2), *[ended(row, row + 1, at=row + 2) for row in (1, 2, 3)]],
        [caught_up(0, 2, at=5), ended(3, 3, at=6), Keepalive(job_id="j", status=JobStatus.PROCESSING)],
        [caught_up(), *FOUR, over(at=9)],
        [caught_up(), *FOUR[:2], caught_up(2, at=3, resumed=True, counted=3), FOUR[3], over(at=9)],
        [caught_up(), *FOUR[:2], caught_up(at=2, resumed=True, counted=2), *FOUR[2:], over(at=9)],
        [caught_up(), *FOUR[:2], caught_up(0, 1, 2, 3, at=9, resumed=False), over(at=9)],
    ],
    ids=["live", "joined late", "to the end", "resumed", "resumed without news", "caught up whole"],
)
def test_what_a_good_server_says_is_no_fault(messages: list[Message]) -> None:
    assert faults(*messages) == (0, 0, 0)


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([caught_up(), FOUR[0], FOUR[2]], (1, 0, 0)),
        ([caught_up(), *FOUR[:3], over(at=9)], (1, 0, 0)),
        ([caught_up(), FOUR[0], caught_up(at=2, resumed=True, counted=2)], (1, 0, 0)),
        ([caught_up(), FOUR[0], ended(0, 1, at=2)], (0, 1, 0)),
        ([caught_up(), FOUR[0], caught_up(0, at=2, resumed=True, counted=1)], (0, 1, 0)),
        ([caught_up(), FOUR[0], begun(1, 0, at=2)], (0, 0, 1)),
        ([caught_up(), FOUR[0], begun(1, 1, at=1)], (0, 0, 1)),
        ([caught_up(0, 1, 2, at=5), ended(3, 4, at=4)], (0, 0, 1)),
        ([caught_up(), *FOUR, over(at=9), begun(0, 4, at=10)], (0, 0, 1)),
        ([caught_up(), *FOUR, over(at=9), over(at=9)], (0, 0, 1)),
    ],
    ids=[
        "a live row is skipped",
        "a row is missing at the end",
        "a resumed catchup leaves one out",
        "a row ends twice",
        "a resumed catchup repeats one",
        "progress falls",
        "the same event twice",
        "a cursor goes back",
        "something comes behind the ending",
        "two endings",
    ],
)
def test_faults_are_noticed(messages: list[Message], found: tuple[int, int, int]) -> None:
    assert faults(*messages) == found


def test_a_soak_loses_nothing_although_redis_is_killed() -> None:
    lines = list(soak.measure(Soak(seconds=3.0, visitors=4, job_s=1.5, stay_s=0.5)))
    assert lines[0].figure == "0 missing, 0 duplicated, 0 out of order"
    assert lines[0].met


async def test_an_observer_that_is_refused_breaks_the_soak(api: Served, settings: Settings) -> None:
    service = Service(api.process.pid, api.settings.port, "/api/batch/ws/{}".format, api.token())
    with pytest.raises(Broken, match="Job not found"):
        await Visitor([service], "nobody's", random.Random(0), stay_s=60.0).run()


def test_the_player_goes_on_where_a_reply_was_lost(settings: Settings, bench: Bench) -> None:
    with closing(Player(settings)) as player:
        player.create("job", 6)
        player._plays["job"].rows.clear()
        bench.make_due()
        while not player.move("job"):
            pass
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)
