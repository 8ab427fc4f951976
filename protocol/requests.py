"""What a client asks for (contract §2). Faults name the field."""

from typing import Annotated, Any

import msgspec

from protocol.words import SourceType

NUM_PAGES_DEFAULT, NUM_TAGS_DEFAULT = 3, 8
LOCAL_MODEL = "local/keywords"


class Document(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One row of a batch, after aliases, column mapping and guesses: nothing is left open."""

    title: str
    """Never empty: the caller's, else the file's name, else `Document N`."""
    file_path: str
    file_source_type: SourceType
    description: str | None = None
    password: str | None = None
    """Opens an encrypted PDF. A secret: encrypted at rest, left out of echoes and exports."""
    id: str | None = None
    """The caller's own row id, echoed in every message about the row."""
    columns: dict[str, Any] = {}
    """The caller's own columns, returned in exports."""


class TaggingConfig(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How the documents of a batch are read and tagged."""

    api_key: str | None = None
    """The caller's key for the model. A secret."""
    model_name: str | None = None
    """Absent: the server's model where there is a key, else `local/keywords`."""
    num_pages: Annotated[int, msgspec.Meta(ge=1, le=10)] = NUM_PAGES_DEFAULT
    num_tags: Annotated[int, msgspec.Meta(ge=3, le=15)] = NUM_TAGS_DEFAULT
    exclusion_words: list[str] = []
    vocabulary: list[str] = []


class StartBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch to start."""

    documents: list[Document]
    config: TaggingConfig
    job_id: str | None = None
    """1-128 of `A-Z a-z 0-9 . _ -`; absent: the server chooses."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request."""

    path: str
    """The field, as `documents[3].file_path`; empty: the body as a whole."""
    message: str


class InvalidRequest(ValueError):
    """A request that cannot be honoured as it is; `faults` says why, never echoing a secret."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(
            "; ".join(f"{fault.path}: {fault.message}" if fault.path else fault.message for fault in faults)
        )
        self.faults = faults
