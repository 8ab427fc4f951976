"""What a server answers to the calls of a client; of its fields those that a client needs."""

import msgspec

from protocol.messages import Row
from protocol.words import JobStatus, SourceType


class Upload(msgspec.Struct, frozen=True):
    """A file that the server keeps."""

    file_path: str
    file_name: str
    size: int
    """Bytes."""
    expires_at: str
    """RFC 3339: when it is forgotten, unless a job names it."""

    @property
    def document(self) -> dict[str, str]:
        """What names it in the documents of a batch; add a title or whatever else."""
        return {"file_path": self.file_path, "file_source_type": SourceType.UPLOAD}


class Started(msgspec.Struct, frozen=True):
    """A batch is under way."""

    job_id: str
    read_as: str | None = None
    """Of a file: how it was understood, its encoding (and whether that is a guess) and delimiter, or the sheet."""


class Processed(Row, frozen=True, omit_defaults=True, kw_only=True):
    """What became of a single document."""

    job_id: str
    """By which it can be found again."""


class Acted(msgspec.Struct, frozen=True):
    """A job stands so after a call that changes it."""

    status: JobStatus


class Retried(msgspec.Struct, frozen=True):
    """So many rows run again."""

    rows: int
