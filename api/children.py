"""Short-lived processes for what the web process must not do itself: read files that others made, build large ones.

A child has a bounded life, no secret in its environment, and bounds its own memory (`confined`): whatever a file does
to it, the API goes on, and its event loop has waited for a pipe only.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from api.problems import RETRY_AFTER_S, Problem

CHILDREN_MAX = 2
"""At a time, of one program and one API process; others wait for their turn."""
# Where an interpreter may need to find its own libraries.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Children:
    """Starts them."""

    def __init__(self) -> None:
        self._rooms = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(CHILDREN_MAX))

    @asynccontextmanager
    async def start(self, module: str, *arguments: str, limit_s: float) -> AsyncIterator[Process]:
        """`python -m module`, talked to by pipes; it does not outlive the block.

        Raises:
            TimeoutError: the block took longer than `limit_s`.
            Problem: 503, the system starts no process.
        """
        async with self._rooms[module], asyncio.timeout(limit_s):
            process = await _spawn(module, arguments)
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def ask(
        self, module: str, argument: str, given: bytes, *, answer_max_bytes: int, limit_s: float
    ) -> bytes | None:
        """What a child answers to `given`; None: it died, took too long or said too much."""
        with suppress(TimeoutError):
            async with self.start(module, argument, limit_s=limit_s) as process:
                said, _ = await asyncio.gather(_hear(process, answer_max_bytes), feed(process, given, last=True))
                return said if said is not None and await process.wait() == 0 else None
        return None


async def feed(process: Process, given: bytes, *, last: bool = False) -> None:
    """Give a child more to read; one that has gone takes nothing."""
    assert process.stdin is not None
    with suppress(ConnectionError):
        process.stdin.write(given)
        await process.stdin.drain()
    if last:
        process.stdin.close()


async def _hear(process: Process, max_bytes: int) -> bytes | None:
    assert process.stdout is not None
    try:
        await process.stdout.readexactly(max_bytes)
    except asyncio.IncompleteReadError as end:
        return end.partial
    process.kill()
    return None


async def _spawn(module: str, arguments: tuple[str, ...]) -> Process:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - as the import system says it
    environ = {"PYTHONPATH": path} | {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # -S: the search path is handed over whole, so the slow look at site-packages is not needed.
    command = [sys.executable, "-P", "-S", "-m", module, *arguments]
    try:
        return await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environ, start_new_session=True
        )
    except OSError:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        raise Problem(503, "No process for the file could be started; try again shortly.", headers=headers) from None
