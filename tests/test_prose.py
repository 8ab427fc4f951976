"""From the characters of a document to words that are whole."""

import pytest

from actors.prose import tidied, unwrapped


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("the state-of-the-\nart method", "the state-of-the-art method"),
        ("a non-destruc-\ntive test", "a non-destructive test"),
        ("an X-\nray of e-\nmail", "an X-ray of e-mail"),
        ("since the mid-\n1990s", "since the mid-1990s"),
        ("a muni-\ncipality", "a municipality"),
        ("a high-\nstrength steel", "a high-strength steel"),
    ],
)
def test_a_word_cut_by_a_line_is_joined_as_it_was_written(cut: str, whole: str) -> None:
    assert tidied(cut) == whole


def test_raised_and_lowered_digits_are_digits() -> None:
    assert tidied("4 m/s\u00b2 of CO\u2082") == "4 m/s2 of CO2"


def test_what_a_running_title_stood_between_is_not_joined() -> None:
    title = "Harbour Holdings, Annual Report\n"
    line = "We keep in repair the walls, the sheds and all installations for the supply\n"
    text = f"{title}{title}{line}{title}Flood warnings\n"
    assert "supply Flood" not in unwrapped(text)
