"""Which of the raw tags stay: what is excluded, what comes twice, and how many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.choice import normalise
from actors.spelling import TAG_LIMIT_CHARACTERS
from tests.work import calls

MANY_SCRIPTS = st.text(alphabet="aZ-' \u0301\u00adßİΣ①ﬁ™\u200béſʼ\u0928\u0940\u094d\u200c\u200d日7", max_size=150)  # noqa: RUF001


@pytest.mark.parametrize("excluded", ["Manual", "manual", " MANUAL! ", "manuals"])
def test_an_excluded_word_drops_tags_of_which_it_is_at_least_half(excluded: str) -> None:
    raw = ["manual", "training-manual", "manual training", "manually-operated", "safety-training-manual", "Manuals"]
    assert normalise(raw, count=9, exclusion_words=[excluded]) == ["manually-operated", "safety-training-manual"]


@pytest.mark.parametrize(
    ("tag", "excluded", "kept"),
    [
        ("safety", "safety", False),
        ("fire-safety", "safety", False),
        ("fire-safety-drill", "safety", True),
        ("fire-safety-drill", "fire safety", False),
        ("annual-fire-safety-drill", "fire safety", False),
        ("annual-fire-safety-drill-plan", "fire safety", True),
        ("fire-drill-safety", "fire safety", True),
        ("fire", "fire safety", True),
        ("firearms", "fire", True),
        ("campfire", "fire", True),
        ("größen-und-maße", "Größen", True),
        ("größen-maße", "Größen", False),
        ("охрана-труда", "труда", False),
    ],
)
def test_the_share_of_words_decides(tag: str, excluded: str, kept: bool) -> None:
    assert (normalise([tag], count=3, exclusion_words=["other", excluded]) == [tag]) is kept


def work(excluded: list[str]) -> int:
    """What a row costs beside the first of its job."""
    normalise([], count=9, exclusion_words=excluded)
    return calls(lambda: normalise(["fire-safety-drill"], count=9, exclusion_words=excluded))


def test_a_long_list_of_exclusions_costs_a_row_nothing() -> None:
    assert work([f"term {n}" for n in range(20_000)]) <= work([f"term {n}" for n in range(10)]) + 10


def test_a_tag_that_is_an_earlier_one_in_another_form_is_dropped() -> None:
    raw = [
        "network analyses",
        "Networks",
        "network-analysis",
        "network",
        "networking",
        "analysis of networks",
        "net work",
    ]
    assert normalise(raw, count=9) == ["network-analyses", "networks"]


def test_terms_of_a_vocabulary_may_differ_in_form_alone() -> None:
    assert normalise(["policy", "policies"], count=9, vocabulary=["policies", "policy"]) == ["policy", "policies"]


def test_tags_come_once_in_their_order_and_not_too_many() -> None:
    raw = ["Safety", "employee training", "safety", "", "Employee-Training", "onboarding", "compliance"]
    assert normalise(raw, count=3) == ["safety", "employee-training", "onboarding"]


def test_a_vocabulary_leaves_only_its_terms() -> None:
    raw = ["weather", "data protection", "Employee_Training", "training"]
    chosen = normalise(raw, count=9, vocabulary=["Employee Training", "Data Protection", "Finance"])
    assert chosen == ["data-protection", "employee-training"]


def test_an_excluded_term_of_the_vocabulary_is_dropped() -> None:
    assert normalise(["finance", "law"], count=9, vocabulary=["finance", "law"], exclusion_words=["law"]) == ["finance"]


@given(st.lists(st.one_of(st.text(max_size=150), MANY_SCRIPTS), max_size=6), st.lists(st.text(max_size=8), max_size=2))
def test_normalising_twice_changes_nothing(raw: list[str], excluded: list[str]) -> None:
    once = normalise(raw, count=4, exclusion_words=excluded)
    assert normalise(once, count=4, exclusion_words=excluded) == once
    assert len(once) == len(set(once)) <= 4
    assert all(0 < len(tag) <= TAG_LIMIT_CHARACTERS and tag == tag.lower() for tag in once)
