"""One child that reads PDFs: confined, polite, without secrets, and never left behind."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from actors.blob import Blob
from actors.child import NICENESS
from actors.errors import DocumentError, DocumentRefused, InternalFault
from actors.sandbox import Sandbox
from bench.documents import text_pdf
from protocol.words import ErrorCode
from tests.conftest import SECRET_KEY
from tests.waiting import LIMIT_S

ROOT = Path(__file__).parent.parent
SECRETS = ("TAGSTREAM_SECRET_KEY", "TAGSTREAM_PROVIDER_API_KEY", "REDIS_URL")


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Blob]:
    path = tmp_path / "document.pdf"
    path.write_bytes(text_pdf(1))
    with Blob(path.open("rb"), path.stat().st_size) as blob:
        yield blob


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A pool of one child, in a process whose environment is full of secrets."""
    for name in SECRETS:
        monkeypatch.setenv(name, SECRET_KEY)
    it = Sandbox(processes=1, memory_mb=256, timeout_s=LIMIT_S)
    yield it
    it.close()


@pytest.fixture
def child(sandbox: Sandbox, document: Blob) -> psutil.Process:
    """A child that has read a document."""
    sandbox.extract(document, 3)
    return psutil.Process(sandbox.pids()[0])


linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells this of another process")


@linux
def test_a_child_knows_no_secret(child: psutil.Process) -> None:
    environment = child.environ()
    assert not set(SECRETS) & set(environment)
    assert SECRET_KEY not in "".join([*environment.values(), *child.cmdline()])


@linux
def test_a_child_holds_nothing_but_its_socket(child: psutil.Process) -> None:
    held = {int(each.name): str(each.readlink()) for each in Path(f"/proc/{child.pid}/fd").iterdir()}
    assert [name for number, name in held.items() if number > 2] == []
    assert held[0].startswith("socket:")
    assert {held[1], held[2]} == {"/dev/null"}


@linux
def test_a_child_is_polite_and_bounded(child: psutil.Process) -> None:
    assert child.nice() == min(19, os.nice(0) + NICENESS)
    limits = {"RLIMIT_AS": (256 * 2**20,) * 2, "RLIMIT_CORE": (0, 0)}
    assert {name: child.rlimit(getattr(resource, name)) for name in limits} == limits
    soft, _ = child.rlimit(resource.RLIMIT_CPU)
    assert 0 < soft <= LIMIT_S + 10


def test_ctrl_c_reaches_the_parent_only(sandbox: Sandbox, child: psutil.Process, document: Blob) -> None:
    assert os.getsid(child.pid) == child.pid
    child.send_signal(signal.SIGINT)
    assert sandbox.extract(document, 3).pages_read == 3
    assert sandbox.pids() == [child.pid]


PARENT = """
import signal, sys
from actors.sandbox import Sandbox
sandbox = Sandbox(2, 256, 30)
sandbox.start()
print(*sandbox.pids(), flush=True)
signal.pause()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_children_end_with_their_parent_however_it_ends(end: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.send_signal(end)
        parent.wait(LIMIT_S)
    assert len(children) == 2
    _, alive = psutil.wait_procs(children, timeout=LIMIT_S)
    assert alive == []


def program(folder: Path, lines: str) -> str:
    """Something else in the place of the interpreter; its standard input is the socket."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o700)
    return str(path)


SO_FAR = '{"cpu_s":0,"interim":true,"extraction":{"pages":["so far"],"page_count":2,"pages_read":1,"metadata":{}}}'
NOTHING_YET = '{"cpu_s":0,"interim":true}'
LAST = '{"cpu_s":0,"extraction":{"pages":["all"],"page_count":2,"pages_read":2,"metadata":{}}}'
READY = """echo '{"cpu_s":0}' >&0"""
HEARD = "head -c 1 <&0 >/dev/null"


