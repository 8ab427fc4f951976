"""The pool of child processes in which PDFs are read: a hostile file kills one of them and harms nobody else."""

import contextlib
import threading
from collections.abc import Callable

from actors.blob import Blob
from actors.child import PASSWORD_MAX_CHARS, Answer, Child, Limits, Lost, Question
from actors.errors import DocumentRefused, InternalFault
from actors.extract import Extraction
from actors.seats import Closed, Seats
from actors.textlayer import too_complex


class _Seat:
    """A place in the pool: its child, and the one that warms up to follow it."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.heir: Child | None = None
        self.worn = False

    def end(self) -> None:
        for child in filter(None, (self.child, self.heir)):
            child.end()
        self.child = self.heir = None
        self.worn = False


class Sandbox:
    """A pool of children.

    `processes`: documents read at once; `timeout_s`: CPU seconds that one may take, and `ocr_timeout_s` those that
    Tesseract may take for its scanned pages beside; `ocr_languages`: as Tesseract calls them, by commas.
    """

    def __init__(
        self,
        processes: int,
        memory_mb: int,
        timeout_s: float,
        ocr_timeout_s: float = 60.0,
        ocr_languages: str = "eng,hin",
    ) -> None:
        self._limits = Limits(memory_mb, timeout_s, ocr_timeout_s)
        self._languages = ocr_languages
        # The seat that was used last is used next: its child's memory is warm, and idle ones stay swapped out.
        self._seats, self._processes = Seats(_Seat() for _ in range(processes)), processes
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._closed = False

    def start(self) -> None:
        """Let all children warm up, without waiting for them. Without this call each starts when it is needed.

        Raises:
            InternalFault: the system starts no processes.
        """
        seats = [self._take() for _ in range(self._processes)]
        for seat in seats:
            seat.child = self._spawn()
            self._give(seat)

    def extract(
        self,
        blob: Blob,
        num_pages: int,
        password: str | None = None,
        begin: Callable[[], None] = lambda: None,
        owner: str = "",
    ) -> Extraction:
        """Read a document; waits for a free child. From any number of threads.

        A child that dies of something that we did not send (the system was short of memory, say) is forgiven once.
        `begin`: called when the wait is over; what it raises keeps the document from being read.
        `owner`: whose it is; where many wait, owners take turns.

        Raises:
            DocumentRefused: what `read_pdf` says of the document, or that it went over the limits.
            InternalFault: no child can be started, or the pool is closed.
        """
        question = Question(num_pages, password[:PASSWORD_MAX_CHARS] if password else None)
        seat = self._take(owner)
        try:
            begin()
            answer = self._ask(seat, question, blob) or self._ask(seat, question, blob)
        finally:
            self._give(seat)
        if answer is None:
            raise too_complex()
        if answer.extraction is None:
            raise DocumentRefused(answer.sentence, code=answer.code)
        return answer.extraction

    def close(self) -> None:
        """Kill all children; extractions that are under way raise InternalFault."""
        with self._lock:
            self._closed = True
            for child in self._children:
                child.kill()
        for seat in self._seats.close():
            self._dismiss(seat)

    def pids(self) -> list[int]:
        """The children that live now."""
        with self._lock:
            return [child.pid for child in self._children]

    def _ask(self, seat: _Seat, question: Question, blob: Blob) -> Answer | None:
        """None: the child died, but not for going over a limit."""
        if seat.child is None:
            seat.child = self._spawn()
        try:
            answer = seat.child.ask(question, blob.file.fileno())
        except (Lost, InternalFault) as loss:
            self._dismiss(seat)
            if self._closed:
                raise _stopping() from None
            if isinstance(loss, InternalFault):
                raise
            if not loss.breach:
                return None
            if loss.answer is None or loss.answer.extraction is None:
                raise too_complex() from None
            return loss.answer
        except BaseException:  # a time limit, say: an answer that comes later must not be taken for the next one's
            self._dismiss(seat)
            raise
        seat.worn = seat.worn or answer.worn
        return answer

    def _spawn(self) -> Child:
        try:
            child = Child(self._limits, self._languages)
        except OSError:
            raise InternalFault("A process that reads documents could not be started.") from None
        with self._lock:
            if not self._closed:
                self._children.add(child)
                return child
        child.end()
        raise _stopping()

    def _take(self, owner: str = "") -> _Seat:
        try:
            return self._seats.take(owner)
        except Closed:
            raise _stopping() from None

    def _give(self, seat: _Seat) -> None:
        if seat.worn and not self._closed:
            self._renew(seat)
        with self._lock:
            if not self._closed:
                self._seats.give(seat)
                return
        self._dismiss(seat)

    def _renew(self, seat: _Seat) -> None:
        """A worn child serves on until the next one is warm, so that no document waits for it."""
        with contextlib.suppress(InternalFault):
            seat.heir = seat.heir or self._spawn()
            if seat.heir.warm():
                heir, seat.heir = seat.heir, None
                self._dismiss(seat)
                seat.child = heir

    def _dismiss(self, seat: _Seat) -> None:
        with self._lock:
            self._children -= {seat.child, seat.heir}
        seat.end()


def _stopping() -> InternalFault:
    return InternalFault("The server is stopping.")
