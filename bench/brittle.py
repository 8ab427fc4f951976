"""A stack that is made to be broken: two API processes, a worker with its children, Redis behind a proxy."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import redis

from bench.proxy import Proxy
from bench.report import Broken
from stack import Stack, free_port

UP_LIMIT_S, LOOK_S = 30.0, 0.05


class BrittleStack(Stack):
    """`line` is the way to Redis for everybody but the bench. Its second API process is the part `second`."""

    def __init__(self, folder: Path, environ: Mapping[str, str], line: Proxy) -> None:
        super().__init__(folder, environ)
        self.line = line
        self._second_port = free_port()

    @property
    def urls(self) -> list[str]:
        """Of the API processes."""
        return [self.url, f"http://127.0.0.1:{self._second_port}"]

    def redis(self) -> Any:
        """A client that comes through whatever becomes of the line."""
        return redis.Redis(port=self.line.target_port, decode_responses=True, socket_timeout=5)

    def run(self, name: str, *arguments: str) -> None:
        shared = self.environ
        if name == "second":
            self.environ = shared | {"PORT": str(self._second_port)}
        super().run(name, *arguments)
        self.environ = shared
        if name == "redis":
            self.line.target_port = int(arguments[-1])
            self._wait_for_redis()
            shared["REDIS_URL"] = f"redis://127.0.0.1:{self.line.port}/0"
        elif name == "api" and "second" not in self.parts:
            self.run("second", "-m", "api")

    def stop(self) -> None:
        second = self.parts.pop("second", None)
        if second is not None:
            second.kill()
            second.communicate()
        super().stop()

    def redis_server(self) -> psutil.Process:
        """The server itself; its holder, which starts nothing again, is the part `redis`."""
        return _named(self.parts["redis"].pid, "")[0]

    def workers(self) -> list[psutil.Process]:
        """The processes that work on documents."""
        return _named(self.parts["worker"].pid, "--supervised-by")

    def readers(self) -> list[psutil.Process]:
        """The children that read PDFs."""
        return [reader for worker in self.workers() for reader in _named(worker.pid, "actors.child")]

    def _wait_for_redis(self) -> None:
        """Until it answers, and keeps what it acknowledges: by default one that is killed may lose two seconds."""
        deadline = time.monotonic() + UP_LIMIT_S
        with self.redis() as client:
            while time.monotonic() < deadline:
                with suppress(redis.RedisError):
                    client.config_set("appendfsync", "always")
                    return
                time.sleep(LOOK_S)
        raise Broken(f"Redis was not there within {UP_LIMIT_S:g} s")


def _named(parent: int, word: str) -> list[psutil.Process]:
    """The children of a process on whose command line the word stands; none of one that has just ended."""
    found = []
    try:
        children = psutil.Process(parent).children()
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            if word in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found
