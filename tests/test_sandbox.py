"""The pool of readers: everybody is served, and a hostile document costs nobody but itself."""

import os
import signal
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from actors.blob import Blob
from actors.child import DOCUMENTS_PER_CHILD, Child
from actors.errors import DocumentError, InternalFault
from actors.extract import Extraction
from actors.sandbox import Sandbox
from bench.documents import text_pdf
from protocol.words import ErrorCode
from tests.pdfs import HEAVY, page_with
from tests.waiting import until

LIMIT_S = 60


@pytest.fixture(scope="module")
def pool() -> Iterator[Sandbox]:
    """Two children, for tests that harm neither."""
    sandbox = Sandbox(processes=2, memory_mb=512, timeout_s=LIMIT_S)
    sandbox.start()
    yield sandbox
    sandbox.close()


@pytest.fixture
def make() -> Iterator[Callable[..., Sandbox]]:
    """Makes a pool of the test's own, of one child."""
    made: list[Sandbox] = []

    def sandbox(memory_mb: int = 512, timeout_s: float = LIMIT_S) -> Sandbox:
        made.append(Sandbox(1, memory_mb, timeout_s))
        return made[-1]

    yield sandbox
    for each in made:
        each.close()


def blob(data: bytes, folder: Path) -> Blob:
    path = folder / "document.pdf"
    path.write_bytes(data)
    return Blob(path.open("rb"), len(data))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Extraction]:
    """Reads a document's bytes in a pool."""

    def reading(sandbox: Sandbox, data: bytes, num_pages: int = 3, password: str | None = None) -> Extraction:
        with blob(data, tmp_path) as document:
            return sandbox.extract(document, num_pages, password)

    return reading


def ending(reading: Callable[[], Extraction]) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        reading()
    return caught.value


def test_thirty_two_threads_each_get_their_own_document(pool: Sandbox) -> None:
    texts = {number: f"This is document {number}." for number in range(200)}

    def reading(number: int) -> str:
        data = page_with(f"BT /F 12 Tf ({texts[number]}) Tj ET".encode())
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            return pool.extract(Blob(file, len(data)), 1).text

    with ThreadPoolExecutor(32) as threads:
        assert dict(zip(texts, threads.map(reading, texts), strict=True)) == texts


def test_at_most_so_many_children_live_as_there_are_seats(pool: Sandbox) -> None:
    assert len(pool.pids()) == 2


def test_a_bomb_is_bounded_and_the_next_document_is_served(pool: Sandbox, read: Callable[..., Extraction]) -> None:
    bomb = page_with(zlib.compress(b"BT /F 12 Tf (a) Tj ET " * 20_000_000), filtered="/Filter/FlateDecode")
    assert ending(lambda: read(pool, bomb)).code is ErrorCode.TOO_COMPLEX
    assert read(pool, text_pdf(1)).pages_read == 3
    assert all(psutil.Process(pid).memory_info().rss < 512 * 2**20 for pid in pool.pids())


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory on this platform")
def test_a_document_that_wants_more_memory_is_too_complex(
    make: Callable[..., Sandbox], read: Callable[..., Extraction]
) -> None:
    small = make(memory_mb=128)
    wide = page_with(zlib.compress(b"BT /F 12 Tf (" + b"a" * 15_000_000 + b") Tj ET"), filtered="/Filter/FlateDecode")
    assert ending(lambda: read(small, wide)).code is ErrorCode.TOO_COMPLEX
    assert read(small, text_pdf(1)).pages_read == 3


def test_a_document_that_takes_too_much_cpu_costs_only_its_child(
    make: Callable[..., Sandbox], read: Callable[..., Extraction]
) -> None:
    sandbox = make(timeout_s=0.5)
    assert ending(lambda: read(sandbox, HEAVY, 10)).code is ErrorCode.TOO_COMPLEX
    assert sandbox.pids() == []
    assert read(sandbox, text_pdf(1)).pages_read == 3


def test_a_child_that_hangs_is_given_up_by_the_clock(
    make: Callable[..., Sandbox], read: Callable[..., Extraction]
) -> None:
    sandbox = make(timeout_s=0.5)
    read(sandbox, text_pdf(1))
    os.kill(sandbox.pids()[0], signal.SIGSTOP)
    assert ending(lambda: read(sandbox, text_pdf(1))).code is ErrorCode.TOO_COMPLEX
    assert read(sandbox, text_pdf(1)).pages_read == 3


def test_a_child_killed_by_others_is_forgiven_once(
    make: Callable[..., Sandbox], read: Callable[..., Extraction]
) -> None:
    sandbox = make()
    read(sandbox, text_pdf(1))
    first = sandbox.pids()
    os.kill(first[0], signal.SIGKILL)
    assert read(sandbox, text_pdf(1)).pages_read == 3
    assert sandbox.pids() != first


def test_a_document_during_which_two_children_die_is_too_complex(
    make: Callable[..., Sandbox], read: Callable[..., Extraction]
) -> None:
    sandbox = make()
    read(sandbox, text_pdf(1))
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read, sandbox, HEAVY, 10)
        for _ in range(2):
            (pid,) = until(sandbox.pids)
            until(lambda pid=pid: psutil.Process(pid).cpu_times().user > 1)  # type: ignore[misc]
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: pid not in sandbox.pids())  # type: ignore[misc]
        assert ending(lambda: reading.result(LIMIT_S)).code is ErrorCode.TOO_COMPLEX
    assert read(sandbox, text_pdf(1)).pages_read == 3


def test_a_child_is_replaced_after_its_share(make: Callable[..., Sandbox], read: Callable[..., Extraction]) -> None:
    sandbox, tiny = make(), page_with(b"BT /F 12 Tf (a) Tj ET")
    read(sandbox, tiny)
    first = sandbox.pids()
    for _ in range(DOCUMENTS_PER_CHILD - 2):
        read(sandbox, tiny)
    assert sandbox.pids() == first
    until(lambda: read(sandbox, tiny) and first[0] not in sandbox.pids())
    assert len(sandbox.pids()) == 1


def test_an_extraction_that_is_broken_off_leaves_no_answer_to_the_next(
    make: Callable[..., Sandbox], read: Callable[..., Extraction], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox, ask = make(), Child.ask

    def interrupted(self: Child, *details: Any) -> Any:
        ask(self, *details)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Child, "ask", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(sandbox, text_pdf(1))
    assert sandbox.pids() == []
    assert read(sandbox, text_pdf(2, pages=1)).page_count == 1


def test_a_closed_pool_has_no_children_and_reads_nothing(
    make: Callable[..., Sandbox], read: Callable[..., Extraction]
) -> None:
    sandbox = make()
    sandbox.start()
    pids = sandbox.pids()
    sandbox.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    for _ in range(2):
        assert type(ending(lambda: read(sandbox, text_pdf(1)))) is InternalFault


def test_closing_lets_nobody_wait(make: Callable[..., Sandbox], read: Callable[..., Extraction]) -> None:
    sandbox = make()
    read(sandbox, text_pdf(1))
    os.kill(sandbox.pids()[0], signal.SIGSTOP)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(read, sandbox, text_pdf(1)) for _ in range(3)]
        sandbox.close()
        assert {type(each.exception(LIMIT_S)) for each in waiting} == {InternalFault}
    assert sandbox.pids() == []
