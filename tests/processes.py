"""Our own programs as real processes, and waiting for what they do."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import redis

from actors.environment import BARE_NAMES
from actors.settings import PrivateSources, Settings
from actors.store import key
from tests.jobs import Bench, Event

ROOT = Path(__file__).parent.parent
LIMIT_S = 60.0
BLOCK_MS = 500


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a process reads just these settings."""
    named: dict[str, str] = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "default"}
    for each in fields(settings):
        value: Any = getattr(settings, each.name)
        if isinstance(value, PrivateSources):
            value = ",".join([*value.hosts, *map(str, value.networks)])
        if isinstance(value, tuple):
            value = ",".join(value)
        if isinstance(value, bool):
            value = "on" if value else "off"
        if value is not None:
            named[BARE_NAMES.get(each.name, f"TAGSTREAM_{each.name.upper()}")] = str(value)
    return named


@contextmanager
def process(settings: Settings, *arguments: str, **environ: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m ...`, killed at the end if it still runs."""
    command = [sys.executable, "-m", *arguments]
    known = environment(settings) | environ
    with subprocess.Popen(command, cwd=ROOT, env=known, start_new_session=True) as running:
        try:
            yield running
        finally:
            kill(running)


def kill(running: "subprocess.Popen[bytes]") -> None:
    """SIGKILL: nothing of it gets another word."""
    if running.poll() is None:
        running.send_signal(signal.SIGKILL)
    running.wait(LIMIT_S)


async def until(bench: Bench, condition: Callable[[list[Event]], bool], job_id: str = "job") -> list[Event]:
    """Follow the job's stream until its events are so; also while Redis is away in between.

    Raises:
        TimeoutError: they do not become so within a minute.
    """
    return await asyncio.to_thread(_follow, bench, condition, job_id)


def ended(events: list[Event]) -> bool:
    """Whether the job has had its ending."""
    return bool(events) and events[-1].type in ("completed", "cancelled", "error")


def finished(count: int) -> Callable[[list[Event]], bool]:
    """Whether so many rows have ended."""
    return lambda events: bool(events) and events[-1].processed + events[-1].failed >= count


def _follow(bench: Bench, condition: Callable[[list[Event]], bool], job_id: str) -> list[Event]:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            events = bench.events(job_id)
            if condition(events):
                return events
            bench.redis.xread({key(job_id, "events"): events[-1].id if events else "0"}, block=BLOCK_MS)
        except redis.ConnectionError:
            time.sleep(0.05)
    raise TimeoutError(f"the job did not come so far: {events[-3:]}")
