"""The numbers and the results of one job over HTTP, from a history that goes on with every request."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import msgspec

from protocol.messages import COMPLETED_MESSAGE, Catchup, JobState, Keepalive, Message, Progress, Row, ending
from protocol.words import DocumentStatus, JobStatus

JOB = "job-1"
MESSAGES = {
    JobStatus.PAUSED: "No tokens are left",
    JobStatus.COMPLETED: COMPLETED_MESSAGE,
    JobStatus.CANCELLED: "Job cancelled",
    JobStatus.FAILED: "No key",
}


class Again:
    """The job is run again: what failed is not done any more."""


Move = Row | JobStatus | Again
"""A row ends, the job's status changes, or a new run begins. A completed job's last row ends it."""


class Ledger:
    """What `GET …/status` and `GET …/results` tell; before each answer happens what the history has next."""

    def __init__(self, total: int, history: Iterable[Sequence[Move]]) -> None:
        self.total = total
        self.port = 0
        self.url = ""
        self.asked: list[str] = []
        """The paths behind the job's own."""
        self.rows_given = 0
        self.refusals: dict[int, HTTPStatus] = {}
        """Requests, counted from 1, that are refused."""
        self.told: list[Message] = []
        """What a socket would have told from the start."""
        self.forgets_rows = False
        """Whether no page holds any, whatever the numbers say."""
        self.connections: list[asyncio.Future[None]] = []
        self._history = iter(history)
        self._status = JobStatus.PENDING
        self._rows: dict[int, Row] = {}
        self._tell_everything()

    def answer(self, path: str) -> tuple[HTTPStatus, bytes]:
        """The answer to one request."""
        self.asked.append(path)
        for move in next(self._history, ()):
            self._happen(move)
        if len(self.asked) in self.refusals:
            return self.refusals[len(self.asked)], b"{}"
        address = urlsplit(path)
        if address.path == "/status":
            return HTTPStatus.OK, msgspec.json.encode(self._summary())
        return HTTPStatus.OK, msgspec.json.encode(self._page(parse_qs(address.query)))

    def _happen(self, move: Move) -> None:
        if isinstance(move, Again):
            self._rows = {row_id: row for row_id, row in self._rows.items() if row.status is DocumentStatus.SUCCESS}
            self._status = JobStatus.PENDING
            self._tell_everything()
        elif isinstance(move, JobStatus):
            self._become(move)
        else:
            self._rows[move.row_id] = move
            self._status = JobStatus.PROCESSING if self._status is JobStatus.PENDING else self._status
            self.told.append(Progress.of(JOB, move, len(self._rows) / self.total, None))
            if len(self._rows) == self.total:
                self._become(JobStatus.COMPLETED)

    def _become(self, status: JobStatus) -> None:
        self._status = status
        if not status.over:
            self.told.append(Keepalive(job_id=JOB, status=status, message=MESSAGES.get(status)))
            return
        done = self._state()
        self.told.append(
            ending(status).of(JOB, processed=done.processed_count, failed=done.failed_count, message=MESSAGES[status])
        )

    def _tell_everything(self) -> None:
        results = [self._rows[row_id] for row_id in sorted(self._rows)]
        self.told.append(Catchup(job_id=JOB, state=self._state(), results=results, resumed=False))

    def _state(self) -> JobState:
        good = sum(row.status is DocumentStatus.SUCCESS for row in self._rows.values())
        return JobState(
            status=self._status,
            progress=len(self._rows) / self.total,
            processed_count=good,
            failed_count=len(self._rows) - good,
            total=self.total,
            message=MESSAGES.get(self._status),
        )

    def _summary(self) -> dict[str, object]:
        known = msgspec.structs.asdict(self._state())
        return {name: value for name, value in known.items() if value is not None} | {
            "job_id": JOB,
            "results_count": len(self._rows),
        }

    def _page(self, query: dict[str, list[str]]) -> dict[str, object]:
        after, limit = int(query.get("after", ["-1"])[0]), int(query["limit"][0])
        assert 1 <= limit <= 1_000
        page = [self._rows[row_id] for row_id in sorted(self._rows) if row_id > after and not self.forgets_rows][:limit]
        self.rows_given += len(page)
        more = len(page) == limit and page[-1].row_id + 1 < self.total
        return {"job_id": JOB, "results": page, "next": page[-1].row_id if more else None}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client leaves."""
        self.connections.append(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.decode().split()[1].removeprefix(f"/api/batch/jobs/{JOB}")
                status, body = self.answer(path)
                writer.write(
                    f"HTTP/1.1 {status} {status.phrase}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
                )
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def ledger(total: int, history: Iterable[Sequence[Move]]) -> AsyncIterator[Ledger]:
    """Serve on a free port of loopback."""
    it = Ledger(total, history)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    it.url = f"http://127.0.0.1:{it.port}"
    try:
        yield it
    finally:
        server.close()
        await asyncio.gather(*it.connections)
