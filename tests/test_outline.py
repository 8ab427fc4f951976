"""What the parts of a document say: the keywords that its authors list, its header, its references."""

import pytest

from actors.keywords import keywords
from tests.test_entries import FORM as THEMED


def phrases(text: str, count: int = 10) -> list[str]:
    return keywords(text, count).phrases


PAPER = """Tidal Turbines in Narrow Straits
Maria Okonkwo, Peter Lindqvist
Institute of Ocean Engineering, Bergen, Norway
okonkwo@ocean.example, http://ocean.example/lindqvist
Abstract
Tidal turbines harvest the current of narrow straits. We measure blade fatigue.
{keywords}
1. Introduction
Tidal turbines stand in narrow straits, where blade fatigue is the main cost [1, 2]. Blade fatigue
grows with turbulence (Lindqvist et al., 2019).
{middle}
References
[1] Okonkwo M. Salmon Migration Atlas. Salmon Migration Press.
[2] Lindqvist P. Salmon migration and salmon migration again.
"""
MIDDLE = "The rotor of each turbine turns slowly and its gearbox is inspected by divers.\n" * 2


def test_authors_addresses_citations_and_references_are_no_keywords() -> None:
    found = phrases(PAPER.format(keywords="", middle=MIDDLE), 30)
    assert set(found[:3]) == {"tidal turbines", "narrow straits", "blade fatigue"}
    words = set(" ".join(found).split())
    assert not words & {"maria", "okonkwo", "lindqvist", "bergen", "norway", "ocean", "salmon", "migration", "http"}


@pytest.mark.parametrize("heading", ["Keywords: ", "Key words and phrases. ", "Keywords\n", "Index Terms\u2014"])
def test_keywords_that_the_authors_list_come_first(heading: str) -> None:
    text = PAPER.format(keywords=heading + "marine energy, gearbox; hydrokinetics", middle=MIDDLE)
    assert set(phrases(text, 3)) == {"marine energy", "gearbox", "hydrokinetics"}


FORM = THEMED.replace("Themes", "Keywords")


@pytest.mark.parametrize(
    "prose", ["", "Gas chambers will measure methane and carbon dioxide on each of the plots.\n" * 2]
)
def test_a_list_of_keywords_in_a_form_ends_with_its_line(prose: str) -> None:
    found = phrases(FORM + prose, 15)
    assert {"wetlands", "methane", "hidden markov models", "water level"} == set(found[:4])
    assert not {"april", "months", "248"} & set(" ".join(found).split())


def test_declared_keywords_lead_with_no_number_or_article_and_end_with_no_function_word() -> None:
    text = PAPER.format(keywords="Keywords: 3D printing, two-phase flow, the web of, 36 months; a", middle=MIDDLE)
    assert set(phrases(text, 3)) == {"printing", "flow", "web"}


def test_the_word_keywords_in_a_sentence_declares_nothing() -> None:
    text = "Keywords that people type into a search box are short. Search boxes learn. A search box is a box."
    assert phrases(text)[0] == "search box"


def test_a_list_of_keywords_without_an_end_cuts_no_word() -> None:
    found = phrases("Keywords: queues, " + "programming languages, " * 40, 30)
    assert found == ["programming languages", "queues"]
    assert "license" in phrases("Keywords: testing, queues\nLicense: MIT\nA license is given.", 9)
