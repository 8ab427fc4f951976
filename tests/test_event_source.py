"""A browser's own `EventSource` on the stream of events: all of it, over a restart of the API, up to the ending."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.settings import Settings
from protocol.messages import Catchup, Ending, Keepalive, Message, Progress, parse
from protocol.view import JobView
from stack import free_port
from tests import chromium
from tests.jobs import Bench
from tests.served import LIMIT_S, Served, play
from tests.test_serve import until_logged

WATCH = """
const source = new EventSource("/api/batch/jobs/job/events?token=TOKEN");
source.onmessage = ({ data, lastEventId }) => console.log("heard", lastEventId, data);
source.onerror = () => console.log(source.readyState === EventSource.CLOSED ? "closed" : "reconnecting");
"""


@pytest.fixture
def own_api(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """An API that the test may kill and start again."""
    with Served(replace(settings, port=free_port()), tmp_path / "api.log", TAGSTREAM_KEEPALIVE_S="0.5") as served:
        yield served


def heard(lines: list[str]) -> list[tuple[str, Message]]:
    """The messages that were printed, each behind the id that stood when it came."""
    found = []
    for line in lines:
        word, _, told = line.partition(" ")
        if word == "heard":
            last_id, _, data = told.partition(" ")
            message = parse(data)
            assert isinstance(message, Message)
            found.append((last_id, message))
    return found


def finals(lines: list[str]) -> list[int]:
    """The rows whose end was told, each time that it was."""
    messages = [message for _, message in heard(lines)]
    results = [row.row_id for message in messages if isinstance(message, Catchup) for row in message.results]
    return results + [each.row_id for each in messages if isinstance(each, Progress) and each.status.final]


async def test_an_event_source_hears_all_over_a_restart_and_stops_at_the_ending(
    own_api: Served, bench: Bench, tmp_path: Path
) -> None:
    bench.start("job", rows=6)
    script = WATCH.replace("TOKEN", own_api.token())
    async with chromium.page(script, tmp_path / "profile", own_api.settings.port) as page:
        await page.until("heard")
        play(bench, "job", 2)
        await page.until_so(lambda lines: len(finals(lines)) == 2)
        own_api.process.kill()
        await page.until("reconnecting")
        own_api.process.wait(LIMIT_S)
        play(bench, "job", 2)
        with own_api:
            await page.until_so(lambda lines: len(finals(lines)) == 4)
            await page.until_so(lambda lines: isinstance(heard(lines)[-1][1], Keepalive))
            play(bench, "job", 2)
            await page.until("closed")
            await until_logged(own_api, "GET /api/batch/jobs/job/events 204")
    check(page.lines)


def check(lines: list[str]) -> None:
    """Everything was told, once and in order, and each message stands at its own cursor."""
    view, cursor = JobView("job"), ""
    for last_id, message in heard(lines):
        cursor = message.cursor or cursor
        assert last_id == cursor
        view.apply(message)
    messages = [message for _, message in heard(lines)]
    first, second = [message for message in messages if isinstance(message, Catchup)]
    assert (first.resumed, second.resumed) == (None, True)
    assert [row.row_id for row in second.results] == [2, 3]
    assert sorted(finals(lines)) == sorted(view.rows) == list(range(6))
    assert [message for message in messages if isinstance(message, Ending)] == messages[-1:]
    assert lines[-1] == "closed"
