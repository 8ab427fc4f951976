"""Start, watch, cancel and read batches from a program.

    async with Client("http://127.0.0.1:8000", token) as client:
        job_id = await client.start([{"file_path": "https://example.org/a.pdf"}], {"num_tags": 5})
        async for message in client.watch(job_id):
            ...

Calls are asked again a few times when the connection fails, which is safe for all of them, since `start`
chooses the job's id beforehand. `watch` reconnects by itself with its cursor, and polls where no socket comes
through. The token goes in the `Authorization` header, never in a URL. All raise the errors of `protocol.failures`.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, get_args
from urllib.parse import urlencode

import msgspec

from protocol.answers import Acted, Processed, Retried, Started, Upload
from protocol.checks import CheckedPaths
from protocol.connection import Backoff, Form, Server, Token
from protocol.failures import (
    ClientError,
    JobNotFound,
    NotAuthenticated,
    Problem,
    RequestRefused,
    UnexpectedAnswer,
    Unreachable,
)
from protocol.lookup import JobSummary, Lookup, job_path
from protocol.messages import Message, Row
from protocol.polling import Pace
from protocol.requests import TaggingConfig
from protocol.watching import Transport, Watching
from protocol.words import DocumentStatus, JobStatus

__all__ = [
    "Client",
    "ClientError",
    "ExportForm",
    "JobNotFound",
    "JobSummary",
    "NotAuthenticated",
    "Problem",
    "RequestRefused",
    "Started",
    "Token",
    "Transport",
    "UnexpectedAnswer",
    "Unreachable",
    "Upload",
]

ExportForm = Literal["csv", "ndjson", "xlsx"]


class Client:
    """Speaks to one Tagstream server on behalf of one caller.

    `token`: text, or what gives a fresh one (a function, async or not), asked before each request.
    `backoff_s`: the bounds of the first and of the longest wait between tries.
    `patience_s`: how long `watch` tries to connect again before it gives up.
    `transport`: whether `watch` opens sockets, polls, or finds out which of the two comes through.
    `poll_s`: the bounds of the waits between polls: after news, and after a long time without any.
    """

    def __init__(
        self,
        base_url: str,
        token: Token,
        *,
        backoff_s: tuple[float, float] = (0.25, 15.0),
        patience_s: float = 300.0,
        transport: Transport = "auto",
        poll_s: tuple[float, float] = (1.0, 15.0),
    ) -> None:
        if transport not in get_args(Transport):
            raise ValueError(f"transport wants one of {', '.join(get_args(Transport))}")
        self._server = Server(base_url, token, backoff_s)
        self._backoff_s, self._patience_s = backoff_s, patience_s
        self._transport, self._poll_s = transport, poll_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the HTTP connections; an iteration of `watch` closes its own socket."""
        await self._server.close()

    async def start(
        self,
        documents: Sequence[Mapping[str, Any]],
        config: TaggingConfig | Mapping[str, Any],
        *,
        column_mapping: Mapping[str, str] | None = None,
        job_id: str | None = None,
    ) -> str:
        """Start a batch; returns its job id.

        Raises:
            RequestRefused: `problem.errors` names the fields that will not do.
            Unreachable: whether it was started is unknown; the same `job_id` again is the same job.
        """
        body: dict[str, object] = {"documents": documents, "config": config, "job_id": job_id or str(uuid.uuid4())}
        if column_mapping is not None:
            body["column_mapping"] = column_mapping
        return (await self._server.ask(Started, "POST", "/api/batch/start", msgspec.json.encode(body))).job_id

    async def start_file(
        self,
        file: Path | bytes,
        config: TaggingConfig | Mapping[str, Any],
        *,
        column_mapping: Mapping[str, str] | None = None,
        job_id: str | None = None,
        exclusion_file: Path | bytes | None = None,
    ) -> Started:
        """Start a batch from a CSV file or an XLSX workbook, which the server reads and says how it has.

        `exclusion_file`: terms that no tag may be, as text or PDF.

        Raises:
            OSError: a file cannot be read.
            RequestRefused: `problem.errors` says what will not do, and in which line.
            Unreachable: whether it was started is unknown; the same `job_id` again is the same job.
        """
        fields: dict[str, str | bytes] = {"config": msgspec.json.encode(config), "job_id": job_id or str(uuid.uuid4())}
        if column_mapping is not None:
            fields["column_mapping"] = msgspec.json.encode(column_mapping)
        files = {"file": await _content(file)}
        if exclusion_file is not None:
            files["exclusion_file"] = await _content(exclusion_file)
        return await self._server.ask(Started, "POST", "/api/batch/start", Form.of(fields, files))

    async def upload(self, paths: Sequence[Path | str]) -> list[Upload]:
        """Send PDFs, in one request; all of them are kept, or none. Start a batch of their `document`s.

        Raises:
            RequestRefused: 422: `problem.errors` names those that are no PDFs, as `files[2]`; 413: one, or all of them
                together, are too large; 429: you keep as many as you may.
            Unreachable: nothing is kept, or what is kept has no name and is forgotten.
            OSError: a file cannot be read.
        """
        with ExitStack() as opened:
            files = [_open(opened, Path(path)) for path in paths]
            return await self._server.send_files(list[Upload], "/api/uploads", files)

    async def process(
        self,
        document: Path | str,
        config: TaggingConfig | Mapping[str, Any] | None = None,
        *,
        exclusion_file: Path | bytes | None = None,
        **known: str,
    ) -> Processed:
        """Tag one document and wait for it: a file, or the address of one, text with `://` in it. Asked once.

        `exclusion_file`: terms that no tag may be, as text or PDF. `known`: `title`, `description`, `password`.

        Raises:
            OSError: a file cannot be read.
            RequestRefused: a field will not do; 504, it takes longer than the server waits: `problem.job_id` has it.
            Unreachable: whether it was started is unknown.
        """
        fields: dict[str, str | bytes] = {"config": msgspec.json.encode(config or {}), **known}
        if isinstance(document, str) and "://" in document:
            fields["pdf_url"] = document
        named = {"pdf_file": None if "pdf_url" in fields else Path(document), "exclusion_file": exclusion_file}
        files = {name: await _content(file) for name, file in named.items() if file is not None}
        return await self._server.ask_long(Processed, "/api/single/process", Form.of(fields, files))

    async def validate_paths(self, paths: Sequence[Mapping[str, str]]) -> CheckedPaths:
        """Whether documents can be had, each `{"path": …, "type": …}`; the type is guessed as in a batch."""
        body = msgspec.json.encode({"paths": paths})
        return await self._server.ask(CheckedPaths, "POST", "/api/batch/validate-paths", body)

    async def status(self, job_id: str) -> JobSummary:
        """Where the job stands now."""
        return await Lookup(self._server, job_id).summary()

    async def cancel(self, job_id: str) -> JobStatus:
        """Stop the job; RequestRefused with status 409 where it ended otherwise before."""
        return await self._act(job_id, "cancel")

    async def pause(self, job_id: str) -> JobStatus:
        """Let no further row start; RequestRefused with status 409 where it has ended."""
        return await self._act(job_id, "pause")

    async def resume(self, job_id: str) -> JobStatus:
        """Go on with a paused job; RequestRefused with status 409 where it has ended."""
        return await self._act(job_id, "resume")

    async def retry(
        self, job_id: str, row_ids: Sequence[int] = (), *, api_key: str | None = None, model_name: str | None = None
    ) -> int:
        """Run a job that is over once more, all that has not succeeded or the rows named; returns how many run.

        Raises:
            RequestRefused: 409: it is not over, or nothing is left to run; 422: `problem.errors` names what is missing.
            Unreachable: whether it runs again is unknown; `status` tells.
        """
        asked = {"row_ids": list(row_ids) or None, "api_key": api_key, "model_name": model_name}
        body = msgspec.json.encode({name: value for name, value in asked.items() if value is not None})
        return (await self._server.ask(Retried, "POST", f"{job_path(job_id)}/retry", body, tries_max=1)).rows

    async def delete(self, job_id: str) -> None:
        """Stop the job if it runs, and forget it; JobNotFound also where that has happened already.

        Raises:
            Unreachable: whether it is forgotten is unknown; the same call again tells.
        """
        await self._server.send("DELETE", job_path(job_id))

    async def _act(self, job_id: str, name: str) -> JobStatus:
        return (await self._server.ask(Acted, "POST", f"{job_path(job_id)}/{name}")).status

    async def results(
        self, job_id: str, limit: int = 500, *, status: DocumentStatus | None = None
    ) -> AsyncGenerator[Row, None]:
        """The finished rows by `row_id`, or only those that ended so, fetched `limit` at a time."""
        lookup = Lookup(self._server, job_id)
        page = await lookup.page(limit, status=status)
        while True:
            for row in page.results:
                yield row
            if page.next is None:
                return
            page = await lookup.page(limit, page.next, status)

    async def export(
        self, job_id: str, form: ExportForm, file: BinaryIO, *, status: DocumentStatus | None = None
    ) -> None:
        """Write all rows of the job to `file`, those that have not ended among them, or only those that ended so.

        Raises:
            RequestRefused: 409: it began to run again meanwhile; 422: it has too many columns for this form.
            Unreachable: it broke off, so what was written is not whole.
        """
        query = urlencode({"format": form} | ({"status": status} if status else {}))
        await self._download(f"{job_path(job_id)}/results?{query}", file)

    async def template(self, form: Literal["csv", "xlsx"], file: BinaryIO) -> None:
        """Write the spreadsheet to fill in to `file`."""
        await self._download(f"/api/batch/template?format={form}", file)

    async def _download(self, path: str, file: BinaryIO) -> None:
        async with aclosing(self._server.download(path)) as pieces:
            async for piece in pieces:
                file.write(piece)

    async def watch(
        self, job_id: str, cursor: str | None = None, *, on_lost: Callable[[ClientError], None] | None = None
    ) -> AsyncGenerator[Message, None]:
        """All that happens to the job, up to and with its ending, over any number of connections.

        Each connection begins with a catchup; no progress is told twice. Leave the iteration early inside
        `contextlib.aclosing`, so that the socket closes at once. `on_lost` is told of each connection that
        could not be made or broke off; the next message says that there is one again.

        Where no socket comes through, it polls: the rows that end, the ending and changes of the status are
        told all the same, later; attempts and waits are not, and these messages bring no cursor.

        Raises:
            JobNotFound, NotAuthenticated: also when that comes true while watching.
            RequestRefused: status 429: too many sockets of this caller are open, and were for `patience_s`.
            Unreachable: no connection for `patience_s`.
            UnexpectedAnswer: what answers is no Tagstream.
        """
        watching = Watching(
            self._server,
            job_id,
            cursor,
            transport=self._transport,
            backoff=Backoff(*self._backoff_s, patience_s=self._patience_s),
            pace=Pace(*self._poll_s),
            on_lost=on_lost,
        )
        async with aclosing(watching.messages()) as messages:
            async for message in messages:
                yield message


async def _content(file: Path | bytes) -> tuple[str, bytes]:
    """A file's name and what it holds."""
    return ("file", file) if isinstance(file, bytes) else (file.name, await asyncio.to_thread(file.read_bytes))


def _open(opened: ExitStack, path: Path) -> tuple[str, BinaryIO]:
    return path.name, opened.enter_context(path.open("rb"))
