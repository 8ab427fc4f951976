"""What measurements of observers stand on: Redis and the API without a worker, whose part the bench plays."""

import http.client
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from actors.environment import from_environment
from actors.settings import Settings
from bench.report import Broken
from bench.rig import CALM_FOR_S, CALM_LIMIT_S, CALM_SHARE, ending, scratch
from stack import HERE, Stack, free_port, running

START_LIMIT_S, STOP_LIMIT_S, POLL_S = 30.0, 12.0, 0.02
OWNER = "bench"


class ReadSide(Stack):
    """The stack without its worker."""

    def run(self, name: str, *arguments: str) -> None:
        if name != "worker":
            super().run(name, *arguments)

    @property
    def settings(self) -> Settings:
        """Of its API."""
        return from_environment(self.environ)


@dataclass(frozen=True, slots=True)
class Service:
    """A process that lets observers in."""

    pid: int
    port: int
    path: Callable[[str], str]
    """Where a job is observed."""
    token: str = ""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def read_side(**environ: str) -> Iterator[ReadSide]:
    """A read side for the length of a block; other settings that the caller made count."""
    given = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    with scratch() as folder, running(ReadSide(folder, given | {"PORT": str(free_port())} | environ)) as stack:
        assert isinstance(stack, ReadSide)
        yield stack


def ours(stack: ReadSide) -> Service:
    """The API of a stack."""
    return Service(stack.parts["api"].pid, stack.settings.port, _our_path, stack.token(OWNER))


@contextmanager
def another(stack: ReadSide) -> Iterator[Service]:
    """One more API process on the same Redis."""
    port = free_port()
    with _served(stack, port, "api", PORT=str(port)) as pid:
        yield Service(pid, port, _our_path, stack.token(OWNER))


@contextmanager
def naive(stack: ReadSide) -> Iterator[Service]:
    """The baseline on the same Redis."""
    port = free_port()
    with _served(stack, port, "bench.naive", str(port), stack.environ["REDIS_URL"]) as pid:
        yield Service(pid, port, "/ws/{}".format)


def _our_path(job_id: str) -> str:
    return f"/api/batch/ws/{job_id}"


@contextmanager
def _served(stack: ReadSide, port: int, module: str, *arguments: str, **environ: str) -> Iterator[int]:
    with (
        (stack.folder / f"{module}-{port}.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=HERE,
            env=stack.environ | environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as server,
        ending(server, STOP_LIMIT_S),
    ):
        _wait_until_healthy(server, port)
        yield server.pid


def _wait_until_healthy(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not healthy(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise Broken(f"{server.args!r} did not come up")
        time.sleep(POLL_S)


def healthy(port: int) -> bool:
    """Whether something on this port of loopback answers /api/health."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_LIMIT_S)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def job_ids(count: int) -> list[str]:
    """New ones."""
    return [f"{secrets.token_hex(6)}-{number}" for number in range(count)]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was used so far, in CPU seconds."""

    api_s: float
    redis_s: float

    def since(self, before: "Reading") -> "Reading":
        """What was used between two readings."""
        return Reading(self.api_s - before.api_s, self.redis_s - before.redis_s)


class Gauges:
    """What a service and its Redis use."""

    def __init__(self, service: Service, redis_url: str) -> None:
        self._process = psutil.Process(service.pid)
        self._port = service.port
        self._client = redis.Redis.from_url(redis_url, decode_responses=True)
        self._redis_port = self._client.connection_pool.connection_kwargs["port"]

    def read(self) -> Reading:
        """CPU seconds. Of Redis the thread that serves: what others do for the append-only file is not reading."""
        info = self._client.info("cpu")
        redis_s = info["used_cpu_user_main_thread"] + info["used_cpu_sys_main_thread"]
        return Reading(time.clock_gettime(_cpu_clock(self._process.pid)), redis_s)

    def rss_mib(self) -> float:
        """Memory of the service."""
        return float(self._process.memory_info().rss) / 1024**2

    def forget_peak(self) -> None:
        """`peak_mib` counts from now on (Linux)."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def peak_mib(self) -> float:
        """The most memory that the service had at one time."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def wait_until_calm(self) -> None:
        """Wait until the service has nothing left to do.

        Raises:
            Broken: it does not come to rest.
        """
        deadline = time.monotonic() + CALM_LIMIT_S
        while time.monotonic() < deadline:
            before = self.read()
            time.sleep(CALM_FOR_S)
            if self.read().since(before).api_s < CALM_SHARE * CALM_FOR_S:
                return
        raise Broken(f"the API was still busy after {CALM_LIMIT_S:g} s without events")

    def redis_connections(self) -> int:
        """Of the service to Redis."""
        return self._established(lambda each: each.raddr and each.raddr.port == self._redis_port)

    def observers(self) -> int:
        """Connections that clients hold to the service, as far as its kernel knows."""
        return self._established(lambda each: each.laddr.port == self._port)

    def _established(self, belongs: Callable[..., bool]) -> int:
        known = self._process.net_connections(kind="tcp")
        return sum(each.status == psutil.CONN_ESTABLISHED and bool(belongs(each)) for each in known)


def _cpu_clock(pid: int) -> int:
    """How Linux numbers the CPU clock of a process; what `psutil` reads counts in steps of 10 ms."""
    return (~pid << 3) | 2
