"""Scans in the pool of readers: read by real Tesseracts, of which none is left behind, whoever is killed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from actors.blob import Blob
from actors.errors import DocumentRefused
from actors.extract import Extraction
from actors.ocr import PROGRAM
from actors.sandbox import Sandbox
from bench.documents import text_pdf
from bench.scans import Scanner
from protocol.words import ErrorCode
from tests.needs import lacking
from tests.pdfs import page_with
from tests.waiting import LIMIT_S, until

ROOT = Path(__file__).parent.parent
PAGES = 10


@pytest.fixture(autouse=True, scope="module")
def _tesseract_is_there() -> None:
    if shutil.which(PROGRAM) is None:
        raise lacking("there is no Tesseract to read scans")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pages, each of which takes a second."""
    path = tmp_path_factory.mktemp("scans") / "scan.pdf"
    path.write_bytes(Scanner(dpi=150, quality=50).scan(text_pdf(5, PAGES)))
    return path


@pytest.fixture
def make() -> Iterator[Callable[..., Sandbox]]:
    """Makes a pool of the test's own, of one child."""
    made: list[Sandbox] = []

    def sandbox(ocr_timeout_s: float = LIMIT_S) -> Sandbox:
        made.append(Sandbox(1, 512, LIMIT_S, ocr_timeout_s))
        return made[-1]

    yield sandbox
    for each in made:
        each.close()


def read(sandbox: Sandbox, path: Path, num_pages: int) -> Extraction:
    with Blob(path.open("rb"), path.stat().st_size) as blob:
        return sandbox.extract(blob, num_pages)


def running(child: int) -> psutil.Process:
    """The Tesseract that a child has started, once it has."""

    def found() -> list[psutil.Process]:
        try:
            return [each for each in psutil.Process(child).children() if "tsv" in each.cmdline()]
        except psutil.NoSuchProcess:
            return []

    return until(found)[0]


@pytest.fixture
def begun(make: Callable[..., Sandbox], scan: Path) -> Iterator[tuple[Sandbox, "Future[Extraction]", psutil.Process]]:
    """A pool, the reading of a scan in it that has just begun, and its Tesseract."""
    sandbox = make()
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(read, sandbox, scan, 2)
        yield sandbox, future, running(until(sandbox.pids)[0])


def test_a_scan_is_read_page_by_page(make: Callable[..., Sandbox], scan: Path) -> None:
    extraction = read(make(), scan, 2)
    assert ["part 1" in extraction.pages[0], "part 2" in extraction.pages[1]] == [True, True]
    metadata = extraction.metadata
    assert metadata.pop("ocr_confidence") > 0.9
    assert metadata == {
        "extraction_method": "tesseract",
        "is_scanned": True,
        "page_count": PAGES,
        "pages_read": 2,
        "text_length": sum(map(len, extraction.pages)),
        "language": "en",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells this of another process")
def test_tesseract_is_as_polite_and_bounded_as_its_child(
    begun: tuple[Sandbox, "Future[Extraction]", psutil.Process],
) -> None:
    sandbox, future, tesseract = begun
    child = psutil.Process(sandbox.pids()[0])
    assert tesseract.nice() == child.nice()
    for limit in (psutil.RLIMIT_AS, psutil.RLIMIT_CORE):
        assert tesseract.rlimit(limit) == child.rlimit(limit)
    assert 0 < tesseract.rlimit(psutil.RLIMIT_CPU)[0] <= 61
    assert future.result(LIMIT_S).pages_read == 2


def test_a_killed_child_takes_its_tesseract_along_and_is_forgiven_once(
    begun: tuple[Sandbox, "Future[Extraction]", psutil.Process],
) -> None:
    sandbox, future, tesseract = begun
    os.kill(sandbox.pids()[0], signal.SIGKILL)
    assert psutil.wait_procs([tesseract], timeout=LIMIT_S)[1] == []
    assert future.result(LIMIT_S).pages_read == 2


def test_a_closed_pool_leaves_no_tesseract(begun: tuple[Sandbox, "Future[Extraction]", psutil.Process]) -> None:
    sandbox, future, tesseract = begun
    sandbox.close()
    assert psutil.wait_procs([tesseract], timeout=LIMIT_S)[1] == []
    assert future.exception(LIMIT_S) is not None


def test_a_killed_tesseract_costs_its_page_only(begun: tuple[Sandbox, "Future[Extraction]", psutil.Process]) -> None:
    _, future, tesseract = begun
    tesseract.kill()
    extraction = future.result(LIMIT_S)
    assert extraction.pages[0] == ""
    assert "part 2" in extraction.pages[1]
    assert (extraction.pages_read, extraction.metadata["pages_unreadable"]) == (1, 1)


PARENT = """
import sys
from actors.blob import Blob
from actors.sandbox import Sandbox
sandbox = Sandbox(1, 512, 60)
sandbox.start()
print(*sandbox.pids(), flush=True)
sandbox.extract(Blob(open(sys.argv[1], "rb"), 0), 10)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_of_a_worker_however_it_ends(end: signal.Signals, scan: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(scan)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        tesseract = running(child.pid)
        parent.send_signal(end)
        parent.wait(LIMIT_S)
    assert psutil.wait_procs([child, tesseract], timeout=LIMIT_S)[1] == []


def test_pages_beyond_the_budget_stay_unread(make: Callable[..., Sandbox], scan: Path) -> None:
    sandbox = make(ocr_timeout_s=3)
    extraction = read(sandbox, scan, PAGES)
    assert 0 < extraction.pages_read < PAGES
    assert extraction.metadata["pages_unreadable"] == PAGES - extraction.pages_read
    assert read(sandbox, scan, 1).pages_read == 1


def test_text_that_nobody_can_decode_is_read_as_it_looks(make: Callable[..., Sandbox], tmp_path: Path) -> None:
    lines = ("The harbour was dredged", "again in the spring, and the", "gauge moved to the new quay.")
    content = b"BT /F 12 Tf 14 TL 20 150 Td " + b"".join(f"({line}) Tj T* ".encode() for line in lines) + b"ET"
    table = b"1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <20> <7E> <E020> endbfrange"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"
    objects = (font, f"<</Length {len(table)}>>")
    path = tmp_path / "undecodable.pdf"
    path.write_bytes(page_with(content, "/Font<</F 6 0 R>>", *objects, streams={7: table}))
    extraction = read(make(), path, 1)
    assert extraction.text.split() == " ".join(lines).split()
    assert (extraction.metadata["extraction_method"], extraction.metadata["is_scanned"]) == ("tesseract", False)


def test_without_tesseract_only_scans_fail(
    make: Callable[..., Sandbox], scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = make()
    with pytest.raises(DocumentRefused, match="apt-get install tesseract-ocr ") as caught:
        read(sandbox, scan, 2)
    assert caught.value.code is ErrorCode.OCR_UNAVAILABLE
    text = tmp_path / "text.pdf"
    text.write_bytes(text_pdf(1))
    assert read(sandbox, text, 3).pages_read == 3
