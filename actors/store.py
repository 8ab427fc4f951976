"""JobStore: all writes to jobs. Each method is one call of `store.lua`, which also says what the keys hold: it happens
whole or not at all. Each may raise `redis.RedisError` when Redis is away, and may simply be called again.
"""

import secrets
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any, cast

import msgspec
import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from actors.records import (
    Claim,
    Due,
    JobConflict,
    JobMissing,
    KeySource,
    Lapsed,
    Load,
    NewJob,
    NewRun,
    RowAddress,
    Stage,
    Tokens,
    read_terms,
    refusal_in,
)
from actors.settings import Settings
from actors.shelf import uploads_named
from protocol.messages import Row, to_json
from protocol.requests import Document
from protocol.words import DocumentStatus

ACTIVE_KEY, WORKERS_KEY = "jobs:active", "workers"
TICK_LIMIT = 200
SCRIPT = ("store.lua", "control.lua")


def connect(url: str, *, max_connections: int, retries: int = 3) -> "redis.Redis":
    """A client for threads: a bounded pool, and every command tried again before it fails.

    By default redis-py 8 tries a URL's commands once, and its pool refuses the 101st thread.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=20,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), retries),
        socket_timeout=5,
        socket_connect_timeout=5,
    )
    return redis.Redis(connection_pool=pool)


def key(job_id: str, part: str = "") -> str:
    """The Redis key of a job, or of one part of it; the braces keep all of a job in one cluster slot."""
    return f"job:{{{job_id}}}{part and ':' + part}"


def script_keys(job_id: str) -> list[str]:
    """The KEYS of every call of the script."""
    return [key(job_id), ACTIVE_KEY, WORKERS_KEY]


@cache
def script_text() -> str:
    """The script itself, of two files; the feed calls its `snapshot`."""
    parts = (resources.files("actors").joinpath(name).read_text(encoding="utf-8") for name in SCRIPT)
    return "\n".join(parts)


class JobStore:
    """The write side of all jobs, on a client that does not decode replies."""

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._client = client
        self._script = client.register_script(script_text())
        self._settings = settings

    def create(self, job: NewJob) -> int:
        """Create the job, all of it or nothing, and return its number of rows.

        Raises:
            JobConflict: the id stands for another request, or another owner's.
        """
        sealed = {str(row): document.password for row, document in enumerate(job.documents) if document.password}
        if job.sealed_api_key:
            sealed["api_key"] = job.sealed_api_key
        word, *rest = self._call(
            job.job_id, "create", job.owner, secrets.token_hex(8), job.fingerprint, len(job.documents),
            msgspec.json.encode(self._facts(job)), msgspec.json.encode(sealed),
            msgspec.json.encode(uploads_named(job.documents)), job.exclusion_pdf,
            *map(_stored, job.documents),
        )  # fmt: skip
        if word == b"conflict":
            raise JobConflict(f"the job id {job.job_id} is taken by another request")
        return int(rest[0])

    def _facts(self, job: NewJob) -> dict[str, str | int]:
        facts: dict[str, str | int] = {
            "config": msgspec.json.encode(msgspec.structs.replace(job.config, api_key=None)).decode(),
            "model_name": job.model_name,
            "api_key_from": job.api_key_from,
            "ttl_ms": self._settings.job_ttl_s * 1000,
            "retention_ms": self._settings.retention_s * 1000,
            "owner_max": self._settings.owner_rows,
            "owns_uploads": int(job.owns_uploads),
        }
        most = job.config.max_tokens_total
        return facts if most is None else facts | {"tokens_max": most, "tokens_step": most}

    def refill(self, job_id: str) -> list[RowAddress]:
        """Take new rows until the job's chunk is full; whoever calls this sends their messages."""
        word, *rest = self._call(job_id, "refill")
        return _addresses(job_id, rest[0].decode(), rest[1]) if word == b"ok" else []

    def claim(self, address: RowAddress, claim_id: str) -> Claim | None:
        """Take hold of a row; None where there is nothing to do (done, early, held, another run)."""
        word, *granted = self._call(address.job_id, "claim", *address[1:], claim_id, _ms(self._settings.lease_s))
        return Claim.granted(address, granted) if word == b"ok" else None

    def begin(self, claim: Claim, stage: Stage, checkpoint: bytes = b"") -> bool:
        """Begin a stage; False: no longer ours. `checkpoint`: what a retry of `tag` shall not do again."""
        text = zlib.compress(checkpoint, 1) if checkpoint else b""
        return self._write(claim, "begin", stage, text) is not None

    def exclusion_list(self, job_id: str) -> tuple[list[str] | None, bytes]:
        """The terms of the job's exclusion list as far as somebody has read it, and else the PDF that holds it."""
        terms, pdf = cast("list[bytes | None]", self._client.hmget(key(job_id, "exclusions"), ["terms", "pdf"]))
        return (read_terms(terms) if terms else None), pdf or b""

    def exclude(self, claim: Claim, terms: Sequence[str]) -> bool:
        """Keep what was read from the list, in its place; the first writer wins. False: the row is no longer ours."""
        return self._write(claim, "exclude", msgspec.json.encode(terms)) is not None

    def retrying(
        self,
        claim: Claim,
        row: Row,
        *,
        delay_ms: int,
        counts: bool,
        begun: bool = True,
        model: str = "",
        tokens: Tokens = (0, 0),
    ) -> bool:
        """The row waits `delay_ms` for its next attempt; `counts`: this one counts; `begun`: it has a number.

        `model`: the one that the next attempt asks, for which failures and waits are counted anew; empty: the same.
        """
        args = delay_ms, int(counts), int(begun), model, to_json(row), *tokens
        return self._write(claim, "retrying", *args) is not None

    def finish(self, claim: Claim, row: Row, *, tokens: Tokens = (0, 0)) -> list[RowAddress]:
        """The row's end, first writer wins. Returns the rows that came out in its place: send their messages.

        `tokens`, here and in `retrying`: what the attempt cost; beyond the job's budget the job is paused.
        """
        rest = self._write(claim, "finish", int(row.status is DocumentStatus.SUCCESS), to_json(row), *tokens)
        return _addresses(claim.job_id, claim.run, rest[0]) if rest else []

    def fail_job(self, claim: Claim, row: Row, sentence: str) -> None:
        """End the whole job with `error`; this row and all that are not done stay pending."""
        self._write(claim, "fail_job", to_json(row), sentence)

    def release(self, claim: Claim, row: Row) -> RowAddress | None:
        """Give the row back: no attempt, no death. Returns where its message must go; None if it was not ours."""
        held = self._write(claim, "release", to_json(row)) is not None
        return RowAddress(claim.job_id, claim.run, claim.row_id) if held else None

    def lapse(self, lapsed: Lapsed, *, again: Row, failed: Row) -> list[RowAddress]:
        """The row's worker died: `again` is told where another attempt follows, `failed` where it is the end."""
        word, *rest = self._call(
            lapsed.job_id, "lapse", lapsed.run, lapsed.row_id, lapsed.fence, to_json(again), to_json(failed)
        )
        return _addresses(lapsed.job_id, lapsed.run, rest[0]) if word in (b"ok", b"failed") else []

    def renew(self, claims: Sequence[Claim]) -> list[bool]:
        """Renew the leases of all rows that this process holds; False: cancelled, or no longer ours."""
        rows = [part for held in claims for part in (held.job_id, held.run, held.row_id, held.fence)]
        words = self._call("", "renew", _ms(self._settings.lease_s), *rows) if rows else []
        return [word == b"ok" for word in words]

    def cancel(self, job_id: str, owner: str) -> None:
        """Cancel the job; nothing of it begins afterwards. Again: nothing changes.

        Raises:
            JobMissing: no such job of this owner.
            JobOver: it completed or failed before.
        """
        self._control(job_id, "cancel", owner)

    def pause(self, job_id: str, owner: str) -> None:
        """Let no row of the job begin; those that run go on. Again: nothing changes.

        Raises:
            JobMissing: no such job of this owner.
            JobOver: it has ended.
        """
        self._control(job_id, "pause", owner)

    def resume(self, job_id: str, owner: str) -> None:
        """Go on with a paused job; a token budget that was used up is granted once more. Again: nothing changes.

        Raises:
            JobMissing: no such job of this owner.
            JobOver: it has ended.
        """
        self._control(job_id, "resume", owner)

    def delete(self, job_id: str, owner: str) -> None:
        """End the job if it runs, and forget it: nobody finds it from now on.

        Raises:
            JobMissing: no such job of this owner, or none any more.
        """
        self._control(job_id, "delete", owner)

    def model_and_payer(self, job_id: str, owner: str) -> tuple[str, KeySource]:
        """The model that a job asks, and whose key pays for it.

        Raises:
            JobMissing: no such job of this owner.
        """
        found = cast("list[bytes | None]", self._client.hmget(key(job_id), ["owner", "model_name", "api_key_from"]))
        whose, model_name, key_from = ((value or b"").decode() for value in found)
        if not whose or whose != owner:
            raise JobMissing(job_id)
        return model_name, cast("KeySource", key_from)

    def retry(self, job_id: str, owner: str, again: NewRun) -> int:
        """Run a job that is over once more, under a new run; returns how many rows that are.

        Raises:
            JobMissing: no such job of this owner.
            JobRunning: it is not over.
            RowUnknown: a row that is named is none.
            NothingToRun: all have succeeded.
        """
        _, count = self._control(
            job_id, "retry", owner, secrets.token_hex(8), msgspec.json.encode(again.facts),
            again.sealed_api_key or "", msgspec.json.encode(sorted(set(again.row_ids))),
        )  # fmt: skip
        return int(count)

    def _control(self, job_id: str, command: str, owner: str, *args: Any) -> list[Any]:
        """What an owner does to a job."""
        reply = self._call(job_id, command, owner, *args)
        if (refusal := refusal_in(reply, job_id)) is not None:
            raise refusal
        return reply

    def tick(self, worker: str, *, queued: int, judge_leases: bool) -> Due:
        """One step of the scheduler: what must be sent now, and whose lease ran out.

        `worker` is `id/threads`; `queued` the length of the queue, by which lost messages are told from late ones.
        """
        send, lapsed = self._call("", "tick", worker, queued, int(judge_leases), TICK_LIMIT)
        return Due(
            [RowAddress(job.decode(), run.decode(), row) for job, run, row in send],
            [
                Lapsed(job.decode(), run.decode(), row, fence, attempt, model_name.decode(), stage.decode(), stored)
                for job, run, row, fence, attempt, model_name, stage, stored in lapsed
            ],
        )

    def load(self) -> Load:
        """How much there is to do: what an autoscaler wants to know, and a worker that shall end when all is done."""
        return Load(*self._call("", "load"))

    def _write(self, claim: Claim, command: str, *args: Any) -> list[Any] | None:
        """None where the write was refused."""
        word, *rest = self._call(claim.job_id, command, claim.run, claim.row_id, claim.fence, *args)
        return rest if word == b"ok" else None

    def _call(self, job_id: str, command: str, *args: Any) -> list[Any]:
        return cast("list[Any]", self._script(keys=script_keys(job_id), args=[command, *args]))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _stored(document: Document) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(document, password=None) if document.password else document)


def _addresses(job_id: str, run: str, rows: Iterable[int]) -> list[RowAddress]:
    return [RowAddress(job_id, run, row) for row in rows]
