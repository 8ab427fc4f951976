"""From a process's start to its first 200, against a bare Quart and Hypercorn hello in the same run."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from bench.readside import healthy
from bench.report import Broken, Line, at_most
from bench.rig import Rig, ending
from stack import HERE, free_port

RUNS = 5
TARGET_S, TARGET_RATIO = 0.8, 2.0
POLL_S = 0.002
LIMIT_S = 30.0


def measure(rig: Rig, runs: int = RUNS) -> Iterator[Line]:
    """The API's start and the hello's, in turn, after one of each that warms the disk.

    Raises:
        Broken: one of them did not come up.
    """
    rig.wait_until_calm()
    api_s: list[float] = []
    hello_s: list[float] = []
    for _ in range(runs + 1):
        port = str(free_port())
        hello_s.append(first_200_s(("-m", "bench.hello", port), rig.stack.environ, port))
        port = str(free_port())
        api_s.append(first_200_s(("-m", "api"), rig.stack.environ | {"PORT": port}, port))
    api, hello = statistics.median(api_s[1:]), statistics.median(hello_s[1:])
    yield at_most("API from start to first 200", api, TARGET_S, " s", figure=f"{api:.3f} s median of {runs}")
    figure = f"{api / hello:.2f} x the {hello:.3f} s of a bare Quart and Hypercorn"
    yield at_most("  against a bare hello", api / hello, TARGET_RATIO, " x", figure=figure)


def first_200_s(arguments: tuple[str, ...], environ: Mapping[str, str], port: str) -> float:
    """Seconds from starting a Python program to its first 200 of /api/health on a port of loopback."""
    started = time.perf_counter()
    with (
        subprocess.Popen(
            [sys.executable, *arguments], cwd=HERE, env=environ, stderr=subprocess.DEVNULL, start_new_session=True
        ) as server,
        ending(server, LIMIT_S),
    ):
        while not healthy(int(port)):
            if server.poll() is not None or time.perf_counter() - started > LIMIT_S:
                raise Broken(f"{' '.join(arguments)} did not come up")
            time.sleep(POLL_S)
        return time.perf_counter() - started
