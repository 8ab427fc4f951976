"""Observers that vanish without a word: no FIN, no RST, only silence. The kernel notices (house, §5).

They are at the far end of a cable: a network namespace of its own, joined to ours by a pair of virtual cards.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from actors.settings import Settings
from stack import free_port
from tests.jobs import Bench
from tests.needs import lacking
from tests.served import LIMIT_S, Served, handshake, play

NOTICED_S = 35.0
"""30 s are promised; the rest is for a busy machine."""
NEAR, FAR = "198.51.100.1/30", "198.51.100.2"
"""Addresses that are nobody's (RFC 5737)."""
OBSERVERS = """
import socket, sys
host, *observers = sys.argv[1:]
observing = []
for port, opening in zip(observers[::2], observers[1::2]):
    observing.append(socket.create_connection((host, int(port))))
    observing[-1].sendall(opening.encode())
    heard = b""
    while b"catchup" not in heard:
        heard += observing[-1].recv(65536)
print("all heard", flush=True)
sys.stdin.read()
"""


class Cable:
    """A far end, and the way there."""

    def __init__(self) -> None:
        self._name = f"ts{os.getpid()}"
        self._near, self._far = f"{self._name}n", f"{self._name}f"
        made = subprocess.run(["ip", "netns", "add", self._name], check=False, capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"no network namespaces here: {made.stderr.strip()}")

    def lay(self) -> None:
        """Join both ends."""
        self._ip("link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self._name)
        self._ip("address", "add", NEAR, "dev", self._near)
        self._ip("link", "set", self._near, "up")
        self._ip("-n", self._name, "address", "add", f"{FAR}/30", "dev", self._far)
        self._ip("-n", self._name, "link", "set", self._far, "up")

    def run(self, program: str, *words: str) -> "subprocess.Popen[str]":
        """A Python program at the far end."""
        command = ["ip", "netns", "exec", self._name, sys.executable, "-c", program, *words]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._ip("-n", self._name, "link", "set", self._far, "down")

    def remove(self) -> None:
        """Both ends, and the way. The namespace may live on for minutes: its sockets are still saying goodbye."""
        self._ip("link", "delete", self._near)
        self._ip("netns", "delete", self._name)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, timeout=LIMIT_S)


@pytest.fixture
def cable() -> Iterator[Cable]:
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces")
    if shutil.which("ip") is None:
        raise lacking("install iproute2: apt-get install iproute2")
    cable = Cable()
    try:
        cable.lay()
        yield cable
    finally:
        cable.remove()


@pytest.fixture
def replicas(settings: Settings, tmp_path: Path) -> Iterator[list[Served]]:
    """One that says nothing by itself, and one whose keepalive goes out when the far end has just vanished."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Served(
                    replace(settings, port=free_port()),
                    tmp_path / f"{keepalive_s}.log",
                    TAGSTREAM_HOST="0.0.0.0",
                    TAGSTREAM_KEEPALIVE_S=keepalive_s,
                )
            )
            for keepalive_s in ("3600", "12")
        ]


def far_observers(replica: Served) -> int:
    """How many connections from the far end a process holds."""
    open_now = psutil.Process(replica.process.pid).net_connections(kind="tcp")
    return sum(1 for each in open_now if each.raddr and each.raddr.ip == FAR)


@pytest.mark.timeout(120)
def test_observers_that_vanish_are_noticed_whether_or_not_they_are_told_anything(
    cable: Cable, replicas: list[Served], bench: Bench
) -> None:
    silent, alive = replicas
    for job_id in ("quiet", "busy"):
        bench.start(job_id, rows=3)
    observers = [(silent, "quiet"), (silent, "busy"), (alive, "quiet")]
    words = [word for api, job in observers for word in (str(api.settings.port), handshake(api, job).decode())]
    with cable.run(OBSERVERS, NEAR.partition("/")[0], *words) as far:
        assert far.stdout is not None
        assert far.stdout.readline() == "all heard\n"
        assert (far_observers(silent), far_observers(alive)) == (2, 1)
        cable.cut()
        play(bench, "busy", 1)
        deadline = time.monotonic() + NOTICED_S
        while any(map(far_observers, replicas)):
            assert time.monotonic() < deadline, [far_observers(each) for each in replicas]
            time.sleep(0.1)
        far.kill()
    assert "Traceback" not in silent.log.read_text() + alive.log.read_text()
