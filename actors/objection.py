"""An answer in which no tag is left: what is said against it, once. The same question would cost as much again, and a
model that has read the document and the rules mostly answers it alike.

What is nonsense is another matter: there the whole attempt is made again (contract §3).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from actors.answer import names_none
from actors.prompt import Question
from actors.spelling import kebab

NAMED_MAX = 20
"""Of the tags that will not do are repeated to the model."""

_DECLINES = re.compile(
    r"\W*(?:(?:I['\u2019]?m|I am) (?:very )?sorry|Sorry|I (?:cannot|can['\u2019]?t|won['\u2019]?t|must decline))\b"
)
_AGAIN = "Answer once more with one JSON object in the form asked for"


class Objection(NamedTuple):
    """Why an answer will not do."""

    to_model: str
    """What it shall do instead."""
    to_people: str
    """What is said where it has not done so: a sentence without an end."""


_CUT = Objection(
    f"Your answer was cut off. {_AGAIN}, and keep it short.", "The model's answers were cut off at its limit"
)
_DECLINED = Objection(f"You only describe the document. {_AGAIN}.", "The model declined the document")
_EMPTY = Objection(f"{_AGAIN}, with at least one tag.", "The model named no tag")
_UNLISTED = Objection(
    f"None of these is a term of the list. {_AGAIN}, with terms of the list only; an empty list where none fits.",
    "The model named no term of the vocabulary that may be a tag",
)
_EXCLUDED = Objection(
    f"None of these may be a tag: they are excluded. {_AGAIN}, with others.",
    "The model named nothing but terms that are excluded",
)


def objection(words: str, named: Sequence[str], question: Question, *, cut: bool) -> Objection | None:
    """What there is to say against words of which no tag was left; None: they are nonsense.

    `named`: the tags that could be read. `cut`: the model came to its limit of tokens.
    """
    if any(map(kebab, named)):
        return _UNLISTED if question.vocabulary else _EXCLUDED
    if names_none(words):
        return _UNLISTED if question.vocabulary else _EMPTY
    if cut:
        return _CUT
    return _DECLINED if _DECLINES.match(words) else None


def follow_up(against: Objection, named: Sequence[str]) -> list[dict[str, str]]:
    """How a conversation goes on after such an answer; of its words only the tags are repeated, in their spelling."""
    tags = list(filter(None, map(kebab, named[:NAMED_MAX])))
    answer = msgspec.json.encode({"tags": tags}).decode()
    return [{"role": "assistant", "content": answer}, {"role": "user", "content": against.to_model}]
