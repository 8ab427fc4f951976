"""Where a name begins and ends, word by word."""

import pytest

from actors.keywords import keywords
from actors.phrases import find_runs, tokenise


def names(prose: str) -> set[str]:
    return {" ".join(word.low for word in run) for run in find_runs(prose)}


def test_no_number_leads_what_is_left_of_a_long_name() -> None:
    assert names("JEOL JSM-6700 FIELD EMISSION 74 SCANNING ELECTRON MICROSCOPE") == {"scanning electron microscope"}


@pytest.mark.parametrize("text", ["Bake 20 min slowly", "Winds 15 to 25 were seen", "Sodium 12 mmol", "Nitrate 4 kPa"])
def test_a_number_before_its_unit_belongs_to_no_name(text: str) -> None:
    assert not any(name[-1].isdigit() for name in names(text))


@pytest.mark.parametrize(
    "compound",
    [
        "the-ipen",
        "the\u2013him/her",
        "a&b",
        "impaired-to",
        "of-routing",
        "system-the",
        "its-own",
        "usr/share/doc/readme",
    ],
)
def test_a_compound_neither_begins_nor_ends_with_what_only_links(compound: str) -> None:
    assert names(f"Here is {compound} and there is {compound.upper()}.") == set()


@pytest.mark.parametrize("compound", ["in-house", "knock-on", "on-line", "by-product", "tcp/ip", "vitamin-a", "r&d"])
def test_compounds_with_an_adverb_are_names(compound: str) -> None:
    assert names(f"There is {compound}.") == {compound}


def test_a_shouted_genitive_loses_its_s_as_well() -> None:
    assert tokenise("THE DOG'S BONE, IT'S OLD; a dog's bone") == [
        *["THE", "DOG", "BONE", ",", "IT", "OLD", ";", "a", "dog", "bone"]
    ]


def test_words_of_letters_and_talk_are_no_names() -> None:
    said = "Hi, okay, um, re fw cc, if+ in+. Lol yep plus ugh. Thanks. A letter on self and evaporation plus rain."
    assert names(said) == {"letter", "evaporation", "rain"}


def test_signs_that_nobody_sees_make_no_word_of_a_letter() -> None:
    assert keywords("A wave of cos2\u2061(\u03b8) is long. C++ is a programming language.", 9).phrases == [
        *["programming language", "wave", "cos2"]
    ]


def test_what_something_is_said_to_be_is_no_name() -> None:
    said = "The set is convex. The door was open, the walls are bridges, the town is Leeds, and there was bread."
    assert names(said) == {"set", "door", "walls", "bridges", "town", "leeds", "bread"}


def test_a_participle_behind_a_name_is_its_verb_unless_it_is_half_of_a_compound() -> None:
    assert names("Moretti headed home. PC controlled heaters and heated rods. Moretti") == {
        *["moretti", "home", "pc controlled heaters", "heated rods"]
    }


def test_what_somebody_does_not_do_or_wants_to_do_is_no_name() -> None:
    said = "They didn't stop. We shall not forget. It cuts. She won't play. The firm says to cut 1,200 jobs."
    assert names(said) == {"firm", "jobs"}


def test_what_only_compares_is_no_part_of_a_name() -> None:
    assert names("Fewer companies want faster speed and cheaper trams.") == {"companies", "speed", "trams"}


def test_all_forms_of_a_verb_are_known() -> None:
    assert names("Abernathy, who died aged 91. He denies. He applied. They die; it dies. It is relying on it.") == {
        *["abernathy"]
    }


def test_an_order_at_the_start_of_a_sentence_is_no_name() -> None:
    assert names("Unplug the kettle. Rub the lid: descale a spout!") == {"kettle", "lid", "spout"}
