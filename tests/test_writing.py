"""The language of a text is known by its script and its common words, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.writing import familiar, is_enciphered, language_of
from tests.test_languages import GERMAN, HINDI, JAPANESE, SPANISH

TEXTS = {
    "en": "The council approved the budget for a new library, which is to be opened in the spring by the mayor.",
    "de": GERMAN,
    "es": SPANISH,
    "fr": "Le conseil a approuvé le budget de la nouvelle bibliothèque, qui sera ouverte au printemps par le maire.",
    "pt": "O conselho aprovou o orçamento da nova biblioteca, que não será aberta na primavera pelo presidente.",
    "it": "Il consiglio ha approvato il bilancio della nuova biblioteca, che sarà aperta in primavera dal sindaco.",
    "nl": "De raad heeft het budget voor de nieuwe bibliotheek goedgekeurd, die in het voorjaar wordt geopend.",
    "pl": "Rada zatwierdziła budżet nowej biblioteki, która zostanie otwarta na wiosnę przez burmistrza i się nie.",
    "cs": "Rada schválila rozpočet nové knihovny, která se otevře na jaře a je pro všechny, kteří by ji chtěli.",
    "fi": "Neuvosto on hyväksynyt uuden kirjaston talousarvion, ja se avataan keväällä, kun myös tiet on korjattu.",
    "tr": "Meclis yeni bir kütüphane için bütçeyi onayladı ve ilkbaharda daha çok kitap ile açılacak.",
    "ru": "Совет утвердил бюджет новой библиотеки, которая будет открыта весной, и это не всё, что он сделал.",
    "uk": "Рада затвердила бюджет нової бібліотеки, яка буде відкрита навесні, та це не все, що вона робить.",
    "hi": HINDI,
    "mr": "परिषदेने नवीन ग्रंथालयाच्या अंदाजपत्रकाला मंजुरी दिली आहे आणि ते वसंत ऋतूमध्ये सुरू होणार आहे असे सांगितले.",
    "ar": "وافق المجلس على ميزانية المكتبة الجديدة التي ستفتح في الربيع من قبل رئيس البلدية.",
    "ja": JAPANESE,
    "zh": "市议会批准了新图书馆的预算，该图书馆将于春季由市长开放。",
    "ko": "시의회는 봄에 시장이 개관할 새 도서관의 예산을 승인했다.",
    "el": "Το συμβούλιο ενέκρινε τον προϋπολογισμό για τη νέα βιβλιοθήκη.",
    "he": "המועצה אישרה את התקציב לספרייה החדשה.",
    "ta": "புதிய நூலகத்திற்கான வரவு செலவுத் திட்டத்திற்கு சபை ஒப்புதல் அளித்தது.",
    "th": "สภาอนุมัติงบประมาณสำหรับห้องสมุดใหม่",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_language_is_recognised(language: str) -> None:
    assert language_of(TEXTS[language]) == language


def test_a_few_words_in_another_script_do_not_hide_it() -> None:
    assert language_of(f"{HINDI} (Public Library Act, 1972)") == "hi"


@pytest.mark.parametrize(
    "text", ["", "12.5 | 33.1", "Lorem ipsum dolor", "Kovács Müller García Nguyen Olsen Rossi", "!?", "\U00012000"]
)
def test_what_tells_no_language_has_none(text: str) -> None:
    assert language_of(text) is None


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert len(language_of(text) or "xx") == 2


def test_a_list_of_names_at_the_head_does_not_hide_the_language() -> None:
    names = "Kovács Müller García Nguyen Olsen Rossi\n" * 25
    assert language_of(names + TEXTS["en"] * 40) == "en"


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "pt", "it", "nl", "cs", "fi", "tr"])
def test_prose_is_familiar_and_in_no_cipher(language: str) -> None:
    assert familiar(TEXTS[language] * 4) > 0.1
    assert not is_enciphered(TEXTS[language] * 4)


def test_prose_of_which_letters_are_misread_is_less_familiar() -> None:
    text = TEXTS["en"] * 4
    assert familiar(text.replace("he", "bc").replace("i", "l").replace("o", "c")) < 0.5 * familiar(text)


@pytest.mark.parametrize("shift", [-29, 3])
def test_a_cipher_is_told_from_languages_that_are_not_known(shift: int) -> None:
    text = TEXTS["en"].lower() * 4
    letters = {ord(each): chr((ord(each) - 97 + shift) % 26 + 97) for each in "abcdefghijklmnopqrstuvwxyz"}
    shifted = {code: chr(code + shift) for code in letters} if shift < 0 else letters
    assert is_enciphered(text.translate(shifted))
    lithuanian = "Taryba patvirtino naujos bibliotekos biudžetą, kuri bus atidaryta pavasarį miesto gyventojams. "
    assert not is_enciphered(lithuanian * 8)


@pytest.mark.parametrize("text", ["Low tide", "潮" * 999, TEXTS["hi"] * 9, TEXTS["ru"] * 9, "7 8 9 " * 99])
def test_what_has_few_words_or_other_letters_is_not_judged(text: str) -> None:
    assert familiar(text) == 1
    assert not is_enciphered(text)
