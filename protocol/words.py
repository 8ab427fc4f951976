"""The only spelling of each word that stands on the wire."""

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands (contract §1, a closed list)."""

    PENDING = "pending"
    PROCESSING = "processing"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether the run has had its ending."""
        return self in (JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.FAILED)


class DocumentStatus(StrEnum):
    """Where a row stands (seed §3). `pending` is also the wait before a retry."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether the row has ended."""
        return self in (DocumentStatus.SUCCESS, DocumentStatus.FAILED)


class ErrorType(StrEnum):
    """Why an attempt did not succeed (contract §3, a closed list)."""

    RATE_LIMIT = "rate-limit"
    MODEL_ERROR = "model-error"
    NETWORK = "network"
    TIMEOUT = "timeout"
    AUTH = "auth"
    SOURCE = "source"
    DOCUMENT = "document"
    INTERNAL = "internal"


class ErrorCode(StrEnum):
    """The finer reason beside `document` and `source` (contract §3)."""

    NOT_A_PDF = "not-a-pdf"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    NO_TEXT = "no-text"
    TOO_COMPLEX = "too-complex"
    OCR_UNAVAILABLE = "ocr-unavailable"
    NOT_FOUND = "not-found"
    FORBIDDEN = "forbidden"
    ADDRESS_REFUSED = "address-refused"
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"


class SourceType(StrEnum):
    """Where a document lies (contract §2)."""

    URL = "url"
    S3 = "s3"
    LOCAL = "local"
    UPLOAD = "upload"
