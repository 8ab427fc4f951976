"""What the store takes and gives, and why it may refuse."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import msgspec

from protocol.requests import Document, TaggingConfig
from protocol.words import JobStatus

KeySource = Literal["caller", "server", "none"]
Stage = Literal["fetch", "extract", "tag"]

DANGEROUS_DEATHS, DANGEROUS_DEATHS_ELSEWHERE = 2, 5
"""Of workers with a row, while they extracted it and at other stages: then it is worked on alone."""

Tokens = tuple[int, int]
"""In and out: what a model has read and written."""

read_document = msgspec.json.Decoder(Document).decode
read_terms = msgspec.json.Decoder(list[str]).decode
_read_config = msgspec.json.Decoder(TaggingConfig).decode


class JobMissing(LookupError):
    """There is no such job, or it is somebody else's: the two are not told apart."""


class JobConflict(ValueError):
    """The job id is taken by another request or another owner."""


class JobOver(ValueError):
    """The job has ended otherwise; `status` says how."""

    def __init__(self, status: JobStatus) -> None:
        super().__init__(f"the job is {status}")
        self.status = status


class JobRunning(ValueError):
    """The job is not over; `status` says how it stands."""

    def __init__(self, status: JobStatus) -> None:
        super().__init__(f"the job is {status}: only one that is over can be run again")
        self.status = status


class NothingToRun(ValueError):
    """Every row of the job has succeeded, and none was named."""


class RowUnknown(LookupError):
    """The job has no such row."""

    def __init__(self, row_id: int) -> None:
        super().__init__(f"the job has no row {row_id}")
        self.row_id = row_id


def refusal_in(reply: Sequence[Any], job_id: str) -> Exception | None:
    """Why the script did not do what an owner asked for; None: it did."""
    word, *rest = reply
    match word:
        case b"missing":
            return JobMissing(job_id)
        case b"over":
            return JobOver(JobStatus(rest[0].decode()))
        case b"running":
            return JobRunning(JobStatus(rest[0].decode()))
        case b"unknown":
            return RowUnknown(int(rest[0]))
        case b"nothing":
            return NothingToRun("every row has succeeded")
    return None


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job about to be created; all secrets in it are sealed."""

    job_id: str
    owner: str
    fingerprint: str
    """By which the same request is recognised when it comes again."""
    model_name: str
    config: TaggingConfig
    """Without its `api_key`."""
    api_key_from: KeySource
    sealed_api_key: str | None = None
    documents: list[Document]
    exclusion_pdf: bytes = b""
    """A list of terms to exclude that a worker has to read; empty: there is none."""
    owns_uploads: bool = False
    """Whether its uploads came with it: they are forgotten once all its rows are tagged, or with it."""


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a further run of a job changes; all secrets in it are sealed."""

    row_ids: Sequence[int] = ()
    """Empty: every row that has not succeeded."""
    model_name: str
    api_key_from: KeySource
    sealed_api_key: str | None = None

    @property
    def facts(self) -> dict[str, str]:
        """As the script takes them."""
        return {"model_name": self.model_name, "api_key_from": self.api_key_from}


class RowAddress(NamedTuple):
    """What a queue message says: which row of which run of which job."""

    job_id: str
    run: str
    row_id: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one row. Only the holder of the latest `fence` may write about the row."""

    job_id: str
    row_id: int
    run: str
    fence: int
    attempt: int
    """1 = the first."""
    faults: int
    """Earlier attempts that count against the limit."""
    waited_ms: int
    """What the row has waited for rate limits so far."""
    deaths: int
    """Workers that died while they extracted it."""
    deaths_elsewhere: int
    """Workers that died at another stage of it."""
    document: Document
    """Without its password."""
    owner: str
    """Of the job."""
    config: TaggingConfig
    first_model: str
    """The job's own."""
    model_name: str
    """The one that this attempt asks: the job's own, or the fallback that the row has come to."""
    api_key_from: KeySource
    sealed_api_key: str | None = field(repr=False)
    sealed_password: str | None = field(repr=False)
    checkpoint: bytes | None = field(repr=False)
    """What an earlier attempt extracted."""
    exclusions: Sequence[str] | None = ()
    """Terms of the job's exclusion list, which count beside those of its config; None: nobody has read it yet."""

    @classmethod
    def granted(cls, address: RowAddress, told: Sequence[Any]) -> Self:
        """A claim as the script grants it."""
        *numbers, document, owner, config, first_model, model_name, key_from, api_key, password, text, terms, unread = (
            told
        )
        return cls(
            **address._asdict(),
            **dict(
                zip(("fence", "attempt", "faults", "waited_ms", "deaths", "deaths_elsewhere"), numbers, strict=True)
            ),
            document=read_document(document),
            owner=owner.decode(),
            config=_read_config(config),
            first_model=first_model.decode(),
            model_name=model_name.decode(),
            api_key_from=key_from.decode(),
            sealed_api_key=api_key.decode() or None,
            sealed_password=password.decode() or None,
            checkpoint=zlib.decompress(text) if text else None,
            exclusions=None if unread else read_terms(terms) if terms else (),
        )

    @property
    def dangerous(self) -> bool:
        """Whether so many workers died with it that it shall take no other row with it."""
        return self.deaths >= DANGEROUS_DEATHS or self.deaths_elsewhere >= DANGEROUS_DEATHS_ELSEWHERE

    @property
    def next_model(self) -> str:
        """The model that steps in where this one gives the row up; empty: there is none left."""
        chain = list(dict.fromkeys((self.first_model, *self.config.fallback_models)))
        return next(iter(chain[chain.index(self.model_name) + 1 :]), "")


class Lapsed(NamedTuple):
    """A row whose lease ran out."""

    job_id: str
    run: str
    row_id: int
    fence: int
    attempt: int
    model_name: str
    stage: str
    """At which its worker died."""
    stored: bytes

    @property
    def document(self) -> Document:
        """Raises msgspec.MsgspecError where another version of ours stored what this one cannot read."""
        return read_document(self.stored)


class Load(NamedTuple):
    """What there is to do in all jobs that are neither over nor paused."""

    jobs: int
    rows: int
    """That have not ended."""
    running: int
    """Of these: with a worker now."""
    oldest_waiting_ms: int
    """For how long the one that has waited longest has; 0: none waits for its turn."""


class Due(NamedTuple):
    """What one tick of the scheduler found."""

    send: list[RowAddress]
    lapsed: list[Lapsed]
