"""One child process that reads PDFs: both ends of its socket.

    Child   how its parent sees it
    main    what it does itself, `python -m actors.child`

The child is handed a document as an open file over a socket pair and answers with one line of JSON. It runs at a low
priority, with a bounded address space, in a session of its own (Ctrl-C in a terminal reaches only the parent, which
decides), with an environment that holds no secret. It ends when the parent's end of the socket closes, which the
kernel does even after `kill -9`. The parent arms a limit of CPU time for each document, and a wall clock.
On macOS there is neither a limit of memory nor one of CPU time: the wall clock remains.
"""

import contextlib
import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from actors.errors import DocumentRefused, InternalFault
from actors.extract import Extraction, read_pdf, too_complex
from protocol.words import ErrorCode

DOCUMENTS_PER_CHILD = 200
RSS_MAX_BYTES = 300 * 2**20
START_TIMEOUT_S = 30.0
WALL_FACTOR = 2
"""Children are polite (nice 10): on a busy machine a document's CPU seconds take longer by the clock."""
NICENESS = 10
ANSWER_MAX_BYTES = 8 * 2**20
QUESTION_MAX_BYTES = 65_536
PASSWORD_MAX_CHARS = 1_000
"""More than any PDF can have (127 bytes)."""
_STATM = Path("/proc/self/statm")
# Where an interpreter may need to find its own libraries; nothing else of our environment is anybody's business.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Question(msgspec.Struct, frozen=True):
    """What the parent asks; the document travels beside it."""

    num_pages: int
    password: str | None


class Answer(msgspec.Struct, omit_defaults=True):
    """What a child answers; the first one, without extraction and code, says that it is ready."""

    cpu_s: float
    """CPU time that the child has used in its life."""
    worn: bool = False
    """It has done its share and wants to be replaced."""
    extraction: Extraction | None = None
    code: ErrorCode | None = None
    sentence: str = ""


_question = msgspec.json.Decoder(Question)
_answer = msgspec.json.Decoder(Answer)


class Lost(Exception):
    """A child is of no use any more. `breach`: the document went over a limit; else it died of something else."""

    def __init__(self, *, breach: bool) -> None:
        super().__init__()
        self.breach = breach


class Child:
    """One child as its parent sees it; used by one thread at a time, but for `kill`."""

    def __init__(self, memory_mb: int) -> None:
        self._cpu_s: float | None = None
        self._socket, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as on_failure:
            on_failure.callback(self._socket.close)
            # -S: the search path is handed over whole, so the slow look at site-packages is not needed.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-S", "-m", "actors.child", str(memory_mb)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
            on_failure.pop_all()
        self.pid = self._process.pid

    def warm(self) -> bool:
        """Whether it has said something: that it is ready, or by its end that it will never be."""
        if self._cpu_s is not None:
            return True
        with contextlib.suppress(BlockingIOError):
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            return True
        return False

    def ask(self, question: Question, file: int, limit_s: float) -> Answer:
        """Have one document read.

        Raises:
            Lost: no answer came, or none that makes sense.
            InternalFault: the child did not start.
        """
        if self._cpu_s is None:
            self._cpu_s = self._start()
        self._arm(self._cpu_s + limit_s)
        try:
            socket.send_fds(self._socket, [msgspec.json.encode(question)], [file])
        except OSError:
            raise Lost(breach=False) from None
        answer = self._hear(WALL_FACTOR * limit_s)
        self._cpu_s = answer.cpu_s
        return answer

    def kill(self) -> None:
        """From any thread; whoever waits for its answer gets `Lost`."""
        self._process.kill()

    def end(self) -> None:
        """Kill it and forget it."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def _start(self) -> float:
        try:
            return self._hear(START_TIMEOUT_S).cpu_s
        except Lost:
            raise InternalFault("A process that reads documents could not be started.") from None

    def _arm(self, cpu_s: float) -> None:
        if sys.platform == "linux":
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]  # a child has its parent's
            soft = math.ceil(cpu_s) if hard == resource.RLIM_INFINITY else min(math.ceil(cpu_s), hard)
            with contextlib.suppress(OSError):  # forbidden in some containers: the wall clock remains
                resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (soft, hard))

    def _hear(self, timeout_s: float) -> Answer:
        deadline = time.monotonic() + timeout_s
        heard = bytearray()
        while not heard.endswith(b"\n"):
            heard += self._receive(deadline - time.monotonic())
            if len(heard) > ANSWER_MAX_BYTES:
                raise Lost(breach=True)
        try:
            return _answer.decode(heard)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Lost(breach=True) from None

    def _receive(self, timeout_s: float) -> bytes:
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self._socket.recv(256 * 1024)
        except TimeoutError:
            raise Lost(breach=True) from None
        except OSError:
            data = b""
        if not data:
            self._process.kill()
            raise Lost(breach=self._process.wait() == -signal.SIGXCPU)
        return data


def _environment() -> dict[str, str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - as the import system says it
    return {"PYTHONPATH": path} | {name: os.environ[name] for name in _INHERITED if name in os.environ}


def main() -> None:
    """Serve one document after the other until the parent goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _confine(int(sys.argv[1]) * 2**20)
    import pypdf  # noqa: F401, PLC0415 - warm before the first document

    with socket.socket(fileno=0) as parent, contextlib.suppress(OSError):
        _send(parent, Answer(time.process_time()))
        served = 0
        while _serve(parent, served := served + 1):
            pass


def _confine(memory_bytes: int) -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _serve(parent: socket.socket, served: int) -> bool:
    asked, files, _, _ = socket.recv_fds(parent, QUESTION_MAX_BYTES, 1)
    if not asked:
        return False
    answer = _answer_to(_question.decode(asked), files[0])
    answer.worn = answer.worn or served >= DOCUMENTS_PER_CHILD or _rss_bytes() > RSS_MAX_BYTES
    answer.cpu_s = time.process_time()
    _send(parent, answer)
    return True


def _answer_to(question: Question, descriptor: int) -> Answer:
    try:
        with open(descriptor, "rb", buffering=0) as file:
            file.seek(0)  # the offset is shared with whoever read it before
            data = file.read()
        return Answer(0, extraction=read_pdf(data, question.num_pages, question.password))
    except DocumentRefused as refusal:
        return Answer(0, code=refusal.code, sentence=str(refusal))
    except MemoryError:
        heavy = too_complex()
        return Answer(0, worn=True, code=heavy.code, sentence=str(heavy))


def _send(parent: socket.socket, answer: Answer) -> None:
    parent.sendall(msgspec.json.encode(answer) + b"\n")


def _rss_bytes() -> int:
    """What this process has in memory now; where that cannot be asked, the most that it ever had."""
    with contextlib.suppress(OSError):
        # Not `ru_maxrss` here: on Linux that begins with what the parent had when it started us.
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
