"""Documents in S3, or in whatever store speaks its protocol, with the operator's credentials.

Callers read from buckets that the operator has opened and from no others. Sentences name the bucket at most: keys are
the callers' business, and what the library says may hold addresses of the operator's. Its own retries are off, since
our policy decides.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, cast

from actors.blob import PDF_TYPE, Opened, empty
from actors.errors import DocumentError, NetworkFailed, RateLimited, SourceRefused
from actors.settings import Settings
from protocol.words import ErrorCode

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import S3Config, S3Store

SCHEME = "s3://"
CONNECT_TIMEOUT_S = 10
MARGIN_S = 5.0
"""Our own deadline comes before the library's."""
CHUNK_BYTES = 16 * 1024
PART_BYTES, PARTS_AT_A_TIME = 5 * 2**20, 1
TAKE_BACK_S = 5.0
"""So long may it take to tell the store that a file is not sent to its end."""

_STATUS = re.compile(r" status code: (\d{3})\b")


class _Stopped(Exception):
    """Nobody wants the object any more."""


class Place(NamedTuple):
    """Where an object lies."""

    bucket: str
    key: str


class Buckets:
    """The buckets at one endpoint; used on one event loop. Connections are made when they are first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stores: dict[str, S3Store] = {}

    @asynccontextmanager
    async def open(self, path: str, first_bytes: int | None = None) -> AsyncIterator[Opened]:
        """A document that a caller names as `s3://bucket/key`.

        Raises:
            SourceRefused: not there, not opened to callers, or not handed out.
            NetworkFailed, RateLimited: the store cannot be reached or asks to slow down.
        """
        yield await self.read(_readable(path, self._settings), first_bytes)

    async def read(self, place: Place, first_bytes: int | None = None) -> Opened:
        """An object, whoever asks. Raises as `open`, also while the chunks are read."""
        import obstore  # noqa: PLC0415 - only where there is S3

        options: GetOptions = {"range": (0, first_bytes)} if first_bytes else {}
        with _translated(place.bucket):
            found = await obstore.get_async(self._store(place.bucket), place.key, options=options)
        content_type = found.attributes.get("Content-Type")
        chunks = _chunks(place.bucket, found.stream(min_chunk_size=CHUNK_BYTES))
        return Opened(chunks, found.meta["size"], str(content_type) if content_type else None)

    async def write(self, place: Place, chunks: AsyncIterator[bytes]) -> None:
        """Store an object, of which nothing is there before all of it is. Raises as `open`, and what `chunks` does."""
        stop = asyncio.Event()
        putting = asyncio.ensure_future(self._put(place, _until(stop, chunks)))
        try:
            await asyncio.shield(putting)
        except asyncio.CancelledError:
            # The library takes back the parts that it has sent where `chunks` fail, but not where it is cancelled.
            stop.set()
            with suppress(DocumentError, TimeoutError):
                async with asyncio.timeout(TAKE_BACK_S):
                    await putting
            raise
        finally:
            stop.set()

    async def _put(self, place: Place, chunks: AsyncIterator[bytes]) -> None:
        import obstore  # noqa: PLC0415 - as above

        with _translated(place.bucket), suppress(_Stopped):
            await obstore.put_async(
                self._store(place.bucket),
                place.key,
                chunks,
                attributes={"Content-Type": PDF_TYPE},
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_A_TIME,
            )

    async def delete(self, bucket: str, keys: list[str]) -> None:
        """Delete objects; those that are not there are no fault. Raises as `open`."""
        import obstore  # noqa: PLC0415 - as above

        with _translated(bucket):
            await obstore.delete_async(self._store(bucket), keys)

    def _store(self, bucket: str) -> "S3Store":
        if bucket not in self._stores:
            self._stores[bucket] = _opened(bucket, self._settings)
        return self._stores[bucket]


def _opened(bucket: str, settings: Settings) -> "S3Store":
    """A bucket as the library sees it. An endpoint that holds `{bucket}` has a host for each (virtual-hosted style)."""
    from obstore.store import S3Store  # noqa: PLC0415 - as above

    endpoint = settings.s3_endpoint
    return S3Store(
        bucket,
        region=settings.s3_region,
        virtual_hosted_style_request="{bucket}" in endpoint,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "timeout": timedelta(seconds=settings.fetch_timeout_s + MARGIN_S),
        },
        retry_config={"max_retries": 0},
        config=_given(
            endpoint=endpoint.replace("{bucket}", bucket),
            access_key_id=settings.s3_access_key_id,
            secret_access_key=settings.s3_secret_access_key,
        ),
    )


def _given(**known: str) -> "S3Config":
    """What is set; the rest the library finds as AWS's own tools do, in the environment or from the platform's role."""
    return cast("S3Config", {name: value for name, value in known.items() if value})


def _readable(path: str, settings: Settings) -> Place:
    """Where a caller's document lies.

    Raises:
        SourceRefused: the operator has not opened that place, or the key is one that cannot be asked for.
    """
    bucket, _, key = path.removeprefix(SCHEME).partition("/")
    if not path.startswith(SCHEME) or not key:
        raise SourceRefused("A document in S3 is named as s3://bucket/key.", code=ErrorCode.UNSUPPORTED)
    if any(part in ("", ".", "..") for part in key.split("/")) or not key.isprintable():
        raise SourceRefused("Keys with empty parts, or parts of dots, are not read here.", code=ErrorCode.UNSUPPORTED)
    kept = settings.upload_bucket.partition("/")[0]
    if bucket == kept or not any(f"{bucket}/{key}".startswith(f"{opened}/") for opened in settings.s3_buckets):
        raise SourceRefused("The operator has not opened that place in S3.", code=ErrorCode.FORBIDDEN)
    return Place(bucket, key)


async def _until(stop: asyncio.Event, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The chunks, unless `stop` is set, also while one is waited for."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(chunks, None))
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                coming.cancel()
                await asyncio.wait({coming})
                raise _Stopped
            if (chunk := coming.result()) is None:
                return
            yield chunk
    finally:
        stopped.cancel()


async def _chunks(bucket: str, stream: AsyncIterator[object]) -> AsyncGenerator[bytes, None]:
    while True:
        with _translated(bucket):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        yield bytes(chunk)  # type: ignore[call-overload]


@contextmanager
def _translated(bucket: str) -> Iterator[None]:
    """The library's errors become ours."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError  # noqa: PLC0415 - as above

    try:
        yield
    except FileNotFoundError:
        raise SourceRefused(f"The document is not in the bucket {bucket}.", code=ErrorCode.NOT_FOUND) from None
    except (PermissionDeniedError, UnauthenticatedError):
        raise _withheld(bucket) from None
    except BaseError as fault:
        raise _failure(bucket, str(fault)) from None


def _failure(bucket: str, said: str) -> DocumentError:
    """What a fault without a class of its own means: its text holds the status, if there was an answer."""
    status = int(found[1]) if (found := _STATUS.search(said)) else 0
    if status in (429, 503):
        return RateLimited(f"The store of the bucket {bucket} asks to slow down.")
    if status == 416:
        return empty()
    if 400 <= status < 500:
        return _withheld(bucket)
    return NetworkFailed(f"The store of the bucket {bucket} could not be reached, or broke off.")


def _withheld(bucket: str) -> SourceRefused:
    return SourceRefused(f"The bucket {bucket} does not hand the document out.", code=ErrorCode.FORBIDDEN)
