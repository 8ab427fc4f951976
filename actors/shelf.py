"""Files that callers have sent, until the jobs that name them are forgotten.

They lie in the operator's bucket where there is one, else in Redis, in pieces; what is known of them is in Redis in
any case, and expires. An upload is its owner's alone: to everybody else, and to whoever guesses, it does not exist.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib import resources
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import redis

from actors.blob import PDF_TYPE, Opened
from actors.errors import DocumentError, NetworkFailed, SourceRefused
from actors.s3 import Buckets, Place
from actors.settings import Settings
from protocol.requests import Document
from protocol.words import ErrorCode, SourceType

log = logging.getLogger(__name__)

PIECE_BYTES = 512 * 1024
UNFINISHED_MS = 1_200_000
"""What a request left behind that broke off is gone after this; a request takes less."""
DROP_TIMEOUT_S = 5.0
ID = re.compile(r"[A-Za-z0-9_-]{32}")
_ID_BYTES = 24


class UploadsFull(Exception):
    """The caller keeps as much as one may; `retry_after_s`: when the next of it expires, in a day at the latest."""

    def __init__(self, retry_after_s: int, most: str) -> None:
        super().__init__(f"You keep as many uploads as one caller may, which is {most}; each stays until it expires.")
        self.retry_after_s = retry_after_s


class UploadTooLarge(Exception):
    """A file is larger than an upload may be."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"is larger than {max_bytes / 2**20:.4g} MiB")


class UploadsAway(Exception):
    """The bucket does not take the file, or it took too long; another try may succeed."""


class Stored(NamedTuple):
    """A file that has arrived whole, and is not kept yet."""

    id: str
    size_bytes: int
    pieces: int
    """In Redis; 0: it lies in the bucket."""


