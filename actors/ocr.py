"""Reading pictures of text: Tesseract, a program that the system's packages bring.

It is started by the child of `sandbox` that has drawn the page, so that neither the picture nor whatever made it comes
near the worker, and the child's limits of memory and politeness hold for it too. The limit of CPU time counts each
process by itself: so a document has a budget for all its pages, in CPU time and by the clock, and each run gets what
is left of it. Tesseract ends with the child (on Linux; elsewhere when its budget does), and the child gives up when
the worker has gone.
"""

import math
import os
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from functools import cache
from itertools import groupby
from typing import IO, TYPE_CHECKING, NamedTuple, NoReturn

from actors.errors import DocumentRefused
from actors.legible import letters
from actors.stopping import ending_with_parent
from actors.textlayer import too_complex
from actors.writing import language_of
from protocol.words import ErrorCode

if TYPE_CHECKING:
    from PIL.Image import Image

PROGRAM = "tesseract"
SURE, NOISE = 0.7, 0.5
"""Mean confidence: below the first a page is read again, cleaned and turned; below the second it says nothing."""
GRAINS_PX = (1, 2)
"""How coarse the grain is that it is cleaned of. The first leaves small print whole; the second is tried where that was
not enough."""
TELLING_WORDS = 20
"""So many read below the first, and in no known language, are those of a script for which there is no data."""
MISSED_MAX = 0.5
"""It is read again too where more of its ink lies outside of all words: whole paragraphs may be missing, at any
confidence. On pages of text that share is 0.01, and one with a large picture only costs twice."""
WALL_FACTOR = 3
"""Children are polite: on a busy machine a document's CPU seconds take longer by the clock."""
TABLE_MAX_BYTES = 8 * 2**20
LIST_LIMIT_S = 10
UPRIGHT, TURNED = "3", "1"
"""Page segmentation modes: the page as it stands, or first found out which way it lies, which takes `ORIENTATION`."""
ORIENTATION = "osd"
_WORD = "5"

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in dots."""


class Reading(NamedTuple):
    """What stands in a picture."""

    text: str
    confidence: float
    """Mean of the words, 0 to 1; 0 where there are none."""
    worth: float
    """The letters of all words, each by how far its confidence is above that of noise."""
    boxes: list[Box]
    """Where the words stand."""


NOTHING = Reading("", 0.0, 0.0, [])


class Tesseract:
    """Reads pictures for one child, one document after the other.

    `languages`: as Tesseract calls them, by commas. Those that are installed are all used at once: measured, two cost a
    tenth more than the right one alone and seven a third, while finding out the script first costs two thirds.
    `cpu_s`: CPU time for the pages of a document. `lifeline`: ends when nobody waits for an answer any more.
    """

    def __init__(self, languages: str, cpu_s: float, lifeline: socket.socket | None = None) -> None:
        self._languages = languages.split(",")
        self._cpu_s, self._lifeline = cpu_s, lifeline
        self.begin()

    def begin(self) -> None:
        """Another document: its budget is full."""
        self._cpu_until_s = _cpu_used_s() + self._cpu_s
        self._deadline = time.monotonic() + WALL_FACTOR * self._cpu_s

    def read(self, picture: "Image") -> Reading:
        """Read a picture in shades of grey, whichever way it lies. One that is noise has no text.

        Raises:
            DocumentRefused: `ocr-unavailable`: there is no Tesseract, or no data for the language, it seems;
                `too-complex`: reading takes more than is left of the budget, or than the memory that it may have.
        """
        from actors import picture as pictures  # noqa: PLC0415 - Pillow, in the child only

        installed = _installed(self._languages)
        if pictures.is_plain(picture):
            return NOTHING
        picture = pictures.straightened(pictures.lit(picture))
        best = self._run(picture, UPRIGHT, installed)
        missed = pictures.ink_outside(picture, best.boxes) > MISSED_MAX
        for grain_px in GRAINS_PX:
            if best.confidence < SURE or missed:
                best, missed = self._better(best, pictures.cleaned(picture, grain_px), installed), False
        if best.confidence >= SURE or (best.confidence >= NOISE and not _is_nonsense(best)):
            return best
        if best.boxes and (lacking := [each for each in self._languages if each not in installed]):
            _without_data(lacking)
        return best._replace(text="")

    def _better(self, first: Reading, picture: "Image", installed: frozenset[str]) -> Reading:
        try:
            second = self._run(picture, TURNED if ORIENTATION in installed else UPRIGHT, installed)
        except DocumentRefused:
            if first.confidence < NOISE:
                raise
            return first
        return max(first, second, key=lambda reading: reading.worth)

    def _run(self, picture: "Image", mode: str, installed: frozenset[str]) -> Reading:
        languages = "+".join(each for each in self._languages if each in installed)
        with _scratch() as file:
            picture.save(file, "PPM")  # in grey that is a PGM
            file.seek(0)
            table = self._table(file, "-l", languages, "--dpi", "200", "--psm", mode, "tsv")
        return reading_of(table.decode(errors="replace"))

    def _table(self, picture: IO[bytes], *options: str) -> bytes:
        with subprocess.Popen(  # noqa: S603 - all words are ours or the operator's
            [PROGRAM, "stdin", "stdout", *options],
            stdin=picture,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_THREAD_LIMIT": "1"},  # several threads mostly wait for each other
            preexec_fn=self._binding(),  # noqa: PLW1509 - a child has one thread
        ) as running:
            assert running.stdout is not None
            try:
                table = self._heard(running.stdout)
            except BaseException:
                running.kill()
                raise
        if running.returncode:
            raise too_complex()
        return table

    def _binding(self) -> Callable[[], None]:
        """What the new process does to itself before it becomes Tesseract."""
        left_s = math.ceil(self._cpu_until_s - _cpu_used_s())
        if left_s <= 0:
            raise too_complex()
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        limit_s = left_s if hard == resource.RLIM_INFINITY else min(left_s, hard)
        end_with_parent = ending_with_parent(signal.SIGKILL)

        def bind() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (limit_s, hard))
            end_with_parent()

        return bind

    def _heard(self, output: IO[bytes]) -> bytes:
        """All that is said until the output ends."""
        heard = bytearray()
        with selectors.DefaultSelector() as sources:
            sources.register(output, selectors.EVENT_READ)
            if self._lifeline is not None:
                sources.register(self._lifeline, selectors.EVENT_READ)
            while len(heard) <= TABLE_MAX_BYTES:
                ready = sources.select(max(0.0, self._deadline - time.monotonic()))
                if not ready:
                    break
                if any(key.fileobj is self._lifeline for key, _ in ready):
                    raise SystemExit  # the worker asks nothing before it has its answer: it is gone
                data = os.read(output.fileno(), 65_536)
                if not data:
                    return bytes(heard)
                heard += data
        raise too_complex()


def _is_nonsense(reading: Reading) -> bool:
    return len(reading.boxes) >= TELLING_WORDS and language_of(reading.text) is None


def reading_of(table: str) -> Reading:
    """Put together what Tesseract's table of words says: a line for each line, an empty one between two paragraphs."""
    words = [word for line in table.split("\n") if (word := _word(line))]
    paragraphs = (
        "\n".join(" ".join(word.text for word in line) for _, line in groupby(paragraph, lambda word: word.line))
        for _, paragraph in groupby(words, lambda word: word.line[:3])
    )
    mean = sum(word.confidence for word in words) / max(len(words), 1)
    worth = sum(letters(word.text) * max(0.0, word.confidence - NOISE) for word in words)
    return Reading("\n\n".join(paragraphs), mean, worth, [word.box for word in words])


