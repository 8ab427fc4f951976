"""From raw tags to those that were asked for, whoever named them."""

from collections.abc import Iterable, Sequence
from itertools import islice

from actors.phrases import singular
from actors.spelling import distinct, kebab, spellings
from actors.vocabulary import vocabulary_of


def normalise(
    raw: Iterable[str], *, count: int, exclusion_words: Sequence[str] = (), vocabulary: Sequence[str] = ()
) -> list[str]:
    """Tags as the seed spells them (`employee-training`), best first, each once, at most `count`.

    Dropped are tags that are an earlier one in another form (`trainings`), and those that are excluded. Where a
    vocabulary is given, each becomes its nearest term or is dropped. Applied to its own result it changes nothing.
    """
    excluded = [_singulars(word) for word in spellings(tuple(exclusion_words))]
    tags = (tag for each in raw if (tag := settle(each, vocabulary)) and not is_excluded(tag, excluded))
    return list(islice(dict.fromkeys(tags) if vocabulary else distinct(tags), count))


def settle(raw: str, vocabulary: Sequence[str]) -> str:
    """A raw tag in its final form: in the spelling of tags, or the vocabulary's term; empty: it is none."""
    tag = kebab(raw)
    return vocabulary_of(tuple(vocabulary)).nearest(tag) if tag and vocabulary else tag


def is_excluded(tag: str, excluded: Iterable[str]) -> bool:
    """Whether an excluded term stands in a tag as whole words and is at least half of its words.

    `excluded`: in the spelling of tags and in the singular, in which both are compared.
    """
    within, words = f"-{_singulars(tag)}-", tag.count("-") + 1
    return any(2 * (word.count("-") + 1) >= words and f"-{word}-" in within for word in excluded)


def _singulars(tag: str) -> str:
    return "-".join(map(singular, tag.split("-")))
