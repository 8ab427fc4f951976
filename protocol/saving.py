"""Where a download goes: to a file that is whole or not there, or to standard output."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def saved_as(path: Path | None) -> Iterator[BinaryIO]:
    """What is written in the block stands at `path` behind it, unless the block raises. None: standard output.

    Raises:
        OSError: there is no writing there.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        part = Path(folder, "part")
        with part.open("wb") as file:
            yield file
        part.replace(path)
