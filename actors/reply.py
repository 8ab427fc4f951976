"""What came back from a model's provider: its words, or which of our failures its failure is."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import msgspec

from actors.errors import DocumentError, KeyRefused, ModelFailed, ModelRefused, ProviderLimited
from actors.retry_after import RETRY_AFTER_CAP_MS, reset_ms, retry_after_ms

TOLD_CHARACTERS = 2_000
"""Of what a provider says about a failure are searched for its reason."""

COUNTS = ("prompt_tokens", "completion_tokens")
TOKENS_LIMIT = 10**9
"""No more than this is a count of one answer's tokens; those of a whole job can be added up."""

_BY_STATUS: dict[int, tuple[type[DocumentError], str]] = {
    401: (KeyRefused, "refused the key"),
    402: (ModelRefused, "says that there is no credit left"),
    403: (KeyRefused, "refused the key"),
    404: (ModelRefused, "does not know the model, or this is not the address of its API"),
    408: (ModelFailed, "took too long"),
    409: (ModelFailed, "was in conflict with another request"),
    413: (ModelRefused, "finds the document too long"),
    429: (ProviderLimited, "asks to slow down"),
}
_REFUSED = (ModelRefused, "refused the request")
_FAILED = (ModelFailed, "failed")
_BY_REASON = (
    (("context_length", "context length", "context window", "maximum context"), "finds the document too long"),
    (("model_not_found", "unknown model", "no such model"), "does not know the model"),
    (("content_filter", "content_policy", "moderation"), "declined the document"),
)
"""What a provider's own words about a 4xx may tell; they themselves are never repeated."""
_FORMAT_NAMES = ("response_format", "json_schema", "structured output", "requested parameters")


class Reply(NamedTuple):
    """What came back over HTTP, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """The JSON; None where it is none."""

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], content: bytes) -> Self:
        """A reply of these bytes."""
        try:
            body = msgspec.json.decode(content)
        except (ValueError, RecursionError):
            body = None
        return cls(status, headers, body)

    @property
    def fault(self) -> dict[str, Any]:
        """The `error` object, which some providers send with a 200 as well; empty if there is none."""
        body = _object(self.body)
        fault = body.get("error") or (body if self.status >= 300 else {})
        return fault if isinstance(fault, dict) else {"message": fault}

    @property
    def told(self) -> str:
        """Reason and message of the fault, for searching in, never for repeating."""
        words = (self.fault.get(name) for name in ("code", "type", "param", "message", "detail"))
        return " ".join(word for word in words if isinstance(word, str))[:TOLD_CHARACTERS].lower()


def refuses_format(reply: Reply, *, known_to_have: bool) -> bool:
    """Whether it is structured output that the provider will not do; a 400 that does not say why counts at first."""
    if reply.status not in (400, 404, 422):
        return False
    if any(name in reply.told for name in _FORMAT_NAMES):
        return True
    return reply.status == 400 and not known_to_have and _reason(reply) is None


class Completion(NamedTuple):
    """What a model has answered."""

    words: str
    usage: dict[str, int]
    """The tokens that it cost, as far as the provider counts."""
    cut: bool
    """Whether the model came to its limit of tokens before it was at the end."""


def completion(reply: Reply) -> Completion:
    """The model's words.

    Raises:
        ProviderLimited, ModelFailed, ModelRefused, KeyRefused: there are none; `retry_after_ms` is capped.
    """
    if reply.status >= 300 or reply.fault:
        raise _failure(reply)
    choice = _first_choice(reply.body)
    if isinstance(choice.get("error"), dict):
        raise _failure(reply._replace(body=choice))
    message = _object(choice.get("message"))
    words, usage = _words(message.get("content")) or _arguments(message), _usage(_object(reply.body.get("usage")))
    if not words and (choice.get("finish_reason") == "content_filter" or message.get("refusal")):
        raise ModelRefused("The model declined the document.", tokens=cost(usage))
    return Completion(words, usage, choice.get("finish_reason") == "length")


def total(*usages: Mapping[str, int]) -> dict[str, int]:
    """What several answers have cost together, as far as the provider counts."""
    return {
        name: sum(usage.get(name, 0) for usage in usages) for name in COUNTS if any(name in each for each in usages)
    }


def cost(usage: Mapping[str, Any]) -> tuple[int, int]:
    """The tokens in and out, as far as the provider counts."""
    return usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _usage(told: dict[str, Any]) -> dict[str, int]:
    counts = {name: told.get(name) for name in COUNTS}
    return {name: count for name, count in counts.items() if type(count) is int and 0 <= count < TOKENS_LIMIT}


def _first_choice(body: Any) -> dict[str, Any]:
    choices = _object(body).get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ModelFailed("The model's provider answered nonsense: it is no completion, or it broke off.")
    return choices[0]


def _words(content: Any) -> str:
    """The text of a message, which some providers send in parts."""
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _arguments(message: dict[str, Any]) -> str:
    """What a model gives to a tool, as some providers turn the form that was asked for into one."""
    calls = message.get("tool_calls")
    called = _object(_object(calls[0]).get("function")) if isinstance(calls, list) and calls else {}
    return _words(called.get("arguments"))


def _failure(reply: Reply) -> DocumentError:
    """The table of what a provider's failures mean (contract §3)."""
    code = reply.fault.get("code")
    status = code if reply.status < 300 and isinstance(code, int) else reply.status
    if not 300 <= status < 600:
        return ModelFailed("The model's provider reported a failure in place of an answer.")
    kind, sentence = _BY_STATUS.get(status, _FAILED if status >= 500 else _REFUSED)
    reason = _reason(reply) if status in (400, 403, 404, 413, 422) else None
    if reason:
        kind, sentence = ModelRefused, reason
    return kind(f"The model's provider {sentence} (status {status}).", retry_after_ms=_wait_ms(reply, kind))


def _wait_ms(reply: Reply, kind: type[DocumentError]) -> int | None:
    """How long the provider wants to be left alone, in its headers or in those that it passes on; None: as we like."""
    if not kind.retry:
        return None
    passed_on = _object(_object(reply.fault.get("metadata")).get("headers"))
    texts = {name: value for name, value in passed_on.items() if isinstance(value, str)}
    asked = [retry_after_ms(each, time.time()) for each in (reply.headers, texts)]
    if kind is ProviderLimited:
        asked += [reset_ms(each, time.time()) for each in (reply.headers, texts)]
    return next((min(wait_ms, RETRY_AFTER_CAP_MS) for wait_ms in asked if wait_ms is not None), None)


def _reason(reply: Reply) -> str | None:
    told = reply.told
    if "flagged_input" in _object(reply.fault.get("metadata")):
        return "declined the document"  # a 403 of OpenRouter's: the text was refused, not the key
    return next((sentence for words, sentence in _BY_REASON if any(word in told for word in words)), None)
