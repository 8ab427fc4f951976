"""A crowd of observers from the outside: starts the process of `bench.crowd` and tells it what to do."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from bench.crowd import Plan, Report
from bench.report import Broken
from stack import HERE

STOP_LIMIT_S = 20.0


class Audience:
    """Observers, all of them open."""

    def __init__(self, process: "subprocess.Popen[str]", count: int) -> None:
        self._process = process
        self._count = count

    def wait_until_open(self) -> None:
        """Raises Broken unless all of them were let in."""
        opened = int(self._answer().removeprefix("open "))
        if opened != self._count:
            raise Broken(f"{self._count} observers asked, {opened} were let in")

    def see(self, events: int) -> None:
        """Wait until so many events have come to them all together, or do not come."""
        self._tell(f"until {events}")

    def vanish(self, count: int) -> None:
        """So many are gone, and nobody is told."""
        self._tell(f"vanish {count}")

    def leave(self) -> Report:
        """All go, and say what they saw."""
        report, _ = self._process.communicate("stop\n", timeout=STOP_LIMIT_S)
        return msgspec.json.decode(report, type=Report)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def audience(plan: Plan) -> Iterator[Audience]:
    """Observers for the length of a block, at the most.

    Raises:
        Broken: not all of them were let in.
    """
    command = [sys.executable, "-m", "bench.crowd"]
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(plan).decode() + "\n")
            process.stdin.flush()
            audience = Audience(process, len(plan.paths))
            audience.wait_until_open()
            yield audience
        finally:
            process.kill()
