"""What a model proposes, and the term of the vocabulary that it means: measured on examples of both kinds."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.choice import normalise
from actors.vocabulary import Vocabulary, vocabulary_of
from tests.work import calls

MEANT = {
    "machine-learning": ["Machine Learning", "machine_learning", "machinelearning", "learning machines"],
    "policy": ["policies", "Policy"],
    "employee-training": [
        "employees training",
        "training of employee",
        "trained employees",
        "employee-training-program",
    ],
    "e-mail": ["email", "emails", "E-Mails"],
    "healthcare": ["health care", "health-care"],
    "organisation": ["organization", "organizations", "organisations"],
    "color-management": ["colour management", "management of colours"],
    "behavioural-economics": ["behavioral economics"],
    "data-center": ["data centre", "datacentre", "data-centers"],
    "modelling": ["modeling", "models", "modelled"],
    "counseling": ["counselling"],
    "paediatrics": ["pediatrics"],
    "software-programme": ["software program", "software programs"],
    "risk-analysis": ["risk analyses", "analysis of risks"],
    "compliance": ["complience", "compliances"],
    "accommodation": ["accomodation"],
    "maintenance": ["maintenence", "maintenance"],
    "infrastructure": ["infrastucture", "infra-structure"],
    "data-protection": ["data-protection-law", "data protection rules", "protection-data", "dataprotection"],
    "größe": ["Größe"],
    "охрана-труда": ["охрана труда", "труда охрана"],
    "日本語": ["日本語"],
}
"""Term → proposals that mean it."""
OTHERS = [
    *["mortality", "casual", "adoption", "conversation", "dental", "hypertension", "emigration", "lab", "intranet"],
    *["marketing", "formal-language", "translation", "data", "protection", "employee", "machine", "law-school", "bank"],
]
"""Terms near which something else lies."""
NOT_MEANT = [
    *["morality", "causal", "adaption", "conservation", "mental", "hypotension", "immigration", "law", "internet"],
    *["supermarket", "language", "machine-translation", "database-migration", "safety", "river-bank-erosion-control"],
    *["statistics", "school", "a", "protein", "unemployment", "machinery-safety", "language-of-birds"],
]


def test_a_proposal_becomes_the_term_that_it_means() -> None:
    vocabulary = Vocabulary([*MEANT, *OTHERS])
    proposals = {proposal: term for term, several in MEANT.items() for proposal in several}
    chosen = {proposal: normalise([proposal], count=9, vocabulary=[*MEANT, *OTHERS]) for proposal in proposals}
    missed = {proposal: found for proposal, found in chosen.items() if found != [proposals[proposal]]}
    assert missed == {}
    assert all(vocabulary.nearest(term) == term for term in MEANT)


@pytest.mark.parametrize("proposal", NOT_MEANT)
def test_what_only_looks_alike_is_dropped(proposal: str) -> None:
    assert normalise([proposal], count=9, vocabulary=OTHERS) == []


def test_the_exact_term_goes_before_one_that_is_near() -> None:
    vocabulary = ["policies", "policy", "data", "data protection"]
    assert normalise(["Policy", "policies", "data", "protection data"], count=9, vocabulary=vocabulary) == [
        *["policy", "policies", "data", "data-protection"]
    ]


def test_two_proposals_for_one_term_are_one_tag() -> None:
    assert normalise(["policies", "policy", "POLICY"], count=9, vocabulary=["Policy"]) == ["policy"]


def test_a_misspelling_of_two_terms_is_none() -> None:
    assert Vocabulary(["prescription", "proscription"]).nearest("pruscription") == ""


def test_an_excluded_term_of_the_vocabulary_is_not_chosen() -> None:
    chosen = normalise(["finances", "laws"], count=9, vocabulary=["finance", "law"], exclusion_words=["law"])
    assert chosen == ["finance"]


def test_terms_are_found_in_a_text_in_singular_and_plural_the_most_frequent_first() -> None:
    vocabulary = Vocabulary(["Fire Drill", "extinguisher", "alarm", "fire", "drill sergeant"])
    text = (
        "A fire drill is held. Fire-drills need extinguishers; an extinguisher needs a drill. The Extinguisher's pin."
    )
    assert vocabulary.within(text) == ["extinguisher", "fire-drill", "fire"]


WORDS = [
    f"{first}{last}" for first in ("bal", "cor", "dim", "fer", "gan", "hol", "jup", "kel") for last in "aeiourlnst"
]


def large(size: int) -> Vocabulary:
    """A vocabulary in which the same words come again and again."""
    return Vocabulary(f"{WORDS[n % 80]}ation {WORDS[n // 80 % 80]}ment {n}" for n in range(size))


@pytest.mark.parametrize("size", [1_000, 10_000])
@pytest.mark.parametrize(
    "proposal", ["balaation-corement 7", "corement balaations 161", "balaatoin corement 3", "x" * 60]
)
def test_the_nearest_term_is_found_without_a_look_at_all(size: int, proposal: str) -> None:
    vocabulary = large(size)
    assert calls(lambda: vocabulary.nearest(proposal)) < 1_000


def test_building_and_searching_cost_work_in_proportion() -> None:
    text = "balaation corement 7 and holnation " * 200
    small, full = large(1_000), large(10_000)  # each word has been stemmed once now
    assert calls(lambda: full.within(text)) <= 1.5 * calls(lambda: small.within(text)) + 50
    assert calls(lambda: large(10_000)) <= 15 * calls(lambda: large(1_000))


def test_rows_that_begin_together_share_one_vocabulary() -> None:
    words = tuple(f"term {n}" for n in range(2_000))
    with ThreadPoolExecutor(8) as threads:
        built = list(threads.map(lambda _: vocabulary_of(tuple(words)), range(8)))
    assert len(set(map(id, built))) == 1
