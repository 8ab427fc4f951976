"""The whole service on one machine, for `make up`, `make demo`, tests and the bench.

    Redis (embedded, unless REDIS_URL names one)   python embedded_redis.py FOLDER PORT
    the API                                        python -m api
    the worker                                     python -m actors

Each is a process of its own; what dies is started again. Whatever stops the stack, also `kill -9`, stops its parts.
"""

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import msgspec

from actors.environment import BadSetting, from_environment
from actors.stopping import Stopping, ending_with_parent
from protocol.requests import LOCAL_MODEL

HERE = Path(__file__).parent
START_LIMIT_S = 30.0
STOP_LIMIT_S = 12.0
WATCH_S = 0.3
ALLOCATORS = {"api": {"PYTHONMALLOC": "malloc"}}
"""Python's own keeps what thousands of observers took when they have left; the C library's gives it back."""


class CannotStart(RuntimeError):
    """A part of the stack does not come up; the text is a sentence for people."""


class Stack:
    """Starts, watches and stops the parts. `folder` keeps Redis's data, the secret key and the logs."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        given = {name: value for name, value in environ.items() if value}  # an empty one counts as not set
        self.environ = {"PORT": "8000", "TAGSTREAM_HOST": "127.0.0.1"} | given
        self.environ.setdefault("TAGSTREAM_SECRET_KEY", _secret(folder / "secret"))
        self.url = f"http://127.0.0.1:{self.environ['PORT']}"
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self._lock: IO[str] | None = None

    def start(self) -> None:
        """Start every part and wait until the service answers.

        Raises:
            CannotStart: it runs already, a setting will not do, a port is taken, or a part ended at once.
        """
        self._lock = _sole_user(self.folder)
        try:
            _refuse_taken(from_environment(self.environ).port)
        except BadSetting as fault:
            raise CannotStart(str(fault)) from None
        if not self.environ.get("REDIS_URL"):
            port = free_port()
            self.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
            self.run("redis", str(HERE / "embedded_redis.py"), str(self.folder / "redis"), str(port))
        self.run("worker", "-m", "actors")
        self.run("api", "-m", "api")
        self.wait_until_ready()

    def run(self, name: str, *arguments: str) -> None:
        """Start a part in a session of its own, so that Ctrl-C reaches it only through us."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.parts[name] = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, *arguments],
                cwd=HERE,
                env=ALLOCATORS.get(name, {}) | self.environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ending_with_parent(signal.SIGTERM),  # noqa: PLW1509 - the stack has one thread
            )

    def wait_until_ready(self) -> None:
        """Wait until `/api/ready` says that Redis answers."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self._ready():
            for name, part in self.parts.items():
                if part.poll() is not None:
                    raise CannotStart(f"{name} did not start: {self._last_words(name)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"the API is not ready after {START_LIMIT_S:g} s; see {self.folder}/*.log")
            time.sleep(0.05)

    def mend(self) -> list[str]:
        """Start again what has died; returns the names."""
        dead = [name for name, part in self.parts.items() if part.poll() is not None]
        for name in dead:
            _close_pipe(self.parts[name])
            self.run(name, *self.parts[name].args[1:])  # type: ignore[index]
        return dead

    def stop(self) -> None:
        """Stop all parts, Redis last: rows on their way go back first."""
        for names in (("worker", "api"), ("redis",)):
            going = [part for name in names if (part := self.parts.pop(name, None))]
            for part in going:
                part.terminate()
            deadline = time.monotonic() + STOP_LIMIT_S
            for part in going:
                _end(part, deadline)
        if self._lock is not None:
            self._lock.close()

    @property
    def redis_address(self) -> str:
        """Where Redis listens, without what opens it."""
        address = urlsplit(self.environ["REDIS_URL"])
        return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()

    def token(self, subject: str) -> str:
        """A token for this stack's API."""
        command = [sys.executable, "-m", "api", "token", "--sub", subject, "--ttl-s", "86400"]
        return subprocess.check_output(command, cwd=HERE, env=self.environ, text=True).strip()  # noqa: S603

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/ready", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _last_words(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _end(part: "subprocess.Popen[bytes]", deadline: float) -> None:
    try:
        part.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        part.kill()
        part.wait()
    _close_pipe(part)


