"""Lines of lists, tables and forms."""

from actors.keywords import keywords


def phrases(text: str, count: int = 15) -> list[str]:
    return keywords(text, count).phrases


FORM = """Application for a research grant
Title of the project Carbon storage in rewetted marshland
Applicant Institute for Wetland Research
Themes wetlands, methane, hidden Markov
models, water level
Start and duration 1 April, 36 months
Amount requested 248,000
"""


def test_lines_of_a_form_are_no_phrases() -> None:
    found = phrases(FORM)
    assert {"research grant", "carbon storage", "rewetted marshland"} <= set(found)
    assert not any("applicant" in phrase and " " in phrase for phrase in found)


TABLE = """Rivers of the north
Sampling point Nitrate mg/l Hardness mmol/l pH
Aldermoor 31.6 3.47 6.5
Brennach 24.6 3.76 6.8
Country Capital Population Area
Norway Oslo 5.5 385
Finland Helsinki 5.6 338
"""


def test_cells_of_the_head_of_a_table_are_no_phrase() -> None:
    found = phrases(TABLE)
    assert {"nitrate", "hardness", "capital"} <= set(found)
    assert not {"ph", "mmol/l", "mg/l"} & set(" ".join(found).split())
    assert not any("capital" in phrase and " " in phrase for phrase in found)


def test_choices_side_by_side_are_no_phrase() -> None:
    assert phrases("Gender:\nNationality:\nBirthday\nFemale Male\nAgree to privacy policy\n")[0] == "privacy policy"


def test_numbers_stand_in_cells_of_their_own() -> None:
    found = phrases("Laboratory report\nFerritin 48 mg/l\nVitamin D 19 ng/ml\nPatient 12 Westbury College\n")
    assert {"laboratory report", "ferritin", "westbury college"} <= set(found)
    assert not any(character.isdigit() for character in "".join(found))


def test_lines_of_prose_that_begin_large_are_not_cut() -> None:
    found = phrases(
        "The professor and his assistant measured the discrete Fourier transform of each signal in Oslo.\n"
        "Discrete cosine transforms were not used. The discrete Fourier transform of the second signal\n"
        "Dr Olsen published in March, and the first one later.\n"
    )
    assert "discrete fourier transform" in found
