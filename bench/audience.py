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
    """Observers in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def open(self, plan: Plan) -> None:
        """Let them come, once.

        Raises:
            Broken: not all of them were let in.
        """
        opened = int(self._tell(msgspec.json.encode(plan).decode()).removeprefix("open "))
        if opened != len(plan.paths):
            raise Broken(f"{len(plan.paths)} observers asked, {opened} were let in")

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

    def _tell(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """The next line that the process says.

        Raises:
            Broken: it has ended.
        """
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise Broken("the observers' process ended")
        return line.strip()


@contextmanager
def gathered() -> Iterator[Audience]:
    """A process that is ready to open observers, for the length of a block."""
    command = [sys.executable, "-m", "bench.crowd"]
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
    ) as process:
        try:
            audience = Audience(process)
            audience.answer()
            yield audience
        finally:
            process.kill()


@contextmanager
def audience(plan: Plan) -> Iterator[Audience]:
    """Observers, all of them open, for the length of a block at the most.

    Raises:
        Broken: not all of them were let in.
    """
    with gathered() as audience:
        audience.open(plan)
        yield audience
