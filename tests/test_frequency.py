"""What the tagger without a network makes of texts that are not English."""

import pytest

from actors.frequency import frequent
from actors.keywords import MAX_PHRASE, MAX_WORDS, keywords
from tests.test_languages import FOREIGN


@pytest.mark.parametrize(("text", "expected"), FOREIGN.items(), ids=["Spanish", "German", "Hindi", "Japanese"])
def test_other_languages_get_their_most_frequent_nouns_and_say_so(text: str, expected: str) -> None:
    found = keywords(text, 8)
    assert found.degraded
    assert expected in found.phrases[:4]
    assert len(found.phrases) >= 3
    assert all(len(phrase) <= MAX_PHRASE and phrase.count(" ") < MAX_WORDS for phrase in found.phrases)


def test_a_script_without_spaces_yields_clauses_no_longer_than_a_phrase() -> None:
    found = keywords("แมวนอนบนเก้าอี้ตัวเก่าของคุณยาย สุนัขเฝ้าบ้านทั้งคืน " * 3 + "ลมหนาวพัดมาจากทางเหนือ" * 9, 5)
    assert found.degraded
    assert found.phrases
    assert max(map(len, found.phrases)) <= MAX_PHRASE


FRENCH = """L'eau du lac est froide. Trois pêcheurs tirent leurs filets de l'eau avant l'aube, dit-elle, et vendent les
poissons au marché du port. Le garde-pêche compte les filets. Peut-être que l'eau potable manquera cet été, quand l'eau
potable des villages viendra du lac. Les vingt-deux pêcheurs du port protègent le lac."""
NIGHT_TRAIN = """Der Nachtzug kehrt zurück, weil Reisende Zeit sparen. Neue Nachtzüge verlangen Schlafwagen, und lange
Fahrten im Schlafwagen ersetzen Flüge. Zwischen Hafen und Küste verkehrt der Nachtzug zweimal im Jahr. Gestern kaufte
die Bahn fünf gebrauchte Schlafwagen und drei gebrauchte Lokomotiven."""


def test_articles_show_nouns_and_two_words_are_a_phrase_only_where_they_meet_again() -> None:
    found = list(frequent(FRENCH))
    assert set(found[:5]) == {"eau", "eau potable", "lac", "filets", "port"}
    assert {"pêcheurs", "garde-pêche"} <= set(found)
    assert [phrase for phrase in found if " " in phrase] == ["eau potable"]
    assert not {"dit-elle", "peut-être", "vingt-deux", "trois", "leurs"} & set(found)


def test_small_words_of_languages_without_articles_are_no_phrases_either() -> None:
    polish = "Most łączy brzegi rzeki, ponieważ prom kursuje latem. Most stoi jednak na skale, a prom nie kursuje zimą."
    found = list(frequent(polish))
    assert {"prom", "kursuje"} <= set(found[:3])
    assert not {"ponieważ", "jednak"} & set(found)


def test_german_nouns_begin_large_and_come_in_one_form() -> None:
    found = list(frequent(NIGHT_TRAIN))
    assert set(found[:2]) == {"nachtzug", "schlafwagen"}
    assert not {"nachtzüge", "verlangen", "ersetzen", "neue", "jahr", "kehrt", "gebrauchte"} & set(found)
    assert {"küste", "flüge", "lokomotiven"} <= set(found)


def test_a_german_adjective_belongs_to_its_noun_where_they_meet_again() -> None:
    assert "gebrauchte schlafwagen" in frequent(NIGHT_TRAIN + " Die Bahn kaufte gebrauchte Schlafwagen.")


def test_indic_words_stay_whole_and_what_a_font_has_spoilt_is_no_word() -> None:
    found = list(frequent("पूर्वी8 जि:लों के कु छ कु ओं में अधि2कांश नागरिXक हैं। क्\u200dषेत्र का विद्यालय और क्\u200dषेत्र की नदी।"))
    assert found[0] == "क्\u200dषेत्र"
    assert set(found[1:]) == {"विद्यालय", "नदी"}
