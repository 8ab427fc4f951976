"""A job as HTTP shows it: its numbers, and its rows that have ended, a page at a time."""

from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from protocol.connection import CALL_TRIES, Server
from protocol.failures import job_not_found
from protocol.messages import JOB_NOT_FOUND, JobState, Row
from protocol.requests import valid_job_id
from protocol.words import DocumentStatus

T = TypeVar("T")


class JobSummary(JobState, frozen=True, kw_only=True):
    """A job in numbers, as `GET …/status` tells it."""

    job_id: str
    results_count: int = 0
    """Rows that have ended."""
    run: str | None = None
    """Another after each retry; opaque."""


class Page(msgspec.Struct, frozen=True):
    """Rows that have ended, by `row_id`; `next`: the `after` of the page behind, None on the last."""

    results: list[Row]
    next: int | None = None


class Lookup:
    """Asks about one job; each request is made `tries_max` times where that may help."""

    def __init__(self, server: Server, job_id: str, tries_max: int = CALL_TRIES) -> None:
        self._server, self._path, self._tries_max = server, job_path(job_id), tries_max

    async def summary(self) -> JobSummary:
        """Where the job stands now."""
        return await self._ask(JobSummary, "/status")

    async def page(self, limit: int, after: int | None = None, status: DocumentStatus | None = None) -> Page:
        """At most `limit` rows that have ended, only those behind row `after`, and those that ended so."""
        query = {"limit": limit, "after": after, "status": status}
        given = {name: value for name, value in query.items() if value is not None}
        return await self._ask(Page, f"/results?{urlencode(given)}")

    async def _ask(self, kind: type[T], path: str) -> T:
        return await self._server.ask(kind, "GET", self._path + path, tries_max=self._tries_max)


def job_path(job_id: str) -> str:
    """Where HTTP knows the job."""
    return f"/api/batch/jobs/{_checked(job_id)}"


def socket_path(job_id: str, cursor: str | None) -> str:
    """Where the job is watched, from `cursor` on."""
    query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
    return f"/api/batch/ws/{_checked(job_id)}{query}"


def _checked(job_id: str) -> str:
    if not valid_job_id(job_id):
        raise job_not_found(JOB_NOT_FOUND)
    return quote(job_id, safe="")
