"""What can go wrong with a document.

    DocumentError
     ├── RateLimited                rate-limit   tried again after `retry_after_ms`
     │    ├── ProviderLimited    *  rate-limit   the same
     │    │    └── BudgetSpent   *  rate-limit   the same; the provider was not asked, so it is no attempt
     │    └── HostBusy               rate-limit   the same; the document's host was not asked, so it is no attempt
     ├── ModelFailed             *  model-error  tried again with backoff
     ├── ModelRefused            *  model-error  final
     ├── NetworkFailed              network      tried again with backoff, or after `retry_after_ms`
     │    └── ProviderAway       *  network      tried again with backoff
     ├── InternalFault              internal     tried again, fewer times
     ├── TimedOut                   timeout      final
     ├── KeyRefused                 auth         ends the whole job
     ├── ListRefused                document     ends the whole job
     ├── SourceRefused              source       final
     └── DocumentRefused            document     final

Each class knows its word on the wire, whether another try may help, and (*) whether another model may when no try is
left; each error is a sentence for people that holds no secret. No library's exception crosses the border of `fetch`,
`extract` and `tag`.
"""

from typing import ClassVar

from protocol.words import ErrorCode, ErrorType


class DocumentError(Exception):
    """An attempt at a document did not succeed.

    `retry_after_ms`: when the other side said how long to wait (already capped), else None.
    `code`: the finer reason, where contract §3 names one.
    `tokens`: what it cost all the same, in and out.
    """

    error_type: ClassVar[ErrorType]
    retry: ClassVar[bool]
    another_model: ClassVar[bool] = False

    def __init__(
        self,
        sentence: str,
        *,
        code: ErrorCode | None = None,
        retry_after_ms: int | None = None,
        tokens: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after_ms = retry_after_ms
        self.tokens = tokens


class RateLimited(DocumentError):
    """A document's host, or the provider, said 429."""

    error_type = ErrorType.RATE_LIMIT
    retry = True


class ProviderLimited(RateLimited):
    """The model's provider said 429."""

    another_model = True


class NotAsked(RateLimited):
    """It is known that whoever would be asked has no room for this row now: nobody was asked, so it is no attempt."""

    def __init__(self, sentence: str, *, retry_after_ms: int) -> None:
        super().__init__(sentence)
        self.retry_after_ms: int = retry_after_ms


class BudgetSpent(NotAsked, ProviderLimited):
    """The provider's budget has no room for this row now. The row's turn is kept."""

    def __init__(self, *, retry_after_ms: int) -> None:
        super().__init__(
            "The model's provider is at its limit; the document waits for its turn.", retry_after_ms=retry_after_ms
        )


class HostBusy(NotAsked):
    """The document's host said 429, to this row or to another, and is left alone meanwhile."""

    def __init__(self, host: str, *, retry_after_ms: int) -> None:
        super().__init__(f"The host {host} has asked to slow down.", retry_after_ms=retry_after_ms)


class ModelFailed(DocumentError):
    """The provider said 5xx, timed out, or answered nonsense."""

    error_type = ErrorType.MODEL_ERROR
    retry = True
    another_model = True


class ModelRefused(DocumentError):
    """The provider will not do it, however often it is asked: no such model, no credit, too long, declined."""

    error_type = ErrorType.MODEL_ERROR
    retry = False
    another_model = True


class NetworkFailed(DocumentError):
    """A host could not be reached, broke off, or said 5xx."""

    error_type = ErrorType.NETWORK
    retry = True


class ProviderAway(NetworkFailed):
    """The model's provider could not be reached or broke off."""

    another_model = True


class InternalFault(DocumentError):
    """Our own fault, a died worker among it."""

    error_type = ErrorType.INTERNAL
    retry = True


class TimedOut(DocumentError):
    """The document took longer than its limit."""

    error_type = ErrorType.TIMEOUT
    retry = False


class KeyRefused(DocumentError):
    """The provider refused the key (401, 403)."""

    error_type = ErrorType.AUTH
    retry = False


class ListRefused(DocumentError):
    """The job's exclusion list cannot be used: no row of it would get the tags that were asked for."""

    error_type = ErrorType.DOCUMENT
    retry = False


class SourceRefused(DocumentError):
    """Not there, refused by policy, or too large."""

    error_type = ErrorType.SOURCE
    retry = False


class DocumentRefused(DocumentError):
    """Not a PDF, corrupt, encrypted, too complex, or without text."""

    error_type = ErrorType.DOCUMENT
    retry = False
