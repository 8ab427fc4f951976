"""A document's bytes on their way and between the steps, and the local files that are documents."""

import os
import stat
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from actors.errors import DocumentRefused, SourceRefused
from protocol.words import ErrorCode

PDF_TYPE = "application/pdf"
# Linux lets us pass through folders that we may not list.
_FOLDER = os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)


class Opened(NamedTuple):
    """A document at its source, about to be read."""

    chunks: AsyncGenerator[bytes, None]
    size_bytes: int | None
    """As its source declares it; None: it does not."""
    content_type: str | None


class Blob:
    """A document's bytes: an unlinked temporary file, or a local file itself, opened for reading."""

    __slots__ = ("file", "size_bytes")

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self.file = file
        """At offset 0."""
        self.size_bytes = size_bytes

    def close(self) -> None:
        """Give the disk space back."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_local(root: Path | None, path: str, max_bytes: int) -> Blob:
    """A file below `root`, after all symbolic links; of what lies outside nothing is told, not even whether it exists.

    Raises:
        SourceRefused: outside, not there, not readable, no regular file, or too large.
    """
    if root is None:
        raise SourceRefused("This server reads no local files.", code=ErrorCode.FORBIDDEN)
    try:
        real = Path(os.path.realpath(root / path))  # unlike Path.resolve it does not raise on links in a circle
        if real.is_relative_to(root):
            return _regular(_open_below(root, real.relative_to(root).parts or (".",)), max_bytes)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise SourceRefused("The file is not there.", code=ErrorCode.NOT_FOUND) from None
    except OSError:
        raise SourceRefused("The file cannot be read by this server.", code=ErrorCode.FORBIDDEN) from None
    raise SourceRefused("The file lies outside of the folder for local documents.", code=ErrorCode.FORBIDDEN)


def empty() -> DocumentRefused:
    """What a document without a byte ends with."""
    return DocumentRefused("The file is empty.", code=ErrorCode.NOT_A_PDF)


def too_large(max_bytes: int) -> SourceRefused:
    """What a document above the cap ends with."""
    return SourceRefused(f"The document is larger than {max_bytes / 2**20:.4g} MiB.", code=ErrorCode.TOO_LARGE)


def _open_below(root: Path, parts: Sequence[str]) -> int:
    """Step by step, since any folder on the way may have become a link after the look that found it below the root."""
    *folders, name = parts
    above = os.open(root, _FOLDER)
    try:
        for each in folders:
            inner = os.open(each, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
            os.close(above)
            above = inner
        # Neither a pipe nor a device may hold us up.
        return os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW, dir_fd=above)
    finally:
        os.close(above)


def _regular(descriptor: int, max_bytes: int) -> Blob:
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_size > max_bytes:
        os.close(descriptor)
        if stat.S_ISREG(about.st_mode):
            raise too_large(max_bytes)
        raise SourceRefused("The path is not that of a file.", code=ErrorCode.FORBIDDEN)
    return Blob(os.fdopen(descriptor, "rb"), about.st_size)
