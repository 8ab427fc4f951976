"""How the documents of a batch are read and tagged: `config` of a request (contract §2), read strictly."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Literal, get_args

import msgspec

from protocol.faults import Faults, line_fault, shown

LOCAL_MODEL = "local/keywords"
NUM_PAGES_MIN, NUM_PAGES_DEFAULT, NUM_PAGES_MAX = 1, 3, 10
NUM_TAGS_MIN, NUM_TAGS_DEFAULT, NUM_TAGS_MAX = 3, 8, 15
API_KEY_LENGTH_MAX = 1_000
MODEL_NAME_LENGTH_MAX = 200
WORD_LENGTH_MAX = 100
EXCLUSION_WORDS_MAX = 1_000
TOKENS_MAX = 10**12
VOCABULARY_MAX = 10_000
RPM_MAX, TPM_MAX, CONCURRENCY_MAX = 100_000, 10**9, 1_000
FALLBACK_MODELS_MAX = 5
Language = Literal["document", "english"]

_NOT_IN_A_KEY = re.compile(r"[^\x21-\x7e]")


class TaggingConfig(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How the documents of a batch are read and tagged."""

    api_key: str | None = None
    """The caller's key for the model. A secret. Absent: the server's, or none is needed."""
    model_name: str | None = None
    """Absent: the server's model where there is a key, else `local/keywords`."""
    num_pages: Annotated[int, msgspec.Meta(ge=NUM_PAGES_MIN, le=NUM_PAGES_MAX)] = NUM_PAGES_DEFAULT
    """How many pages are read, from the first."""
    num_tags: Annotated[int, msgspec.Meta(ge=NUM_TAGS_MIN, le=NUM_TAGS_MAX)] = NUM_TAGS_DEFAULT
    """How many tags a document gets."""
    exclusion_words: list[str] = []
    """Tags that nobody wants."""
    vocabulary: list[str] = []
    """Tags that are welcome; empty: any."""
    fallback_models: list[str] = []
    """Asked in this order where the model before has given a row up; `local/keywords` only where it stands here."""
    evidence: bool = False
    """Whether each tag comes with the place in the document that supports it."""
    language: Language = "document"
    """In which the tags are: the document's own, or English."""
    max_tokens_total: Annotated[int, msgspec.Meta(ge=1, le=TOKENS_MAX)] | None = None
    """The job is paused when its rows have cost so many tokens, in and out together. Absent: no limit."""
    rpm: Annotated[int, msgspec.Meta(ge=1, le=RPM_MAX)] | None = None
    """Calls a minute of all jobs with the same key, model and `rpm`. Absent: the operator's, or learned."""
    tpm: Annotated[int, msgspec.Meta(ge=1, le=TPM_MAX)] | None = None
    """Tokens a minute, in and out together. Absent: the operator's, or what the provider says."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=CONCURRENCY_MAX)] | None = None
    """Calls in flight at a time. Absent: the operator's, or learned."""

    def __repr__(self) -> str:
        key = "None" if self.api_key is None else "***"
        return f"TaggingConfig(model_name={self.model_name!r}, api_key={key})"


def read_config(value: object, faults: Faults, *, within: str = "config.") -> TaggingConfig:
    """The `config` of a request; what is wrong with it goes to `faults`, which then must be settled.

    `within`: what stands before the name of a setting that is wrong.

    `null` and empty text count as left out where text is wanted; nothing is converted ("7" is not 7).
    """
    if not isinstance(value, dict):
        faults.add("config", "is missing" if value is None else "wants an object")
        return TaggingConfig()
    settings: dict[str, Any] = {}
    before = len(faults)
    for name, setting in value.items():
        check = _SETTINGS.get(name, _unknown)
        for part, message in check(setting):
            faults.add(f"{within}{shown(name)}{part}", message)
        settings[name] = None if setting == "" else setting
    return TaggingConfig(**settings) if len(faults) == before else TaggingConfig()


Found = Iterator[tuple[str, str]]
"""What is wrong with a setting: which part of it, as `[2]` or empty, and why."""


def _unknown(_: object) -> Found:
    yield "", "is no setting of a batch"


def _api_key(value: object) -> Found:
    if value is None or value == "":
        return
    if (fault := line_fault(value, API_KEY_LENGTH_MAX)) is not None:
        yield "", fault
    elif _NOT_IN_A_KEY.search(str(value)):
        yield "", "holds a character that no key has"


def _model_name(value: object) -> Found:
    if value is None or value == "":
        return
    if (fault := line_fault(value, MODEL_NAME_LENGTH_MAX)) is not None:
        yield "", fault


def _whole(low: int, high: int, value: object) -> Found:
    if type(value) is not int or not low <= value <= high:
        yield "", f"wants a whole number from {low} to {high}"


def _optional(check: Callable[[object], Found], value: object) -> Found:
    if value is not None and value != "":
        yield from check(value)


def _words(count_max: int, value: object) -> Found:
    if not isinstance(value, list) or len(value) > count_max:
        yield "", f"wants a list of at most {count_max:,} texts"
        return
    for index, word in enumerate(value):
        if (fault := line_fault(word, WORD_LENGTH_MAX)) is not None:
            yield f"[{index}]", fault


def _models(value: object) -> Found:
    if not isinstance(value, list) or len(value) > FALLBACK_MODELS_MAX:
        yield "", f"wants a list of at most {FALLBACK_MODELS_MAX} names of models"
        return
    for index, name in enumerate(value):
        if (fault := line_fault(name, MODEL_NAME_LENGTH_MAX)) is not None:
            yield f"[{index}]", fault
        elif name.startswith("local/") and name != LOCAL_MODEL:
            yield f"[{index}]", f"the only local model is {LOCAL_MODEL}"


def _switch(value: object) -> Found:
    if type(value) is not bool:
        yield "", "wants true or false"


def _language(value: object) -> Found:
    if value not in get_args(Language):
        yield "", f"wants one of {', '.join(get_args(Language))}"


_SETTINGS: dict[str, Callable[[object], Found]] = {
    "api_key": _api_key,
    "model_name": _model_name,
    "num_pages": partial(_whole, NUM_PAGES_MIN, NUM_PAGES_MAX),
    "num_tags": partial(_whole, NUM_TAGS_MIN, NUM_TAGS_MAX),
    "exclusion_words": partial(_words, EXCLUSION_WORDS_MAX),
    "vocabulary": partial(_words, VOCABULARY_MAX),
    "fallback_models": _models,
    "evidence": _switch,
    "language": _language,
    "max_tokens_total": partial(_optional, partial(_whole, 1, TOKENS_MAX)),
    "rpm": partial(_optional, partial(_whole, 1, RPM_MAX)),
    "tpm": partial(_optional, partial(_whole, 1, TPM_MAX)),
    "concurrency": partial(_optional, partial(_whole, 1, CONCURRENCY_MAX)),
}
