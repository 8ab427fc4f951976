"""Files on their way in: read from a form as it arrives, checked, and kept all or not at all."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
from quart import Request
from redis import ResponseError

from actors.shelf import Stored, Uploads, UploadTooLarge, upload_path
from api.facts import moment
from api.intake import Multipart, Part
from api.multipart import CONTENT_TYPE
from api.problems import Problem
from protocol.document import one_line
from protocol.faults import Faults, shown
from protocol.requests import Fault

HEAD_BYTES = 1_024
"""`%PDF-` stands within so many bytes of the start, or it is no PDF."""
NAME_LENGTH_MAX = 200


class Upload(msgspec.Struct, frozen=True):
    """A file that was taken in: `file_path` names it in `documents`, with `file_source_type: "upload"`."""

    file_path: str
    file_name: str
    size: int
    """Bytes."""
    expires_at: str
    """When it is forgotten, unless a job names it: then not before the job."""


def parts_of(asked: Request, *, most_bytes: int, parts_max: int) -> AsyncIterator[Part]:
    """The parts of a form as they arrive.

    Raises:
        Problem: 415, it is no form; 413 (also while it is read), the body is larger than `most_bytes`.
        MalformedBody: while it is read, it is not what its type says, or has more parts than `parts_max`.
    """
    boundary = asked.mimetype_params.get("boundary", "")
    if asked.mimetype != CONTENT_TYPE or not boundary.isascii() or not 0 < len(boundary) <= 70:
        raise Problem(415, f"The body must be files: Content-Type: {CONTENT_TYPE}, with a boundary.")
    if (asked.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    return Multipart(_bounded(asked, most_bytes), boundary, parts_max).parts()


async def _bounded(asked: Request, most_bytes: int) -> AsyncIterator[bytes]:
    """The body's pieces, no more than `most_bytes` in all."""
    size = 0
    async for piece in asked.body:
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        yield piece


def _too_large(most_bytes: int) -> Problem:
    return Problem(413, f"The body is larger than {most_bytes / 2**20:.4g} MiB.")


class NotAPdf(Exception):
    """A file that does not begin like one; the text says so."""


class _Arrived(NamedTuple):
    name: str
    stored: Stored


class Taking:
    """The files of one request: all are kept, or none. An exception that leaves its block drops them."""

    def __init__(self, uploads: Uploads, owner: str) -> None:
        self._uploads, self._owner = uploads, owner
        self._arrived: list[_Arrived] = []
        self._handed_over = False
        self.faults = Faults()
        """Also what else is wrong with the request, so that one answer names all."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and (not self._handed_over or issubclass(kind, ResponseError)):
            await self._uploads.drop(self._owner, [each.stored.id for each in self._arrived])

    async def add(self, path: str, part: Part) -> None:
        """Take in one more. `path`: what a fault calls it; one that is no PDF does not keep others from being read."""
        if part.file_name is None:
            self.faults.add(path, f"is no file: the part “{shown(part.field)}” has no file name")
            return
        name = _name(part.file_name, len(self._arrived))
        called = f"(“{shown(name)}”)"
        try:
            stored = await self._uploads.store(self._owner, _pdf(part.chunks))
        except NotAPdf as fault:
            self.faults.add(path, f"{fault} {called}")
        except UploadTooLarge as fault:
            raise Problem(413, f"A file {fault} {called}.", errors=[Fault(path, f"{fault} {called}")]) from None
        else:
            self._arrived.append(_Arrived(name, stored))

    def hand_over(self) -> None:
        """They are a job's now. They stay though the caller leaves or no reply comes: only a refusal drops them yet."""
        self._handed_over = True

    async def keep(self) -> list[Upload]:
        """Keep them; they are their owner's until they expire, or this block ends with an exception.

        Raises:
            InvalidRequest: some are no PDFs.
        """
        self.faults.settle()
        until_ms = await self._uploads.keep(self._owner, [each.stored for each in self._arrived])
        expires_at = moment(until_ms)
        return [Upload(upload_path(of.id, name), name, of.size_bytes, expires_at) for name, of in self._arrived]


async def _pdf(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same bytes.

    Raises:
        NotAPdf: they are not those of one.
    """
    head = b""
    async with aclosing(chunks):
        async for chunk in chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        if b"%PDF-" not in head[:HEAD_BYTES]:
            raise NotAPdf("does not begin like a PDF" if head else "is empty")
        yield head
        async for chunk in chunks:
            yield chunk


def _name(file_name: str, index: int) -> str:
    """A file's name as people see it, without the folders that some clients send."""
    name = one_line(file_name.replace("\\", "/").rpartition("/")[2])
    return name[:NAME_LENGTH_MAX] or f"document-{index + 1}.pdf"
