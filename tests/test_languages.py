"""Which texts are taken for English, and what the tagger without a network makes of those that name nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.keywords import MAX_PHRASE, keywords
from actors.languages import bare_words, without_numbers

SPANISH = """La contaminación del agua preocupa a los agricultores del valle. El agua de riego llega cada año con más
nitratos, y la contaminación del agua subterránea ya obliga a cerrar pozos. Los agricultores piden ayudas para cambiar
de cultivos, pero las ayudas no llegan hasta que el gobierno publica los datos de los pozos."""
GERMAN = """Die Gemeinde plant eine neue Bibliothek. In der Bibliothek sollen nicht nur Bücher stehen: Auch Werkzeuge
kann man dort ausleihen. Der Gemeinderat hat der Bibliothek zugestimmt, obwohl die Kosten gestiegen sind. Für die
Werkzeuge wird noch ein Raum gesucht, und für die Kosten der Werkzeuge ein Spender."""
HINDI = """गाँव के विद्यालय में नया पुस्तकालय खुला है। पुस्तकालय में बच्चों के लिए कहानियों की किताबें हैं। विद्यालय के
शिक्षक बच्चों को पुस्तकालय ले जाते हैं। पुस्तकालय शाम तक खुला रहता है।"""
JAPANESE = """太陽光発電は再生可能エネルギーの一つである。太陽光発電の費用は下がり続けている。蓄電池と組み合わせた
太陽光発電は、夜でも電力を供給できる。蓄電池の費用も下がっている。"""
FOREIGN = {SPANISH: "agricultores", GERMAN: "bibliothek", HINDI: "पुस्तकालय", JAPANESE: "太陽光発電"}


@pytest.mark.parametrize(
    "text",
    [
        "Machine learning for medical images",
        "Bill to: Acme Corporation\nOffice chair 120.00",
        "Bus 42 to the harbour\nMarket 06:10\nHospital 06:24\nNot on school holidays, on request only",
        "Cable 3 x 2.5 mm, per m 3.20\nLabour, per hour 48.00\nThank you for W. Smith's order",
        "Oil filter\nBrake disc\nEngine\n" * 6 + "Cable gland M\u00fcller",
        "for (int i = 0; i < n; i++) printf(i); /* of integers */",
    ],
)
def test_titles_and_tables_are_not_taken_for_another_language(text: str) -> None:
    assert not keywords(text, 5).degraded


NAMING_NOTHING = {
    "only function words": ("The of and. Of the, the!", ["the", "of", "and"]),
    "words of every document": ("Please see the following page. See below.", ["see", "following", "page"]),
    "hiragana": ("あいうえお", ["あいうえお"]),
    "two clauses": ("こんにちは。さようなら。さようなら。", ["さようなら", "こんにちは"]),
    "one ideograph": ("水", ["水"]),
    "a long word": ("x" * 1_000, ["x" * MAX_PHRASE]),
    "single letters": ("b a 1 b", ["b", "a"]),
    "an address": ("mail@harbour.example", ["mail", "harbour", "example"]),
    "declared numbers": ("Keywords: 12, 34", ["keywords"]),
}


@pytest.mark.parametrize("name", NAMING_NOTHING)
def test_a_text_that_names_nothing_gives_its_most_frequent_words_and_says_so(name: str) -> None:
    text, expected = NAMING_NOTHING[name]
    found = keywords(text, 3)
    assert found.degraded
    assert found.phrases == expected


@given(st.text(), st.sampled_from(["", "the ", "1 ", "Keywords: "]))
def test_a_text_has_keywords_exactly_if_it_has_letters_beside_numbers(text: str, start: str) -> None:
    found = keywords(start + text, 5)
    assert bool(found.phrases) == any(map(str.isalpha, without_numbers((start + text).lower())))
    assert all(len(phrase) <= MAX_PHRASE and any(map(str.isalpha, phrase)) for phrase in found.phrases)


def test_bare_words_are_function_words_only_where_there_are_no_others() -> None:
    assert bare_words("The old, the new & the NEW 2nd") == ["new", "old"]
    assert bare_words("1, 2 ...") == []
    assert bare_words("1.5e-02 3E7\n6.e+10 2m 4th 3D") == []
    assert bare_words("mp3 the 2nd") == ["mp3"]
