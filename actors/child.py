"""One child process that reads PDFs: both ends of its socket.

    Child   how its parent sees it
    main    what it does itself, `python -m actors.child`

The child is handed a document as an open file over a socket pair and answers with a line of JSON. Before it tries what
may cost it its life (pdfium, and Tesseract behind it) it says in a line what it has so far, and the parent keeps to
that if no more comes. It runs at a low priority, with a bounded address space, in a session of its own (Ctrl-C in a
terminal reaches only the parent, which decides), with an environment that holds no secret. It ends when the parent's
end of the socket closes, which the kernel does even after `kill -9`. The parent arms a limit of CPU time for each
document, and a wall clock.
On macOS there is neither a limit of memory nor one of CPU time: the wall clock remains.
"""

import contextlib
import gc
import math
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from actors.errors import DocumentRefused, InternalFault
from actors.extract import Extraction, read_pdf
from actors.ocr import WALL_FACTOR, Tesseract
from actors.textlayer import too_complex
from protocol.words import ErrorCode

DOCUMENTS_PER_CHILD = 1_000
RSS_MAX_BYTES = 300 * 2**20
START_TIMEOUT_S = 30.0
NICENESS = 10
OBJECTS_BEFORE_COLLECTING = 50_000
"""pypdf makes thousands of objects for each page, nearly all of which go by themselves."""
ANSWER_MAX_BYTES = 8 * 2**20
QUESTION_MAX_BYTES = 65_536
PASSWORD_MAX_CHARS = 1_000
"""More than any PDF can have (127 bytes)."""
_STATM = Path("/proc/self/statm")
# Where an interpreter may need to find its own libraries, and where Tesseract and its data lie; nothing else of our
# environment is anybody's business.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "TESSDATA_PREFIX")
# How a process ends that goes over its limit of CPU time, or that a file has confused.
_BREACHES = frozenset(
    -number
    for number in (
        signal.SIGXCPU,
        signal.SIGABRT,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGILL,
        signal.SIGTRAP,
        signal.SIGFPE,
    )
)


class Limits(NamedTuple):
    """What one document may cost. `cpu_s`: of a child. Beside it Tesseract may take `ocr_cpu_s` for all its pages."""

    memory_mb: int
    cpu_s: float
    ocr_cpu_s: float


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
    interim: bool = False
    """Another follows, unless the child dies of what it tries now."""


_question = msgspec.json.Decoder(Question)
_answer = msgspec.json.Decoder(Answer)


class Lost(Exception):
    """A child is of no use any more.

    `breach`: the document went over a limit, or ended it; else it died of something else. `answer`: what it had so far.
    """

    def __init__(self, *, breach: bool, answer: Answer | None = None) -> None:
        super().__init__()
        self.breach, self.answer = breach, answer


