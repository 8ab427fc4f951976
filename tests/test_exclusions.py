"""Exclusion lists as people write them."""

import pytest

from protocol.exclusions import TERMS_MAX, BadList, read_terms


def test_a_line_holds_one_term_or_many_and_comments_are_left_out() -> None:
    text = '# our list\ntraining, manual\n\n  Annual   Report  # since 2019\r\n"quoted",,\u201ccurly\u201d\n'
    text += "#tag,x\nC#, F#\n"
    assert read_terms(text) == ["training", "manual", "Annual   Report", "quoted", "curly", "C#", "F#"]


def test_a_term_stands_once_and_in_its_place() -> None:
    assert read_terms("\ufeffb,a\nb") == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no term"),
        ("# nothing\n,,\n", "holds no term"),
        ("a\n" + "b" * 101, "holds a term of more than 100 characters .line 2."),
        ("\n".join(map(str, range(TERMS_MAX + 1))), "holds more than 5,000 terms"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(text: str, why: str) -> None:
    with pytest.raises(BadList, match=why):
        read_terms(text)
