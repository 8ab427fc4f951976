"""What holds of the local tagger's tags in every kind of text: news, prose, minutes, tables, recipes, law, code."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowballstemmer import stemmer

from actors.errors import DocumentRefused
from actors.languages import without_numbers
from actors.lexicon import LEADING_NUMBERS, NUMBERS
from actors.tag import tag_locally
from tests.prose_kinds import TEXTS
from tests.questions import question

ARTICLES = {"a", "an", "the"}
CARDINALS = LEADING_NUMBERS - ARTICLES
WORD = re.compile(r"[^\W_]+")
PIECES = [piece for text in TEXTS.values() for piece in re.split(r"(?<=[.\n])", text) if piece]

porter = stemmer("porter")


def tags(text: str) -> list[str]:
    return tag_locally(question(text, num_tags=15)).tags


def check(text: str) -> None:
    """No number or article in front, no cut word, none twice."""
    tagging = tag_locally(question(text, num_tags=15))
    found, leading = tagging.tags, ARTICLES | CARDINALS | (NUMBERS - {"first", "second", "may", "last", "half"})
    if tagging.metadata:  # the text names nothing: there are no better words
        leading = set()
    words = set(WORD.findall(text.replace("\u00ad", "").lower())) | set(
        WORD.findall(re.sub(r"-\s*\n\s*", "", text.lower()))
    )
    for tag in found:
        first = tag.split("-")[0]
        assert not first[0].isdigit(), tag
        assert first not in leading, tag
        assert {word.removesuffix("s") for word in tag.split("-")} <= {word.removesuffix("s") for word in words}, tag
    stems = [tuple(porter.stemWord(word) for word in tag.split("-")) for tag in found]
    assert len(set(stems)) == len(stems), found


@pytest.mark.parametrize("kind", TEXTS)
def test_tags_are_whole_and_lead_with_a_word(kind: str) -> None:
    assert len(tags(TEXTS[kind])) >= 10
    check(TEXTS[kind])


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))
def test_so_they_are_in_any_mixture_of_texts(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        check(text)
    except DocumentRefused:
        assert not any(map(str.isalpha, without_numbers(text.lower())))


EXPECTED = {
    "news": {"flood-defences", "environment-agency", "flood-insurance"},
    "minutes": {"parish-council", "street-lighting", "bus-shelter"},
    "table": {"wheat-production", "winter-wheat-area", "national-statistics-office"},
    "invoice": {"office-chair"},
    "recipe": {"red-lentils", "lentil-soup", "olive-oil", "vegetable-stock"},
    "legal": {"residential-tenancy-agreement", "landlord", "deposit"},
    "curriculum vitae": {"earthquake-engineering", "structural-engineer"},
    "code": {"job-queue", "exponential-backoff"},
    "letter": {"pension-forecast", "state-pension"},
    "slides": {"electric-bikes", "cargo-bikes", "gross-margin"},
    "manual": {"guide-bar", "chain-brake", "air-filter"},
    "medical": {"knee-replacement", "knee-joint"},
    "cut words": {"street-lighting", "motion-sensors", "luminaires", "municipality"},
    "capitals": {"solar-panels"},
    "sport": {"relegation-zone"},
    "speech": {"reading-room", "library"},
    "report": {"timber-houses", "roof-insulation", "timber-frames"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_what_a_text_is_about_is_among_them(kind: str) -> None:
    assert EXPECTED[kind] <= set(tags(TEXTS[kind]))
