"""Invariant 2, for any history: `catchup(t0)` and what came after its cursor is `catchup(t1)`.

Through the real script, snapshots and feeds of two replicas. Rows do anything in any order; in between the past is
trimmed, the job paused, resumed, cancelled, run once more, or made anew under its id; and observers come, go, lag
behind and resume.
"""

import copy

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from actors.settings import Settings
from api import feed as feed_module
from api import watch as watch_module
from api.snapshot import Reader
from protocol.messages import Catchup
from protocol.view import JobView
from tests.jobs import Bench
from tests.past import FORWARD, RARE, Past, check_catchup
from tests.spectators import audience, whole
from tests.test_feed import message_of, running
from tests.test_invariants import STEPS

WAITING_MAX = 4
"""Events that wait for an observer: those who do not listen fall behind soon."""
HEARD = ("meet", "meet", "listen", "drop", "rush")

CHOICE = st.integers(0, 7)
HAPPENING = st.tuples(st.sampled_from(STEPS * 3 + FORWARD * 8 + RARE), CHOICE)
MEETING = st.tuples(st.just("meet"), CHOICE)
HEARING = st.tuples(st.sampled_from(HEARD), CHOICE)
OFTEN = HAPPENING | HAPPENING | HAPPENING
"""Much happens before somebody listens again."""
Act = tuple[str, int]

any_order = hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


async def resumed(reader: Reader, earlier: JobView, past: Past) -> JobView:
    """The picture of one who was away since then."""
    view = copy.deepcopy(earlier)
    snapshot = await reader.snapshot("job", earlier.cursor)
    catchup, *ending = [message_of(frame) for frame in snapshot.frames]
    assert isinstance(catchup, Catchup)
    check_catchup(catchup, past, earlier.cursor)
    for message in (catchup, *ending):
        view.apply(message)
    return view


@any_order
@given(acts=st.lists(OFTEN | MEETING, min_size=16, max_size=100))
async def test_whoever_comes_back_sees_what_whoever_comes_now_sees(
    settings: Settings, bench: Bench, acts: list[Act]
) -> None:
    past, moments = Past(bench), list[JobView]()
    async with running(settings) as feed:
        for step, choice in [*acts, ("meet", 0)]:
            if step != "meet":
                past.happen(step, choice)
                continue
            now = await whole(feed.reader)
            for earlier in moments:
                assert await resumed(feed.reader, earlier, past) == now
            moments.append(now)


@any_order
@given(acts=st.lists(OFTEN | HEARING, min_size=16, max_size=100), ends=st.booleans())
async def test_whoever_watches_sees_what_whoever_comes_now_sees(
    settings: Settings, bench: Bench, monkeypatch: pytest.MonkeyPatch, acts: list[Act], ends: bool
) -> None:
    for name, value in {"PULSE_S": 0.0, "BLOCK_MS": 20, "COALESCE_S": 0.0}.items():
        monkeypatch.setattr(feed_module, name, value)
    monkeypatch.setattr(watch_module, "WAITING_MAX", WAITING_MAX)
    past = Past(bench)
    async with audience(settings, past) as watching:
        for step, choice in acts:
            if step in HEARD:
                await watching.act(step, choice)
            else:
                past.happen(step, choice)
        if ends:
            past.end()
        await watching.act("meet", 0)
