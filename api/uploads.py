"""Take in files that batches then name."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import NamedTuple

import msgspec
from quart import Blueprint, Request, Response, request
from werkzeug.exceptions import RequestTimeout

from actors.shelf import Stored, Uploads, UploadTooLarge, upload_path
from api.facts import moment
from api.intake import Multipart, Part
from api.parts import present
from api.problems import Problem
from api.results import answer
from protocol.document import one_line
from protocol.faults import Faults
from protocol.requests import Fault

REQUEST_LIMIT_S = 900.0
HEAD_BYTES = 1_024
"""`%PDF-` stands within so many bytes of the start, or it is no PDF."""
NAME_LENGTH_MAX = 200

routes = Blueprint("uploads", __name__)


class Upload(msgspec.Struct, frozen=True):
    """A file that was taken in: `file_path` names it in `documents`, with `file_source_type: "upload"`."""

    file_path: str
    file_name: str
    size: int
    """Bytes."""
    expires_at: str
    """When it is forgotten, unless a job names it: then not before the job."""


class NotAPdf(Exception):
    """A file that does not begin like one."""


class _Arrived(NamedTuple):
    name: str
    stored: Stored


@routes.post("/api/uploads")
async def upload() -> Response:
    """Take in PDFs, as multipart/form-data: all of them or none."""
    caller = present().door.admit_request(request)
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary.isascii() or not 0 < len(boundary) <= 70:
        raise Problem(415, "The body must be files: Content-Type: multipart/form-data, with a boundary.")
    settings = present().settings
    body = _bounded(request, settings.upload_body_max_bytes)
    try:
        async with asyncio.timeout(REQUEST_LIMIT_S):
            parts = Multipart(body, boundary, settings.uploads_per_caller).parts()
            return answer(await _Taking(present().uploads, caller.subject).all(parts), 201)
    except TimeoutError:
        raise RequestTimeout from None


async def _bounded(asked: Request, most: int) -> AsyncIterator[bytes]:
    """The body's pieces, no more than `most` bytes in all."""
    size = asked.content_length or 0
    too_large = Problem(413, f"The body is larger than {most / 2**20:.4g} MiB.")
    if size > most:
        raise too_large
    size = 0
    async for piece in asked.body:
        size += len(piece)
        if size > most:
            raise too_large
        yield piece


class _Taking:
    """The files of one request: all are kept, or none."""

    def __init__(self, uploads: Uploads, owner: str) -> None:
        self._uploads, self._owner = uploads, owner
        self._arrived: list[_Arrived] = []
        self._faults = Faults()

    async def all(self, parts: AsyncIterator[Part]) -> list[Upload]:
        """Raises InvalidRequest where some are no PDFs; all are looked at, so that all of these are named."""
        try:
            await self._gather(parts)
            until_ms = await self._uploads.keep(self._owner, [each.stored for each in self._arrived])
        except BaseException:
            await self._uploads.drop(self._owner, [each.stored.id for each in self._arrived])
            raise
        expires_at = moment(until_ms)
        return [Upload(upload_path(of.id, name), name, of.size_bytes, expires_at) for name, of in self._arrived]

    async def _gather(self, parts: AsyncIterator[Part]) -> None:
        index = 0
        async for part in parts:
            await self._take(index, part)
            index += 1
        if not index:
            self._faults.add("files", "is missing: the body holds no file")
        self._faults.settle()

    async def _take(self, index: int, part: Part) -> None:
        path = f"files[{index}]"
        if part.file_name is None:
            self._faults.add(path, "is no file")
            return
        try:
            stored = await self._uploads.store(self._owner, _pdf(part.chunks))
        except NotAPdf:
            self._faults.add(path, "does not begin like a PDF")
        except UploadTooLarge as fault:
            raise Problem(413, f"A file {fault}.", errors=[Fault(path, str(fault))]) from None
        else:
            self._arrived.append(_Arrived(_name(part.file_name, index), stored))


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
            raise NotAPdf
        yield head
        async for chunk in chunks:
            yield chunk


def _name(file_name: str, index: int) -> str:
    """A file's name as people see it, without the folders that some clients send."""
    name = one_line(file_name.replace("\\", "/").rpartition("/")[2])
    return name[:NAME_LENGTH_MAX] or f"document-{index + 1}.pdf"
