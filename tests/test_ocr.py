"""Scans are read, whichever way they lie; and Tesseract is bounded, and never left behind."""

import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from actors import ocr
from actors.errors import DocumentRefused
from actors.ocr import Tesseract, reading_of
from actors.pdfium import opened
from bench.documents import text_pdf
from bench.scans import Scanner, grain
from protocol.words import ErrorCode
from tests.needs import lacking
from tests.waiting import LIMIT_S, until

ROOT = Path(__file__).parent.parent
RECALL = 0.98
NOISE_SIZE = (1654, 2339)


@pytest.fixture(autouse=True, scope="module")
def _tesseract_is_there() -> None:
    if shutil.which(ocr.PROGRAM) is None:
        raise lacking("there is no Tesseract to read scans")


@pytest.fixture
def tesseract() -> Tesseract:
    return Tesseract("eng,hin", LIMIT_S)


def picture(pdf: bytes) -> Image.Image:
    with opened(pdf, None) as sheets, sheets.sheet(0) as sheet:
        return sheet.picture()


def words(text: str) -> Counter[str]:
    return Counter(text.lower().split())


def recall(found: str, pdf: bytes) -> float:
    """The share of the words in a document's text layer that was found."""
    with opened(pdf, None) as sheets, sheets.sheet(0) as sheet:
        truth = words(sheet.text())
    return (truth & words(found)).total() / truth.total()


SCANNERS = {
    "clean": Scanner(),
    "skewed, with grain": Scanner(skew=1.2, noise=15),
    "very skewed, with much grain": Scanner(skew=-3, noise=20),
    "on its left side": Scanner(turned=90, noise=10),
    "on its head": Scanner(turned=180, skew=-1.1),
    "on its right side": Scanner(turned=270, skew=0.8, noise=12),
    "at 100 dpi": Scanner(dpi=100, noise=8),
    "at 300 dpi, as a small file": Scanner(dpi=300, skew=0.7, noise=25, quality=40),
    "on sheets taken for stamps": Scanner(size=0.1, noise=8),
    "on sheets taken for posters": Scanner(size=5, skew=0.8),
    "faint": Scanner(contrast=0.3, noise=12, skew=-0.6),
    "photographed askew": Scanner(skew=-9.5),
}


@pytest.mark.parametrize("scanner", SCANNERS.values(), ids=SCANNERS)
def test_a_scan_is_read_word_by_word(scanner: Scanner, tesseract: Tesseract) -> None:
    seed = list(SCANNERS.values()).index(scanner)
    page = text_pdf(seed, 1)
    reading = tesseract.read(picture(scanner.scan(page)))
    assert recall(reading.text, page) >= RECALL
    assert reading.confidence > 0.8


def test_grey_paper_with_much_grain_is_read(tesseract: Tesseract) -> None:
    page = text_pdf(11, 1)
    paper = Scanner(contrast=0.35).picture(picture(page)).point([round(0.85 * shade) for shade in range(256)])
    assert recall(tesseract.read(Scanner(noise=25).picture(paper)).text, page) >= 0.95


def test_lines_and_paragraphs_are_kept_apart(tesseract: Tesseract) -> None:
    text = tesseract.read(picture(Scanner().scan(text_pdf(3, 1)))).text
    assert len(text.split("\n\n")) > 3
    assert len(text.splitlines()) > 20


def test_white_and_black_pages_say_nothing_and_cost_nothing(
    tesseract: Tesseract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tesseract, "_table", None)
    for shade in (0, 255):
        assert tesseract.read(Image.new("L", NOISE_SIZE, shade)) == ocr.NOTHING


def test_noise_says_nothing(tesseract: Tesseract) -> None:
    assert tesseract.read(grain(NOISE_SIZE, 80)).text == ""


def seen_by_tesseract(words: str, confidence: int) -> bytes:
    return "\n".join(f"5\t1\t1\t1\t1\t1\t1\t1\t9\t9\t{confidence}\t{word}" for word in words.split()).encode()


@pytest.mark.parametrize(
    ("words", "confidence", "taken"),
    [
        ("79 WANA 970W AWTNA A'NDN7 " * 9, 56, False),
        ("79 WANA 970W AWTNA A'NDN7 " * 9, 80, True),
        ("WANA AWTNA " * 9, 56, True),
        ("the dredging of the harbour is to be done by the spring " * 9, 56, True),
    ],
    ids=["nonsense", "sure of it", "a few words", "a language"],
)
def test_a_script_without_data_gives_no_text(
    tesseract: Tesseract, monkeypatch: pytest.MonkeyPatch, words: str, confidence: int, taken: bool
) -> None:
    monkeypatch.setattr(tesseract, "_table", lambda *_: seen_by_tesseract(words, confidence))
    speckled = grain((200, 200), 80)
    assert bool(tesseract.read(speckled).text) is taken


TABLE = "\n".join(
    [
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
        "1\t1\t0\t0\t0\t0\t0\t0\t99\t99\t-1\t",
        "5\t1\t1\t1\t1\t1\t10\t20\t30\t9\t90\tLow",
        '5\t1\t1\t1\t1\t2\t50\t20\t30\t9\t80.5\t"tide"',
        "5\t1\t1\t1\t2\t1\t10\t40\t30\t9\t70\tat",
        "5\t1\t1\t2\t1\t1\t10\t80\t30\t9\t60\tsix",
        "5\t1\t2\t1\t1\t1\t10\t80\t30\t9\t20\t ",
        "5\t1\t2\t1\t1\t2\t10\t80",
    ]
)