@pytest.mark.parametrize(
    "lines", ["echo this is no answer >&0; sleep 100", "exit 1", "kill -9 $$", "echo '{}' >&0; sleep 100", "exit 0"]
)
def test_a_child_that_does_not_start_is_our_fault(
    lines: str, sandbox: Sandbox, document: Blob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", program(tmp_path, lines))
        with pytest.raises(InternalFault):
            sandbox.extract(document, 3)
    assert sandbox.pids() == []
    assert sandbox.extract(document, 3).pages_read == 3


def test_a_program_that_is_not_there_is_our_fault(
    sandbox: Sandbox, document: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(InternalFault):
            sandbox.extract(document, 3)
    assert sandbox.extract(document, 3).pages_read == 3


@pytest.mark.parametrize(
    "answer",
    [
        "echo this is no answer >&0; sleep 100",
        'echo \'{"cpu_s": "many"}\' >&0; sleep 100',
        "cat /dev/zero >&0",
        "yes >&0",
        "printf '\\377\\n' >&0; sleep 100",
        f"printf '%s\\n%s\\n' '{LAST}' '{LAST}' >&0; sleep 100",
    ],
    ids=["no JSON", "wrong type", "no end", "many lines", "no UTF-8", "two last words"],
)
def test_a_child_that_talks_nonsense_is_replaced(
    answer: str, sandbox: Sandbox, document: Blob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", program(tmp_path, f"{READY}; {HEARD}; {answer}"))
        with pytest.raises(DocumentRefused) as caught:
            sandbox.extract(document, 3)
    assert caught.value.code is ErrorCode.TOO_COMPLEX
    assert sandbox.extract(document, 3).pages_read == 3


def test_a_child_that_ends_without_a_word_twice_makes_the_document_too_complex(
    sandbox: Sandbox, document: Blob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = tmp_path / "started"
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", program(tmp_path, f"echo >>{counted}; {READY}; {HEARD}; exit 3"))
        with pytest.raises(DocumentError) as caught:
            sandbox.extract(document, 3)
    assert caught.value.code is ErrorCode.TOO_COMPLEX
    assert counted.read_text() == "\n\n"


Told = Callable[[str], list[str] | ErrorCode | None]


@pytest.fixture
def told(sandbox: Sandbox, document: Blob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What comes of a child that says and does something."""

    def extract(lines: str) -> list[str] | ErrorCode | None:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", program(tmp_path, f"{READY}; {HEARD}; {lines}"))
            try:
                return sandbox.extract(document, 3).pages
            except DocumentRefused as refusal:
                return refusal.code

    return extract


def test_the_last_word_counts(told: Told) -> None:
    assert told(f"echo '{NOTHING_YET}' >&0; echo '{SO_FAR}' >&0; echo '{LAST}' >&0; sleep 100") == ["all"]


@pytest.mark.parametrize("end", ["kill -ABRT $$", "kill -SEGV $$", "kill -XCPU $$", "echo nonsense >&0; sleep 100"])
def test_what_a_child_had_before_the_document_ended_it_is_kept(end: str, told: Told, sandbox: Sandbox) -> None:
    assert told(f"echo '{SO_FAR}' >&0; {end}") == ["so far"]
    assert sandbox.pids() == []
    assert told(f"echo '{NOTHING_YET}' >&0; {end}") is ErrorCode.TOO_COMPLEX


def test_what_a_child_had_is_kept_when_time_is_up(
    document: Blob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path, f"{READY}; {HEARD}; echo '{SO_FAR}' >&0; sleep 100"))
    with closing(Sandbox(processes=1, memory_mb=256, timeout_s=1, ocr_timeout_s=0.1)) as sandbox:
        assert sandbox.extract(document, 3).pages == ["so far"]


def test_a_child_that_has_more_to_try_gets_the_time_for_it(
    document: Blob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = f"echo '{NOTHING_YET}' >&0; sleep 3; echo '{LAST}' >&0; sleep 100"
    monkeypatch.setattr(sys, "executable", program(tmp_path, f"{READY}; {HEARD}; {late}"))
    with closing(Sandbox(processes=1, memory_mb=256, timeout_s=1, ocr_timeout_s=LIMIT_S)) as sandbox:
        assert sandbox.extract(document, 3).pages == ["all"]
