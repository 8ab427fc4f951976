"""What all measurements stand on: the stack of `make up`, a document host and a mock provider, started and stopped."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from bench.cpu import CpuClock, since
from bench.report import Broken
from stack import HERE, CannotStart, Stack, free_port, running

DOCUMENTS, PAGES = 200, 3
PROVIDER_LATENCY_MS = 200
MODEL = "mock"
ANSWER_TIMEOUT_S = 10.0
STOP_LIMIT_S = 5.0
CALM_SHARE, CALM_FOR_S, CALM_LIMIT_S = 0.1, 0.3, 30.0
"""The service is calm when it used less than this share of one core for so long."""


class BenchStack(Stack):
    """The stack with the settings of the bench; `sampled`: the worker and the API write down their CPU time."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *, sampled: bool) -> None:
        super().__init__(folder, environ)
        self._sampled = sampled

    def run(self, name: str, *arguments: str) -> None:
        if self._sampled and arguments[0] == "-m":
            arguments = ("-m", "bench.sampled", str(self.samples(name)), *arguments[1:])
        super().run(name, *arguments)

    def samples(self, name: str) -> Path:
        """Where a part writes its samples."""
        return self.folder / f"{name}.samples"


class Rig:
    """All that runs. Its processes by name are in `processes`."""

    def __init__(self, stack: BenchStack, host: str, provider: str, documents: int) -> None:
        self.stack = stack
        self.host = host
        self._distinct = documents
        self._provider = provider.removesuffix("/v1")
        self.token = stack.token("bench")
        self.api_key = "a-key-of-the-bench"
        """Of the jobs started from now on. With a new one nothing is known yet of the provider's limits."""
        self.processes: dict[str, int] = {name: part.pid for name, part in stack.parts.items()}

    def rows(self, count: int) -> list[dict[str, Any]]:
        """So many rows of a batch; beyond the host's distinct documents they repeat."""
        return [
            {
                "title": f"Document {row}",
                "file_path": f"{self.host}/{row % self._distinct}.pdf",
                "file_source_type": "url",
            }
            for row in range(count)
        ]

    def request(self, count: int) -> bytes:
        """The body of a start of so many rows."""
        config = {"api_key": self.api_key, "model_name": MODEL}
        return msgspec.json.encode({"documents": self.rows(count), "config": config})

    def behave(self, **behaviour: Any) -> None:
        """Tell the provider how to answer from now on, and to count from zero."""
        _ask("POST", f"{self._provider}/control", msgspec.json.encode(behaviour))
        _ask("DELETE", f"{self._provider}/stats")

    def provider_stats(self) -> dict[str, Any]:
        """What the provider was asked since `behave`."""
        return msgspec.json.decode(_ask("GET", f"{self._provider}/stats"), type=dict[str, Any])

    def wait_until_calm(self) -> None:
        """Wait until the service has nothing left to do.

        Raises:
            Broken: it does not come to rest.
        """
        clock = CpuClock({name: part.pid for name, part in self.stack.parts.items()})
        deadline = time.monotonic() + CALM_LIMIT_S
        while time.monotonic() < deadline:
            before = clock.read()
            time.sleep(CALM_FOR_S)
            if sum(since(before, clock.read()).values()) < CALM_SHARE * CALM_FOR_S:
                return
        raise Broken(f"the service was still busy after {CALM_LIMIT_S:g} s without a job")

    def documents_served(self) -> int:
        """How many documents the host has handed out."""
        return msgspec.json.decode(_ask("GET", f"{self.host}/stats"), type=dict[str, int])["served"]


def _ask(method: str, url: str, body: bytes | None = None) -> bytes:
    with urlopen(Request(url, body, method=method), timeout=ANSWER_TIMEOUT_S) as answer:
        return bytes(answer.read())


@contextmanager
def rigged(*, sampled: bool = False, documents: int = DOCUMENTS, **settings: str) -> Iterator[Rig]:
    """A rig for the length of a block; `settings`: of the service, by their names in the environment."""
    with scratch() as folder, _started(folder, documents, settings, sampled=sampled) as rig:
        yield rig


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a stack and its logs; it is kept when something broke."""
    home = HERE / ".tagstream" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=home))
    try:
        yield folder
    except (Broken, CannotStart):
        print(f"the logs are in {folder}", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


@contextmanager
def _started(folder: Path, documents: int, settings: dict[str, str], *, sampled: bool) -> Iterator[Rig]:
    with ExitStack() as exits:
        exits.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        host, host_pid = exits.enter_context(served("bench.host", "--documents", str(documents), "--pages", str(PAGES)))
        provider, provider_pid = exits.enter_context(served("bench.provider", "--latency-ms", str(PROVIDER_LATENCY_MS)))
        stack = BenchStack(folder, _environ(provider) | settings, sampled=sampled)
        exits.enter_context(running(stack))
        rig = Rig(stack, host, provider, documents)
        rig.processes |= {"host": host_pid, "provider": provider_pid, "observer": os.getpid()}
        exits.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it behind
        yield rig


def _environ(provider: str) -> dict[str, str]:
    """Ours with what the bench must set; other settings that the caller made count."""
    environ = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return environ | {
        "PORT": str(free_port()),
        "TAGSTREAM_PROVIDER_BASE_URL": provider,
        "TAGSTREAM_PRIVATE_SOURCES": "127.0.0.1/32",
    }


@contextmanager
def served(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """A server in a process of its own, out of Ctrl-C's reach; its first line says where it listens."""
    command = [sys.executable, "-m", module, *arguments]
    with (
        subprocess.Popen(
            command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
        ) as server,
        ending(server, STOP_LIMIT_S),
    ):
        assert server.stdout is not None
        if not (place := server.stdout.readline().strip()):
            raise Broken(f"{module} did not start")
        yield place, server.pid


@contextmanager
def ending(server: "subprocess.Popen[Any]", limit_s: float) -> Iterator[None]:
    """After the block the process is told to end, and after `limit_s` made to."""
    try:
        yield
    finally:
        server.terminate()
        try:
            server.wait(limit_s)
        except subprocess.TimeoutExpired:
            server.kill()
