"""How fast documents are read: the pool of children beside bare pypdf, and scans side by side beside one by one.

Both sides of a row read the same documents, in turns, in processes of the same politeness.
"""

import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from pypdf import PdfReader

from actors.blob import Blob
from actors.child import NICENESS
from actors.ocr import PROGRAM
from actors.sandbox import Sandbox
from bench.documents import text_pdf
from bench.report import Line, at_least
from bench.rig import PAGES
from bench.scans import Scanner
from bench.throughput import cores

DOCUMENTS, KINDS, ROUNDS, CHUNK = 240, 60, 15, 10
SHARE_OF_PYPDF = 0.9
SCANS, SCAN_ROUNDS, AT_ONCE = 4, 3, 2
GAIN = 1.7
MEMORY_MB, TIMEOUT_S = 512, 60.0

T = TypeVar("T")


def measure(documents: int = DOCUMENTS, rounds: int = ROUNDS) -> Iterator[Line]:
    """Text layers, then scans."""
    yield _text_layers(documents, rounds)
    if shutil.which(PROGRAM) and cores() >= AT_ONCE:
        yield _scans(min(rounds, SCAN_ROUNDS))
    else:
        yield Line("scans side by side", f"not measured: it takes {PROGRAM} and {AT_ONCE} cores")


def read_by_pypdf(pdf: bytes) -> int:
    """Characters of the first pages, read as a program would that has only pypdf."""
    return sum(len(page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages[:PAGES])


def _text_layers(documents: int, rounds: int) -> Line:
    pdfs = [text_pdf(seed % KINDS, PAGES) for seed in range(documents)]
    processes = cores()
    bare = ProcessPoolExecutor(processes, get_context("spawn"), os.nice, (NICENESS,))
    with _pool(processes) as pool, _blobs(pdfs) as blobs, ThreadPoolExecutor(processes) as threads, bare:
        pairs = _in_turns(
            rounds,
            lambda: _seconds(bare, read_by_pypdf, pdfs, CHUNK),
            lambda: _seconds(threads, lambda blob: pool.extract(blob, PAGES), blobs, CHUNK),
        )
    ratio = statistics.median(bare_s / pool_s for bare_s, pool_s in pairs)
    rates = [statistics.median(documents * PAGES / side_s for side_s in side) for side in zip(*pairs, strict=True)]
    figure = f"{ratio:.2f} x: {rates[1]:.0f} pages/s, and {rates[0]:.0f} by pypdf alone"
    return at_least(f"text read by {processes} children", ratio, SHARE_OF_PYPDF, " x", figure=figure)


def _scans(rounds: int) -> Line:
    with ExitStack() as stack:
        pool = stack.enter_context(_pool(AT_ONCE))
        blobs = stack.enter_context(_blobs([Scanner(noise=8).scan(text_pdf(seed, 1)) for seed in range(SCANS)]))
        alone, together = (stack.enter_context(ThreadPoolExecutor(count)) for count in (1, AT_ONCE))
        pairs = _in_turns(
            rounds,
            lambda: _seconds(alone, lambda blob: pool.extract(blob, 1), blobs),
            lambda: _seconds(together, lambda blob: pool.extract(blob, 1), blobs),
        )
    gain = statistics.median(alone_s / together_s for alone_s, together_s in pairs)
    page_s = statistics.median(alone_s for alone_s, _ in pairs) / SCANS
    return at_least(
        f"scans read {AT_ONCE} at once", gain, GAIN, " x", figure=f"{gain:.2f} x; a page alone takes {page_s:.2f} s"
    )


def _in_turns(rounds: int, one: Callable[[], float], other: Callable[[], float]) -> list[tuple[float, float]]:
    """So many pairs of times, after a first one in which everything is loaded."""
    return [(one(), other()) for _ in range(rounds + 1)][1:]


def _seconds(workers: Executor, work: Callable[[T], object], on: Sequence[T], chunk: int = 1) -> float:
    """Handing out the work costs something too: in chunks it is next to nothing, for threads and processes alike."""
    chunks = [on[start : start + chunk] for start in range(0, len(on), chunk)]
    started = time.perf_counter()
    for _ in workers.map(partial(_each, work), chunks):
        pass
    return time.perf_counter() - started


def _each(work: Callable[[T], object], on: Sequence[T]) -> None:
    for one in on:
        work(one)


@contextmanager
def _pool(processes: int) -> Iterator[Sandbox]:
    pool = Sandbox(processes, MEMORY_MB, TIMEOUT_S)
    pool.start()
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def _blobs(pdfs: list[bytes]) -> Iterator[list[Blob]]:
    """The documents as a worker has them."""
    with ExitStack() as stack:
        yield [stack.enter_context(_blob(pdf)) for pdf in pdfs]


def _blob(pdf: bytes) -> Blob:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the blob closes it
    file.write(pdf)
    file.flush()
    return Blob(file, len(pdf))
