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


@pytest.mark.parametrize(
    "text",
    [
        r"\section{Drought}",
        r"C:\Users\anna\report",
        '<div class="nav"><b>Drought</b></div>&nbsp;&#160;',
        "shop.example.org/cart",
        "see example.com for",
        "doi.org/10.1000/182",
        "github.com/example/project",
        "a@b.example",
    ],
)
def test_addresses_and_markup_are_no_words(text: str) -> None:
    kept = set(unwrapped(tidied(text)).replace("{", " ").replace("}", " ").split())
    assert kept <= {"|", "Drought", "C:", "see", "for"}


@pytest.mark.parametrize("text", ["if x<y and z>w then", "p < 0.05 and R&D; AT&T", "read/write, e.g. this/that"])
def test_signs_of_prose_are_no_markup(text: str) -> None:
    assert tidied(text) == text


def test_raised_and_lowered_digits_are_digits() -> None:
    assert tidied("4 m/s\u00b2 of CO\u2082") == "4 m/s2 of CO2"


def test_what_a_running_title_stood_between_is_not_joined() -> None:
    title = "Harbour Holdings, Annual Report\n"
    line = "We keep in repair the walls, the sheds and all installations for the supply\n"
    text = f"{title}{title}{line}{title}Flood warnings\n"
    assert "supply Flood" not in unwrapped(text)


def test_a_wide_gap_parts_columns() -> None:
    assert "authority | Fishing" in unwrapped("The harbour authority     Fishing quotas were cut")


def test_a_label_in_the_next_line_ends_a_line() -> None:
    form = "Planned work: [x] Conversion of attic, [ ] New building, [ ] Demolition\nGross floor area (m2): 64.5"
    assert "Demolition | Gross" in unwrapped(form)
