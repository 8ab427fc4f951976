"""How all tags are spelled, and which are the same word in another form."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from snowballstemmer import stemmer

from actors.spelling import TAG_LIMIT_CHARACTERS, distinct, kebab, stem


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("Employee Training", "employee-training"),
        ("employee_training", "employee-training"),
        ("  #Employee -- Training!  ", "employee-training"),
        ("employee-training", "employee-training"),
        ("COVID-19", "covid-19"),
        ("Women's Health", "womens-health"),
        ("droit de l’eau", "droit-de-l-eau"),  # noqa: RUF001
        ("Größe", "größe"),
        ("re\u0301sume\u0301", "résumé"),
        ("ﬁnance", "finance"),
        ("naïve\u00ad Bayes", "naïve-bayes"),
        ("कर्मचारी प्रशिक्षण", "कर्मचारी-प्रशिक्षण"),
        ("می\u200cخواهم کتاب", "می\u200cخواهم-کتاب"),  # noqa: RUF001
        ("em\u200cployee", "employee"),
        ("日本語 タグ", "日本語-タグ"),
        ("Охрана труда", "охрана-труда"),
        ("1\ufe0f\u20e3 training", "1-training"),
        ("train\ud800ing", "train-ing"),
        ("2023", ""),
        ("!?", ""),
        ("", ""),
    ],
)
def test_tags_are_spelled_as_in_the_seed(raw: str, tag: str) -> None:
    assert kebab(raw) == tag


def test_a_long_tag_is_cut_between_words() -> None:
    assert kebab("employee training " * 10) == "-".join(["employee-training"] * 3)
    assert kebab("x" * 100) == ""
    assert kebab("x" * TAG_LIMIT_CHARACTERS) == "x" * TAG_LIMIT_CHARACTERS


def test_a_phrase_comes_once_whatever_its_form() -> None:
    phrases = [
        "network analyses",
        "train",
        "network analysis",
        "trains",
        "training",
        "trainer",
        "train-ing",
        "traffic",
        "id",
        "ids",
        "data set",
        "datasets",
        "data-sets",
        "analysis of a network",
        "retrieved information",
        "information retrieval",
        "line",
        "on-line",
        "online",
    ]
    assert list(distinct(phrases)) == [
        *["network analyses", "train", "trainer", "traffic", "id", "data set", "retrieved information"],
        *["line", "on-line"],
    ]


def test_forms_of_other_languages_are_known_by_a_stemmer_of_theirs() -> None:
    german = stemmer("german").stemWord
    assert list(distinct(["nachtzug", "nachtzüge", "nacht", "bibliothek", "bibliotheken"], german)) == [
        "nachtzug",
        "nacht",
        "bibliothek",
    ]


def test_threads_that_stem_at_once_do_not_mix_their_words() -> None:
    words = [f"{letter}{other}nding" for letter in "abcdefghijklmnop" for other in "aeiou"] * 5
    stem.cache_clear()
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(stem, words)) == [word.removesuffix("ing") for word in words]