def _close_pipe(part: "subprocess.Popen[bytes]") -> None:
    if part.stdin:
        part.stdin.close()


def _secret(path: Path) -> str:
    """The stack's own secret key, made once and readable by its owner only."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _sole_user(folder: Path) -> IO[str]:
    """A lock for as long as this process lives and holds the file: two stacks must not share one Redis's files."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CannotStart("this stack is already running; stop it first, or clone into another folder") from None
    return lock


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CannotStart(f"port {port} is taken; choose another, for example PORT={port + 1}") from None


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """The stack, started, for the length of a block."""
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def up(stack: Stack) -> int:
    """Run the stack until Ctrl-C."""
    stopping = Stopping()
    batch = _offer_documents(stack)
    say("starting Redis, the API and a worker ...")
    with running(stack):
        token = stack.token("you")
        say(f"Tagstream is up: {stack.url}   (logs: {stack.folder}/*.log; Ctrl-C stops it)")
        say(f"  API description   {stack.url}/openapi.json")
        say(f"  local documents   {stack.environ['TAGSTREAM_LOCAL_ROOT']}")
        say(f"  a batch of them   {batch}")
        say(f"  Redis             {stack.redis_address}")
        say(f"  models            {_models(stack)}")
        say(f"  token (24 h)      {token}")
        while not stopping.wait(WATCH_S):
            for name in stack.mend():
                say(f"{name} died and was started again")
        say("stopping: running documents go back to the queue")
    return 0


def demo(stack: Stack) -> int:
    """Run the stack for one batch of real PDFs, shown live; 0 when every row has ended."""
    batch = _offer_documents(stack)
    stack.environ["TAGSTREAM_LOCAL_ROOT"] = str(stack.folder / "documents")
    say("starting Redis, the API and a worker ...")
    with running(stack):
        environ = stack.environ | {"TAGSTREAM_URL": stack.url, "TAGSTREAM_TOKEN": stack.token("demo")}
        command = [sys.executable, "-m", "protocol", "start", str(batch), "--watch"]
        return subprocess.run(command, cwd=HERE, env=environ, check=False).returncode  # noqa: S603


def _offer_documents(stack: Stack) -> Path:
    """Sample PDFs to try the service on, offered as local documents unless another folder is; a batch of them all."""
    from bench.documents import demo_documents  # noqa: PLC0415

    folder = stack.folder / "documents"
    scans = shutil.which("tesseract") is not None
    if not scans:
        say("Tesseract is not installed, so scans cannot be read; `make programs` installs it, or says how")
    rows = demo_documents(folder, scans=scans)
    stack.environ.setdefault("TAGSTREAM_LOCAL_ROOT", str(folder))
    batch = stack.folder / "demo.json"
    batch.write_bytes(msgspec.json.encode({"documents": rows, "config": {}}))
    return batch


def _models(stack: Stack) -> str:
    """Who gets to see documents and keys, and who pays."""
    ours = from_environment(stack.environ)
    keyed = "with the key in TAGSTREAM_PROVIDER_API_KEY" if ours.provider_api_key else "for batches with an api_key"
    return f"{urlsplit(ours.provider_base_url).hostname} {keyed} (TAGSTREAM_PROVIDER_BASE_URL); else {LOCAL_MODEL}"


def idle() -> int:
    """0 where no stack of this folder runs; then what they kept may be removed."""
    for folder in filter(Path.is_dir, (HERE / ".tagstream" / name for name in ("up", "demo"))):
        _sole_user(folder).close()
    return 0


def say(line: str) -> int:
    """A line for the person at the terminal. Always 0."""
    print(line, flush=True)
    return 0


def main() -> int:
    """The command line; a start that fails is one sentence, not a traceback."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything and stay up")
    commands.add_parser("demo", help="start everything for one batch")
    commands.add_parser("idle", help="fail where the stack of `up` or that of `demo` runs")
    commands.add_parser("token", help="print a token for the stack of `up`").add_argument("subject")
    asked = parser.parse_args()
    try:
        if asked.command == "idle":
            return idle()
        stack = Stack(HERE / ".tagstream" / ("demo" if asked.command == "demo" else "up"))
        if asked.command == "token":
            return say(stack.token(asked.subject))
        return up(stack) if asked.command == "up" else demo(stack)
    except CannotStart as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