def test_a_table_of_words_becomes_text() -> None:
    reading = reading_of(TABLE)
    assert reading.text == 'Low "tide"\nat\n\nsix'
    assert reading.confidence == pytest.approx(0.75125)
    assert reading.boxes == [(10, 20, 40, 29), (50, 20, 80, 29), (10, 40, 40, 49), (10, 80, 40, 89)]
    assert reading_of("") == ocr.NOTHING


def refused(tesseract: Tesseract, page: Image.Image) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        tesseract.read(page)
    return caught.value


@pytest.fixture(scope="module")
def page() -> Image.Image:
    return picture(Scanner().scan(text_pdf(3, 1)))


def test_without_the_program_the_sentence_says_what_to_install(
    tesseract: Tesseract, page: Image.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(tesseract, page)
    assert error.code is ErrorCode.OCR_UNAVAILABLE
    packages = "tesseract-ocr tesseract-ocr-eng tesseract-ocr-hin tesseract-ocr-osd"
    assert str(error).endswith(f"apt-get install {packages}.")


def test_without_any_of_the_languages_the_sentence_names_their_packages(page: Image.Image) -> None:
    error = refused(Tesseract("xyz,chi_nil", LIMIT_S), page)
    assert error.code is ErrorCode.OCR_UNAVAILABLE
    assert str(error).endswith("apt-get install tesseract-ocr-xyz tesseract-ocr-chi-nil.")


def test_with_one_of_the_languages_its_pages_are_read(page: Image.Image) -> None:
    assert Tesseract("xyz,eng", LIMIT_S).read(page).confidence > 0.9


def test_a_page_that_nobody_can_read_wants_the_languages_that_lack(
    page: Image.Image, instead: Callable[[str], None]
) -> None:
    instead(f"cat <<'END'\n{TABLE.replace('90', '10').replace('80.5', '20')}\nEND")
    error = refused(Tesseract("xyz,eng", LIMIT_S), page)
    assert (error.code, "data for xyz" in str(error)) == (ErrorCode.OCR_UNAVAILABLE, True)
    assert Tesseract("eng", LIMIT_S).read(page).text == ""


def children() -> set[psutil.Process]:
    """The processes that this one has started; some are of other tests."""
    return set(psutil.Process().children())


def program(folder: Path, lines: str) -> None:
    """Something else in the place of Tesseract."""
    path = folder / ocr.PROGRAM
    path.write_text(f'#!/bin/sh\ncase "$*" in *--list-langs*) printf "List\\neng\\nosd\\n"; exit;; esac\n{lines}\n')
    path.chmod(0o700)


@pytest.fixture
def instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program in the place of Tesseract."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return lambda lines: program(tmp_path, lines)


@pytest.mark.parametrize(
    "lines",
    ["exit 1", "kill -ABRT $$", "exec sleep 100", "exec yes", "exec cat /dev/zero", "while :; do :; done"],
    ids=["fails", "aborts", "sleeps", "talks for ever", "sends zeros", "spins"],
)
def test_a_run_without_a_good_end_is_too_complex(lines: str, page: Image.Image, instead: Callable[[str], None]) -> None:
    instead(lines)
    before = children()
    assert refused(Tesseract("eng", 1.0), page).code is ErrorCode.TOO_COMPLEX
    assert children() <= before


def test_all_pages_of_a_document_share_one_budget_and_the_next_has_its_own(
    page: Image.Image, instead: Callable[[str], None]
) -> None:
    instead("while :; do :; done")
    tesseract = Tesseract("eng", 1.0)
    for _ in range(2):
        assert refused(tesseract, page).code is ErrorCode.TOO_COMPLEX
    instead(f"cat <<'END'\n{TABLE}\nEND")
    assert refused(tesseract, page).code is ErrorCode.TOO_COMPLEX
    tesseract.begin()
    assert tesseract.read(page).text.startswith("Low")


def test_a_second_look_that_fails_does_not_take_the_first_away(
    page: Image.Image, instead: Callable[[str], None]
) -> None:
    instead(f"case \"$*\" in *'--psm 1 '*) exit 1;; esac; cat <<'END'\n{TABLE}\nEND")
    assert Tesseract("eng", LIMIT_S).read(page).text.startswith("Low")


CHILD = """
import sys
from actors.ocr import Tesseract
from PIL import Image
Tesseract("eng", 60).read(Image.effect_noise((99, 99), 80))
"""


def test_it_ends_with_the_process_that_started_it_however_that_ends(
    instead: Callable[[str], None], tmp_path: Path
) -> None:
    instead(f"echo $$ >{tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 100")
    with subprocess.Popen([sys.executable, "-c", CHILD], cwd=ROOT) as child:
        until((tmp_path / "pid").exists)
        orphan = psutil.Process(int((tmp_path / "pid").read_text()))
        child.kill()
    assert psutil.wait_procs([orphan], timeout=LIMIT_S)[1] == []


def test_it_ends_when_nobody_waits_for_its_answer_any_more(page: Image.Image, instead: Callable[[str], None]) -> None:
    instead("exec sleep 100")
    before = children()
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(SystemExit):
            Tesseract("eng", LIMIT_S, ours).read(page)
    assert children() <= before


def test_a_program_that_does_not_tell_its_languages_is_asked_again(page: Image.Image, tmp_path: Path) -> None:
    fake = tmp_path / ocr.PROGRAM
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o700)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        assert refused(Tesseract("eng", LIMIT_S), page).code is ErrorCode.TOO_COMPLEX
        program(tmp_path, f"cat <<'END'\n{TABLE}\nEND")
        assert Tesseract("eng", LIMIT_S).read(page).text.startswith("Low")