class Child:
    """One child as its parent sees it; used by one thread at a time, but for `kill`."""

    def __init__(self, limits: Limits, languages: str) -> None:
        self._limits = limits
        self._heard = bytearray()
        self._cpu_s: float | None = None
        self._socket, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as on_failure:
            on_failure.callback(self._socket.close)
            # -S: the search path is handed over whole, so the slow look at site-packages is not needed.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-S", "-m", "actors.child", *map(str, limits), languages],
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

    def ask(self, question: Question, file: int) -> Answer:
        """Have one document read.

        Raises:
            Lost: no answer came, or none that makes sense.
            InternalFault: the child did not start.
        """
        if self._cpu_s is None:
            self._cpu_s = self._start()
        self._arm(self._cpu_s + self._limits.cpu_s)
        try:
            socket.send_fds(self._socket, [msgspec.json.encode(question)], [file])
        except OSError:
            raise Lost(breach=False) from None
        answer = self._answer()
        if self._heard:  # what comes behind the last word would be taken for the next document's
            raise Lost(breach=True)
        self._cpu_s = answer.cpu_s
        return answer

    def _answer(self) -> Answer:
        """The last word on a document. Tesseract's time comes on top once the child says that there is more to try."""
        started = time.monotonic()
        deadline = started + WALL_FACTOR * self._limits.cpu_s
        answer = None
        while answer is None or answer.interim:
            try:
                answer = self._hear(deadline)
            except Lost as loss:
                raise Lost(breach=loss.breach, answer=answer) from None
            deadline = started + WALL_FACTOR * (self._limits.cpu_s + self._limits.ocr_cpu_s)
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
            return self._hear(time.monotonic() + START_TIMEOUT_S).cpu_s
        except Lost:
            raise InternalFault("A process that reads documents could not be started.") from None

    def _arm(self, cpu_s: float) -> None:
        if sys.platform == "linux":
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]  # a child has its parent's
            soft = math.ceil(cpu_s) if hard == resource.RLIM_INFINITY else min(math.ceil(cpu_s), hard)
            with contextlib.suppress(OSError):  # forbidden in some containers: the wall clock remains
                resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (soft, hard))

    def _hear(self, deadline: float) -> Answer:
        while b"\n" not in self._heard:
            self._heard += self._receive(deadline - time.monotonic())
            if len(self._heard) > ANSWER_MAX_BYTES:
                raise Lost(breach=True)
        line, _, self._heard = self._heard.partition(b"\n")
        try:
            return _answer.decode(line)
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
            raise Lost(breach=self._process.wait() in _BREACHES)
        return data


def _environment() -> dict[str, str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - as the import system says it
    return {"PYTHONPATH": path} | {name: os.environ[name] for name in _INHERITED if name in os.environ}


def main() -> None:
    """Serve one document after the other until the parent goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory_mb, _, ocr_cpu_s, languages = sys.argv[1:]
    _confine(int(memory_mb) * 2**20)
    import pypdf  # noqa: F401, PLC0415 - warm before the first document

    gc.freeze()  # what stays for good need not be looked at again and again
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)
    with socket.socket(fileno=0) as parent, contextlib.suppress(OSError):
        tesseract = Tesseract(languages, float(ocr_cpu_s), parent)
        _send(parent, Answer(time.process_time()))
        served = 0
        while _serve(parent, tesseract, served := served + 1):
            pass


def _confine(memory_bytes: int) -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _serve(parent: socket.socket, tesseract: Tesseract, served: int) -> bool:
    asked, files, _, _ = socket.recv_fds(parent, QUESTION_MAX_BYTES, 1)
    if not asked:
        return False
    tesseract.begin()
    answer = _answer_to(_question.decode(asked), files[0], tesseract, parent)
    answer.worn = answer.worn or served >= DOCUMENTS_PER_CHILD or _rss_bytes() > RSS_MAX_BYTES
    answer.cpu_s = time.process_time()
    _send(parent, answer)
    return True


def _answer_to(question: Question, descriptor: int, tesseract: Tesseract, parent: socket.socket) -> Answer:
    so_far: Extraction | None = None

    def tell(extraction: Extraction | None) -> None:
        nonlocal so_far
        so_far = extraction
        _send(parent, Answer(0, extraction=extraction, interim=True))

    try:
        with open(descriptor, "rb", buffering=0) as file:
            file.seek(0)  # the offset is shared with whoever read it before
            data = file.read()
        return Answer(0, extraction=read_pdf(data, question.num_pages, question.password, tesseract, tell))
    except DocumentRefused as refusal:
        return Answer(0, code=refusal.code, sentence=str(refusal))
    except MemoryError:
        heavy = too_complex()
        return Answer(0, worn=True, extraction=so_far, code=heavy.code, sentence=str(heavy))


def _send(parent: socket.socket, answer: Answer) -> None:
    parent.sendall(msgspec.json.encode(answer) + b"\n")


def _rss_bytes() -> int:
    """What this process has in memory now; where that cannot be asked or has never been much, the most it ever had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)
    if most <= RSS_MAX_BYTES:
        return most
    with contextlib.suppress(OSError):
        # Not the above: on Linux that begins with what the parent had when it started us.
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    return most


if __name__ == "__main__":
    main()
