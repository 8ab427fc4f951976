"""From raw tags to those that were asked for, whoever named them."""

from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from itertools import islice

from actors.spelling import distinct, kebab, singular
from actors.vocabulary import vocabulary_of

REMEMBERED = 32
"""Lists of excluded terms."""


def normalise(
    raw: Iterable[str], *, count: int, exclusion_words: Sequence[str] = (), vocabulary: Sequence[str] = ()
) -> list[str]:
    """Tags as the seed spells them (`employee-training`), best first, each once, at most `count`.

    Dropped are tags that are an earlier one in another form (`trainings`), and those that are excluded. Where a
    vocabulary is given, each becomes its nearest term or is dropped. Applied to its own result it changes nothing.
    """
    excluded = _excluded(tuple(exclusion_words))
    tags = (tag for each in raw if (tag := settle(each, vocabulary)) and not is_excluded(tag, excluded))
    return list(islice(dict.fromkeys(tags) if vocabulary else distinct(tags), count))


def settle(raw: str, vocabulary: Sequence[str]) -> str:
    """A raw tag in its final form: in the spelling of tags, or the vocabulary's term; empty: it is none."""
    tag = kebab(raw)
    return vocabulary_of(tuple(vocabulary)).nearest(tag) if tag and vocabulary else tag


def is_excluded(tag: str, excluded: Container[str]) -> bool:
    """Whether an excluded term stands in a tag as whole words and is at least half of its words.

    `excluded`: in the spelling of tags and in the singular, in which both are compared.
    """
    words = _singulars(tag).split("-")
    for size in range((len(words) + 1) // 2, len(words) + 1):
        if any("-".join(words[start : start + size]) in excluded for start in range(len(words) - size + 1)):
            return True
    return False


@lru_cache(maxsize=REMEMBERED)
def _excluded(words: tuple[str, ...]) -> frozenset[str]:
    """The excluded terms of a job; remembered, as all its rows share them."""
    return frozenset(map(_singulars, filter(None, map(kebab, words))))


def _singulars(tag: str) -> str:
    return "-".join(map(singular, tag.split("-")))
