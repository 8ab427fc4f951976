"""How the mock provider conducts itself: what it is told, what it counts, and what follows for a call. No I/O."""

import hashlib
import math
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

import msgspec

from bench.bucket import Bucket, Level

TAGS = 15
TEXT_FOR_TAGS_CHARACTERS = 1_500
REMEMBERED_CALLS = 64

_BOUNDARY = re.compile(r"\b[0-9a-f]{32}\b")
"""Lines with a random boundary frame the text; they differ from call to call, so they are no part of the document."""
_WORD = re.compile(r"[^\W\d_]{5,}")


class Behaviour(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How calls are answered. An outcome is one of

    `ok`, `nonsense` (prose), `truncated` (JSON that ends too early), `drop` (closed before the answer), `break`
    (closed within it), `hang` (no answer), or a status: `429`, `503`, `402` ...

    The first rule that has an entry left decides: `models`, `schedule`, `each_document`, `shares`, `ok`.
    """

    latency_ms: float = 0.0
    """From the last byte of a request to the first of its answer."""
    models: dict[str, str] = {}
    """The outcome of every call of a model."""
    schedule: list[str] = []
    """The outcomes of the next calls, used up one by one."""
    each_document: list[str] = []
    """The outcomes of each document's first calls: `["429", "503"]` lets every document succeed the third time."""
    shares: dict[str, float] = {}
    """Outcome to its share of all other calls, 0 to 1, spread evenly."""
    retry_after_s: float | None = None
    """What a failure asks for; None: it does not say."""
    retry_after_form: Literal["seconds", "date", "ms"] = "seconds"
    refuse_response_format: bool = False
    """Calls with `response_format` get a 400 that names it."""
    bucket: Bucket | None = None
    """Calls beyond it get a 429 that says when the next one would be served, in whole seconds."""
    keys: list[str] | None = None
    """Other keys get a 401 that repeats the key; None: all are welcome."""
    answer: str | None = None
    """The model's words, in place of tags from the document."""
    answers: list[str] = []
    """The model's words in the next calls, used up one by one."""
    finish_reason: str = "stop"
    """Why the model says that it came to an end."""
    body: str | None = None
    """The whole body of a 200, in place of a completion."""
    error: dict[str, Any] = {}
    """Further fields of the `error` object of a failure."""


class Stats(msgspec.Struct, kw_only=True):
    """What was asked so far."""

    calls: int = 0
    outcomes: dict[str, int] = msgspec.field(default_factory=Counter)
    beyond_bucket: int = 0
    """Of the 429s, those that the bucket refused."""
    documents: dict[str, int] = msgspec.field(default_factory=Counter)
    """Calls of each document, by `document_hash`."""
    in_flight: int = 0
    max_in_flight: int = 0
    abandoned: int = 0
    """Calls whose client went away before the answer."""
    connections: int = 0
    open_connections: int = 0


class Message(msgspec.Struct):
    """One message of a conversation."""

    role: str
    content: str


class Call(msgspec.Struct, kw_only=True):
    """A request for a completion, as it came."""

    model: str
    messages: list[Message]
    response_format: dict[str, Any] | None = None
    authorization: str = ""
    """The header."""

    @property
    def document(self) -> str:
        """The words of the user without the lines that frame them."""
        words = self.messages[-1].content if self.messages else ""
        boundary = _BOUNDARY.search(words)
        return words if boundary is None else "\n".join(ln for ln in words.split("\n") if boundary[0] not in ln)


def document_hash(document: str) -> str:
    """The name of a document in `Stats.documents`."""
    return hashlib.blake2b(document.encode(), digest_size=8).hexdigest()


def tags_of(document: str) -> list[str]:
    """The first long words, each once: the same document has the same tags."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(document[:TEXT_FOR_TAGS_CHARACTERS]))
    return list(words)[:TAGS]


class Conduct:
    """Decides the outcome of each call by what it was told and has counted."""

    def __init__(self, behaviour: Behaviour, clock: Callable[[], float] = time.monotonic) -> None:
        self.behaviour = behaviour
        self._level = Level(clock)
        self.stats = Stats()
        self.seen: deque[Call] = deque(maxlen=REMEMBERED_CALLS)
        self._owed: dict[str, float] = {}

    def decide(self, call: Call) -> str:
        """Count the call and decide how it ends."""
        document = document_hash(call.document)
        self.seen.append(call)
        self.stats.calls += 1
        self.stats.documents[document] += 1
        outcome = self._refusal(call) or self._beyond_bucket() or self.behaviour.models.get(call.model)
        outcome = outcome or self._planned(self.stats.documents[document])
        self.stats.outcomes[outcome] += 1
        return outcome

    def _refusal(self, call: Call) -> str | None:
        accepted = self.behaviour.keys
        if accepted is not None and call.authorization.removeprefix("Bearer ") not in accepted:
            return "401"
        return "no-response-format" if self.behaviour.refuse_response_format and call.response_format else None

    def _beyond_bucket(self) -> str | None:
        bucket = self.behaviour.bucket
        if bucket is None or self._level.take(bucket):
            return None
        self.stats.beyond_bucket += 1
        return "429"

    def _planned(self, nth: int) -> str:
        plan = self.behaviour
        if plan.schedule:
            return plan.schedule.pop(0)
        if nth <= len(plan.each_document):
            return plan.each_document[nth - 1]
        for outcome, share in plan.shares.items():
            self._owed[outcome] = self._owed.get(outcome, 0.0) + share
        due = next((outcome for outcome, owed in self._owed.items() if owed >= 1), None)
        if due is None:
            return "ok"
        self._owed[due] -= 1
        return due

    def completion(self, call: Call, outcome: str) -> bytes:
        """The body of a 200."""
        plan = self.behaviour
        if plan.body is not None:
            return plan.body.encode()
        words = "I would rather talk about the weather." if outcome == "nonsense" else plan.answer
        if plan.answers:
            words = plan.answers.pop(0)
        if words is None:
            words = msgspec.json.encode({"tags": tags_of(call.document)}).decode()
        message = {"role": "assistant", "content": words}
        tokens = len(call.messages[-1].content) // 4, len(words) // 4
        return msgspec.json.encode(
            {
                "id": "chatcmpl-mock",
                "object": "chat.completion",
                "created": 0,
                "model": call.model,
                "choices": [{"index": 0, "finish_reason": plan.finish_reason, "message": message}],
                "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
            }
        )

    def limits(self) -> dict[str, str]:
        """The headers of any answer."""
        bucket = self.behaviour.bucket
        return self._level.headers(bucket) if bucket is not None and bucket.headers else {}

    def retry_after(self) -> dict[str, str]:
        """The headers of a failure."""
        wait_s, form = self.behaviour.retry_after_s, self.behaviour.retry_after_form
        if self.behaviour.bucket is not None and wait_s is None:
            wait_s = max(1, math.ceil(self._level.until_next_s(self.behaviour.bucket)))
        if wait_s is None:
            return {}
        if form == "ms":
            return {"retry-after-ms": f"{wait_s * 1000:.0f}"}
        date = datetime.now(UTC) + timedelta(seconds=wait_s)
        return {"retry-after": format_datetime(date, usegmt=True) if form == "date" else f"{wait_s:g}"}


def error(message: str, further: dict[str, Any] | None = None) -> bytes:
    """The body of a failure."""
    return msgspec.json.encode({"error": {"message": message, **(further or {})}})