class _Word(NamedTuple):
    line: tuple[str, ...]
    """The numbers of page, block, paragraph and line."""
    box: Box
    confidence: float
    text: str


def _word(line: str) -> _Word | None:
    """A line of the table; None: it is not about a word."""
    kind, *cells = line.split("\t", 11)
    if kind != _WORD or len(cells) < 11 or not cells[10].strip():
        return None
    left, top, width, height = map(int, cells[5:9])
    return _Word(tuple(cells[:4]), (left, top, left + width, top + height), float(cells[9]) / 100, cells[10].strip())


def _installed(languages: Collection[str]) -> frozenset[str]:
    program = shutil.which(PROGRAM)
    if program is None:
        without_tesseract(languages)
    installed = _data_of(program)
    if not installed.intersection(languages):
        _without_data(languages)
    return installed


@cache
def _data_of(program: str) -> frozenset[str]:
    """The languages for which Tesseract has data; the first line says where they lie. A failure is not remembered."""
    command = [program, "--list-langs"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIST_LIMIT_S)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        raise too_complex() from None
    return frozenset(listed.stdout.split("\n")[1:])


def without_tesseract(languages: Iterable[str] = ()) -> NoReturn:
    """What comes of a picture where the program is not installed; always raises DocumentRefused."""
    packages = ["tesseract-ocr", *map(_package, [*languages, ORIENTATION])]
    raise _unavailable("Tesseract", packages)


def _without_data(languages: Collection[str]) -> NoReturn:
    raise _unavailable(f"Tesseract's data for {' and '.join(languages)}", map(_package, languages))


def _unavailable(what: str, packages: Iterable[str]) -> DocumentRefused:
    return DocumentRefused(
        f"The pages are scans, and the server lacks {what}; on Debian: apt-get install {' '.join(packages)}.",
        code=ErrorCode.OCR_UNAVAILABLE,
    )


def _package(language: str) -> str:
    return f"tesseract-ocr-{language.replace('_', '-')}"


def _scratch() -> IO[bytes]:
    """A file for one picture; in memory where the system can."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("page"), "w+b")
    return tempfile.TemporaryFile()


def _cpu_used_s() -> float:
    """By processes that have ended, all of them Tesseract's."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
