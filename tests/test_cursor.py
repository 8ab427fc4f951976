"""Going on where a socket ended (contract §1, resume), through a real server and a real Redis."""

import asyncio
from collections.abc import Callable

import pytest

from actors.store import key
from protocol.messages import parse
from protocol.view import JobView
from tests.jobs import Bench
from tests.served import LIMIT_S, Served, play


async def test_a_cursor_brings_only_what_came_since(api: Served, bench: Bench) -> None:
    bench.start(rows=6)
    async with api.observe("job") as observer:
        await observer.until("catchup")
        play(bench, "job", 2)
        seen = [await observer.next() for _ in range(3)]
    play(bench, "job", 2)
    async with api.observe("job", query=f"?cursor={seen[-1]['cursor']}") as observer:
        catchup = await observer.next()
    assert catchup["resumed"] is True
    assert [row["row_id"] for row in catchup["results"]] == [1, 2, 3]
    assert catchup["state"]["processed_count"] == 4


async def test_the_cursor_of_a_catchup_has_nothing_behind_it(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    play(bench, "job", 2)
    async with api.observe("job") as observer:
        cursor = (await observer.next())["cursor"]
    async with api.observe("job", query=f"?cursor={cursor}") as observer:
        catchup = await observer.next()
    assert (catchup["resumed"], catchup["results"], catchup["cursor"]) == (True, [], cursor)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _cursor: "",
        lambda _cursor: "nonsense",
        lambda _cursor: "%00%FF",
        lambda _cursor: "a" * 2_000,
        lambda cursor: cursor.partition(".")[2],
        lambda cursor: f"{'0' * 16}.{cursor.partition('.')[2]}",
        lambda cursor: cursor[:-1] + "9",
        lambda cursor: cursor.partition(".")[0] + ".99999999999999999999999-0",
        lambda cursor: cursor.partition(".")[0] + ".-",
        lambda cursor: cursor.partition(".")[0] + ".0-0",
    ],
)
async def test_a_cursor_that_is_not_known_brings_everything(
    api: Served, bench: Bench, spoil: Callable[[str], str]
) -> None:
    bench.start(rows=3)
    play(bench, "job", 2)
    async with api.observe("job") as observer:
        cursor = (await observer.next())["cursor"]
    async with api.observe("job", query=f"?cursor={spoil(cursor)}") as observer:
        catchup = await observer.next()
    assert catchup["resumed"] is False
    assert [row["row_id"] for row in catchup["results"]] == [0, 1]


async def test_a_cursor_whose_entry_was_trimmed_brings_everything(api: Served, bench: Bench) -> None:
    bench.start(rows=3)
    async with api.observe("job") as observer:
        cursor = (await observer.next())["cursor"]
    play(bench, "job", 2)
    bench.redis.xtrim(key("job", "events"), maxlen=1, approximate=False)
    async with api.observe("job", query=f"?cursor={cursor}") as observer:
        catchup = await observer.next()
    assert catchup["resumed"] is False
    assert len(catchup["results"]) == 2


async def test_the_cursor_of_an_ending_leads_to_the_ending_again(api: Served, bench: Bench) -> None:
    bench.start(rows=1)
    play(bench, "job")
    async with api.observe("job") as observer:
        frames, _, _ = await observer.rest()
    async with api.observe("job", query=f"?cursor={frames[-1]['cursor']}") as observer:
        again, code, _ = await observer.rest()
    assert [frame["type"] for frame in again] == ["catchup", "completed"]
    assert again[0]["results"] == []
    assert code == 1000


async def test_observers_that_come_and_go_end_with_the_same_picture(api: Served, bench: Bench) -> None:
    bench.start(rows=40)

    async def restless(patience: int) -> JobView:
        view, cursor = JobView("job"), ""
        while view.ending is None:
            async with api.observe("job", query=f"?cursor={cursor}" if cursor else "") as observer:
                for _ in range(patience):
                    frame = await asyncio.wait_for(observer.socket.recv(), LIMIT_S)
                    message = parse(frame)
                    view.apply(message)  # type: ignore[arg-type]
                    cursor = view.cursor or ""
                    if view.ending:
                        break
        return view

    def work() -> None:
        for _ in range(40):
            play(bench, "job", 1)

    watching = [asyncio.create_task(restless(patience)) for patience in (1_000_000, 2, 3, 7, 20)]
    await asyncio.to_thread(work)
    views = await asyncio.wait_for(asyncio.gather(*watching), 3 * LIMIT_S)
    assert all(view == views[0] for view in views)
    assert len(views[0].rows) == 40