class Uploads:
    """All uploads; without a client of Redis there are none."""

    def __init__(self, client: "redis.Redis | None", settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._buckets = Buckets(settings)
        self._script = client.register_script(_script()) if client else None

    async def store(self, owner: str, chunks: AsyncGenerator[bytes, None]) -> Stored:
        """Take in one file, which counts for its owner from now on. Raises what `chunks` does, and:

        Raises:
            UploadsFull, UploadTooLarge, UploadsAway: the file is not taken; nothing of it stays.
            redis.RedisError: likewise; what stays expires by itself.
        """
        upload_id = secrets.token_urlsafe(_ID_BYTES)
        try:
            async with aclosing(self._fitting(chunks)) as fitting:
                if self._settings.upload_bucket:
                    return await self._in_bucket(owner, upload_id, fitting)
                return await self._in_redis(owner, upload_id, fitting)
        except BaseException:
            await self.drop(owner, [upload_id])
            raise

    async def keep(self, owner: str, stored: Sequence[Stored]) -> int:
        """Keep files, all or none; returns until when, in ms since 1970. A job that names one keeps it longer.

        Raises:
            UploadsAway: one of them has expired meanwhile.
        """
        parts = [part for each in stored for part in each]
        word, *rest = await self._call(owner, "keep", owner, self._settings.job_ttl_s * 1000, *parts)
        if word != b"ok":
            raise UploadsAway
        return int(rest[0])

    async def drop(self, owner: str, ids: Sequence[str]) -> None:
        """Forget files that shall not be kept, where that can be done at once; in Redis they expire anyway."""
        if not ids:
            return
        try:
            async with asyncio.timeout(DROP_TIMEOUT_S):
                await self._call(owner, "drop", *ids)
                if self._settings.upload_bucket:
                    await self._buckets.delete(self._place("").bucket, [self._place(each).key for each in ids])
        except (redis.RedisError, DocumentError, TimeoutError) as fault:
            log.warning("%d files of a broken request stay for a while: %s", len(ids), type(fault).__name__)

    @asynccontextmanager
    async def open(self, path: str, owner: str, first_bytes: int | None = None) -> AsyncIterator[Opened]:
        """An upload of `owner`.

        Raises:
            SourceRefused: there is none, or it is somebody else's.
            NetworkFailed, RateLimited: where it lies does not answer.
        """
        upload_id = path.partition("/")[0]
        size, pieces = await self._known(upload_id, owner)
        if pieces:
            yield Opened(self._pieces(upload_id, pieces), size, PDF_TYPE)
        elif self._settings.upload_bucket:
            yield await self._buckets.read(self._place(upload_id), first_bytes)
        else:
            raise _gone()

    async def _known(self, upload_id: str, owner: str) -> tuple[int, int]:
        """Its bytes and pieces."""
        if ID.fullmatch(upload_id) and owner and self._client is not None:
            whose, *numbers = await self._get(upload_id, "owner", "size", "pieces")
            if whose is not None and whose.decode() == owner:
                return cast("tuple[int, int]", tuple(int(number or 0) for number in numbers))
        raise _gone()

    async def _pieces(self, upload_id: str, pieces: int) -> AsyncGenerator[bytes, None]:
        for number in range(pieces):
            (piece,) = await self._get(upload_id, str(number))
            if piece is None:
                raise _gone()
            yield piece

    async def _get(self, upload_id: str, *fields: str) -> list[bytes | None]:
        assert self._client is not None
        try:
            return cast("list[bytes | None]", await asyncio.to_thread(self._client.hmget, _key(upload_id), fields))
        except redis.RedisError:
            raise NetworkFailed("The store of uploads does not answer.") from None

    async def _in_redis(self, owner: str, upload_id: str, chunks: AsyncGenerator[bytes, None]) -> Stored:
        number = size = 0
        async for piece in _in_pieces(chunks):
            await self._append(owner, upload_id, number, piece)
            number, size = number + 1, size + len(piece)
        return Stored(upload_id, size, number)

    async def _in_bucket(self, owner: str, upload_id: str, chunks: AsyncGenerator[bytes, None]) -> Stored:
        size = 0

        async def counted() -> AsyncGenerator[bytes, None]:
            nonlocal size
            async for chunk in chunks:
                size += len(chunk)
                yield chunk

        await self._append(owner, upload_id, 0, b"")
        try:
            await self._buckets.write(self._place(upload_id), counted())
        except DocumentError as fault:
            raise UploadsAway from fault
        return Stored(upload_id, size, 0)

    async def _append(self, owner: str, upload_id: str, number: int, piece: bytes) -> None:
        ours = self._settings
        word, *rest = await self._call(
            owner, "append", upload_id, number, piece, UNFINISHED_MS,
            ours.uploads_per_caller, ours.upload_bytes_per_caller,
        )  # fmt: skip
        if word == b"full":
            most = f"{ours.uploads_per_caller:,} files"
            if not ours.upload_bucket:
                most += f" or {ours.upload_bytes_per_caller / 2**20:.4g} MiB"
            raise UploadsFull(1 + int(rest[0]) // 1000, most)
        if word != b"ok":
            raise UploadsAway

    async def _fitting(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        ours, size = self._settings, 0
        most = ours.fetch_max_bytes if ours.upload_bucket else min(ours.fetch_max_bytes, ours.upload_max_bytes)
        async for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise UploadTooLarge(most)
            yield chunk

    def _place(self, upload_id: str) -> Place:
        bucket, _, prefix = self._settings.upload_bucket.partition("/")
        return Place(bucket, f"{prefix}/{upload_id}" if prefix else upload_id)

    async def _call(self, owner: str, command: str, *args: Any) -> list[Any]:
        assert self._script is not None
        reply = await asyncio.to_thread(self._script, keys=[f"owner:{{{owner}}}:uploads"], args=[command, *args])
        return cast("list[Any]", reply)


def upload_path(upload_id: str, file_name: str) -> str:
    """The `file_path` by which an upload is named; it ends with the file's name, which becomes the title."""
    return f"{upload_id}/{quote(file_name, safe='')}"


def _gone() -> SourceRefused:
    """The same for whatever is not to be had: nobody learns whether there ever was one."""
    return SourceRefused("The upload is not there.", code=ErrorCode.NOT_FOUND)


def uploads_named(documents: Sequence[Document]) -> list[str]:
    """The ids of the uploads among documents, as far as they can be any."""
    paths = (each.file_path for each in documents if each.file_source_type is SourceType.UPLOAD)
    return sorted({upload_id for path in paths if ID.fullmatch(upload_id := path.partition("/")[0])})


async def _in_pieces(chunks: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Pieces of `PIECE_BYTES`, the last one shorter."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)


def _key(upload_id: str) -> str:
    return f"upload:{{{upload_id}}}"


def _script() -> str:
    return resources.files("actors").joinpath("shelf.lua").read_text(encoding="utf-8")
