"""Text that can be used is told from what only looks like it, and made fit to be sent."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.legible import SAMPLE_CHARS, TEXT_MAX_CHARS, clean, is_garbled, is_miscoded, is_muddled, letters, sample_of
from tests.test_languages import FOREIGN

CODE = """def settle(parts: dict[str, int], *, limit: float = 0.5) -> list[str]:
    return [f"{name}: {100 * share:.1f} %" for name, share in sorted(parts.items()) if share > limit]  # {'a': 1}"""
TABLE = """| Point | Nitrate mg/l | pH |
|-------|--------------|-----|
| A-17  | 12.4 (+0.3)  | 7.1 |
| B-2   | --           | 6.9 |"""
CONTENTS = """1. Introduction ........................ 3
2. Methods ............................. 7
2.1 Samples ............................ 8"""
SPACED_CONTENTS = CONTENTS.replace(".....", " . . . . . . . . . . . . . . .")
FORMULAS = "f(x) = (a + b)/2 - c^2; |x| <= 1, x != 0 => y = +-sqrt(x*x - 1) (eq. 4)"
BULLETS = "\uf0b7 Low tide\n\uf0b7 High tide\n\uf0b7 Storm surge"
SHIFTED = "".join(chr(ord(each) - 29) for each in "The council approved the budget for the new library.")
"""What readers make of a font with a subset of glyphs and without a table: their numbers."""


@settings(deadline=None)
@given(st.text(min_size=20))
def test_any_text_is_judged(text: str) -> None:
    assert is_garbled(text) in (True, False)
    assert letters(text) <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        TABLE,
        CONTENTS,
        SPACED_CONTENTS,
        FORMULAS,
        BULLETS,
        "",
        " \n",
        "Rates /A4 and 12/2024 or/and w/o",
        *FOREIGN,
    ],
)
def test_text_of_all_kinds_is_legible(text: str) -> None:
    assert not is_garbled(text)
    assert not is_garbled(text * 50)


@pytest.mark.parametrize("text", [CONTENTS, BULLETS, "", "The twins' price-list and/or a copy w/o VAT. ", *FOREIGN])
def test_clean_text_is_not_muddled(text: str) -> None:
    assert not is_muddled(text * 20)


def test_text_with_signs_and_digits_in_its_words_is_muddled() -> None:
    assert is_muddled("Thc council h;s appr0ved tbe bu|get of tl~e " * 5)
    assert not is_miscoded("Thc council h;s appr0ved tbe bu|get of tl~e " * 5)


def test_text_of_a_font_that_tells_other_characters_for_some_of_its_glyphs_is_miscoded() -> None:
    assert is_miscoded("नमूने लि,ए। इनमें से अधि2कांश नमूने पूर्वी8 के हैं। " * 3)
    assert not is_miscoded("नमूने लिए। इनमें से 2023 में, अधिकांश नमूने pH और जल-स्तर के हैं। " * 3)


@pytest.mark.parametrize(
    "text",
    [
        "(cid:31)(cid:5) (cid:12)(cid:88) (cid:7)",
        "/g12/g34/g7 /g2/g9/g11",
        "\x02\x05\x11 \x07\x1b",
        "\x84\x92\x81\x96 \x9f\x83",
        "Th\ufffd c\ufffdunc\ufffdl \ufffdppr\ufffdv\ufffdd",
        "\ue012\ue013\ue022 \ue09a\ue011\ue018",
        "\U000f0041\U000f0042 \U000f0043",
        SHIFTED,
        '!"#$%&\' ()*+, !"%-. /:;<= >?@[',
    ],
    ids=["cid", "glyph names", "controls", "C1 controls", "replaced", "private", "private plane", "shifted", "signs"],
)
def test_what_a_font_without_a_table_gives_is_garbled(text: str) -> None:
    assert is_garbled(text)
    assert is_garbled(f"Page 3\n{text * 20}")
    assert is_garbled(f"Page 3\n{text * 300}")


def test_a_few_undecoded_characters_do_not_spoil_a_page() -> None:
    assert not is_garbled("The \ufb01rst \x02of twelve reports on the state of the harbour\ufffd came in May.")


@settings(deadline=None)
@given(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Lo", "Lm"])))
def test_cleaned_text_can_be_sent_and_read(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert unicodedata.is_normalized("NFKC", cleaned)
    assert not set(cleaned) & set("\0\x07\x1b\u00ad\ufeff")


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("o\ufb03ce", "office"),
        ("a\0b", "ab"),
        ("infor\u00ad\nmation", "information"),
        ("\ud835\udc00", "A"),
        ("x\ud835y", "xy"),
        ("line\n\tnext", "line\n\tnext"),
        ("e\u0301", "é"),
        ("ﷺ" * TEXT_MAX_CHARS, ("صلى الله عليه وسلم" * TEXT_MAX_CHARS)[:TEXT_MAX_CHARS]),
    ],
    ids=["ligature", "NUL", "soft hyphen", "surrogate pair", "lone surrogate", "white space", "accent", "too long"],
)
def test_text_is_cleaned(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@pytest.mark.parametrize("length", [0, SAMPLE_CHARS, SAMPLE_CHARS + 1, 3_333, TEXT_MAX_CHARS])
def test_a_sample_is_short_and_from_all_over_the_text(length: int) -> None:
    text = "".join(chr(0x4E00 + place * 10 // max(length, 1)) for place in range(length))
    sample = sample_of(text)
    assert len(sample) <= SAMPLE_CHARS
    assert sample_of(sample) == sample
    assert {ord(each) - 0x4E00 for each in sample} >= ({0, 2, 5, 7} if length else set())


def test_a_clean_head_does_not_hide_what_is_misread_below() -> None:
    head = "The harbour board met in the spring. " * 20
    assert is_muddled(head + "Thc council h;s appr0ved tbe bu|get of tl~e " * 40)
