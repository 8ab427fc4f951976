"""How many may observe and for how long; what they are told is tried in test_feed, and over either wire."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing

import pytest

from api.auth import Caller
from api.frames import Frame
from api.observe import Observers, Stay, TokenExpired, TooManyObservers, TooOld


def caller(subject: str = "alice", ttl_s: float = 60) -> Caller:
    """Somebody with a good token."""
    return Caller(subject, time.time() + ttl_s)


async def test_a_caller_has_so_many_observers_and_no_more_until_one_goes() -> None:
    observers = Observers(per_caller=2, max_age_s=0)
    with ExitStack() as staying:
        first = ExitStack()
        first.enter_context(observers.admit(caller()))
        staying.enter_context(observers.admit(caller()))
        with pytest.raises(TooManyObservers):
            observers.check(caller())
        with pytest.raises(TooManyObservers), observers.admit(caller()):
            pass
        first.close()
        staying.enter_context(observers.admit(caller()))


async def test_one_caller_takes_no_place_of_another() -> None:
    observers = Observers(per_caller=1, max_age_s=0)
    with observers.admit(caller("alice")), observers.admit(caller("bob")), pytest.raises(TooManyObservers):
        observers.check(caller("bob"))
    observers.check(caller("alice"))
    observers.check(caller("bob"))


async def silence() -> AsyncGenerator[Frame, None]:
    """There is no frame, for ever."""
    await asyncio.Event().wait()
    yield Frame(b"")


async def plenty() -> AsyncGenerator[Frame, None]:
    """There is always a frame."""
    while True:
        yield Frame(b"")


async def late() -> AsyncGenerator[Frame, None]:
    """Something within takes too long."""
    raise TimeoutError
    yield Frame(b"")


@pytest.mark.parametrize(
    ("ttl_s", "max_age_s", "reason"),
    [(0.05, 0, TokenExpired), (0.05, 60, TokenExpired), (60, 0.05, TooOld), (-1, 60, TokenExpired)],
)
@pytest.mark.parametrize("frames", [silence, plenty])
async def test_a_stay_ends_by_what_comes_first(
    ttl_s: float, max_age_s: float, reason: type[Exception], frames: Callable[[], AsyncGenerator[Frame, None]]
) -> None:
    async with aclosing(frames()) as coming:
        with Observers(1, max_age_s).admit(caller(ttl_s=ttl_s)) as stay, pytest.raises(reason):
            await exhaust(stay, coming)


async def exhaust(stay: Stay, frames: AsyncGenerator[Frame, None]) -> None:
    """Take all frames."""
    while await stay.next(frames):
        pass


async def test_a_time_out_of_something_else_stays_what_it_is() -> None:
    with Observers(1, 60).admit(caller()) as stay, pytest.raises(TimeoutError):
        await stay.next(late())
