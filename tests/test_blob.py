"""Local documents: only regular files below the root, and nothing told of what lies outside."""

import os
from pathlib import Path

import pytest

from actors.blob import open_local
from actors.errors import SourceRefused
from protocol.words import ErrorCode

MAX_BYTES = 1_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a document, beside one that is nobody's business."""
    (tmp_path / "secret.pdf").write_bytes(b"%PDF-secret")
    folder = tmp_path / "documents"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.pdf").write_bytes(b"%PDF-a")
    return folder.resolve()


def refused(root: Path | None, path: str) -> SourceRefused:
    with pytest.raises(SourceRefused) as caught:
        open_local(root, path, MAX_BYTES)
    return caught.value


@pytest.mark.parametrize("path", ["a.pdf", "./a.pdf", "inner/../a.pdf", "link.pdf", "{root}/a.pdf"])
def test_a_file_below_the_root_opens_however_it_is_named(root: Path, path: str) -> None:
    (root / "link.pdf").symlink_to(root / "a.pdf")
    with open_local(root, path.format(root=root), MAX_BYTES) as blob:
        assert (blob.file.read(), blob.size_bytes) == (b"%PDF-a", 6)


@pytest.mark.parametrize(
    "path",
    ["../secret.pdf", "inner/../../secret.pdf", "{root}/../secret.pdf", "/etc/passwd", "leak.pdf", "up/secret.pdf"],
)
def test_what_lies_outside_is_refused(root: Path, path: str) -> None:
    (root / "leak.pdf").symlink_to(root.parent / "secret.pdf")
    (root / "up").symlink_to(root.parent)
    assert refused(root, path.format(root=root)).code is ErrorCode.FORBIDDEN


def test_outside_the_same_is_told_of_what_is_there_and_what_is_not(root: Path) -> None:
    assert str(refused(root, "../secret.pdf")) == str(refused(root, "../nothing.pdf"))


def test_a_folder_whose_name_begins_like_the_root_lies_outside(root: Path) -> None:
    twin = root.with_name(f"{root.name}-private")
    twin.mkdir()
    (twin / "b.pdf").write_bytes(b"%PDF-b")
    assert refused(root, f"../{twin.name}/b.pdf").code is ErrorCode.FORBIDDEN


@pytest.mark.parametrize("path", ["none.pdf", "inner/none.pdf", "a.pdf/x", "a\0.pdf", "gone.pdf"])
def test_what_is_not_there_is_not_found(root: Path, path: str) -> None:
    (root / "gone.pdf").symlink_to(root / "none.pdf")
    assert refused(root, path).code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("path", ["", ".", "inner", "pipe", "circle", "x" * 300])
def test_what_is_no_file_is_refused_and_holds_nobody_up(root: Path, path: str) -> None:
    os.mkfifo(root / "pipe")
    (root / "circle").symlink_to("circle")
    assert refused(root, path).code is ErrorCode.FORBIDDEN


def test_a_file_above_the_cap_is_refused_unread(root: Path) -> None:
    with (root / "big.pdf").open("wb") as sparse:
        sparse.truncate(10**12)
    assert refused(root, "big.pdf").code is ErrorCode.TOO_LARGE


def test_without_a_root_there_are_no_local_files() -> None:
    error = refused(None, "a.pdf")
    assert (str(error), error.code) == ("This server reads no local files.", ErrorCode.FORBIDDEN)


@pytest.mark.parametrize("swapped", ["inner", "inner/deep", "inner/deep/a.pdf"])
def test_a_link_that_comes_after_the_look_is_not_followed(
    root: Path, swapped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write below the root may swap a folder for a link between the look and the opening."""
    for folder in (root / "inner" / "deep", root.parent / "deep", root.parent):
        folder.mkdir(exist_ok=True)
        (folder / "a.pdf").write_bytes(b"%PDF-")
    look = os.path.realpath

    def swap(path: Path) -> str:
        found = look(path)
        (root / swapped).rename(root / "moved")
        (root / swapped).symlink_to(root.parent / "a.pdf" if swapped.endswith(".pdf") else root.parent)
        return found

    monkeypatch.setattr("os.path.realpath", swap)
    assert refused(root, "inner/deep/a.pdf").code in (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)


def test_refusals_leave_no_file_open(root: Path) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for path in ("none.pdf", "inner/none.pdf", "a.pdf/x", "inner", "", "../secret.pdf"):
        refused(root, path)
    assert len(list(Path("/dev/fd").iterdir())) == before
