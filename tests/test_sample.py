"""What of a long document is shown: head, middle and tail, cut where a reader would, and no tables of numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sample import CUT, TEXT_TOKENS, sampled, tokens

PARAGRAPH = "The harbour office keeps a list of cranes.\nEach crane has a number and a driver.\n\n"


def shown(pages: list[str], budget: int = TEXT_TOKENS) -> list[str]:
    return [piece.text for piece in sampled(pages, budget)]


def numbered(count: int) -> str:
    """Paragraphs that say which they are."""
    return "".join(f"Paragraph {n} begins here,\nand paragraph {n} ends here.\n\n" for n in range(count))


def test_what_fits_is_whole() -> None:
    pages = ["One page.\n12 34\n56\n78\n", "", "Another."]
    assert shown(pages) == pages
    assert [piece.page for piece in sampled(pages)] == [1, 2, 3]


def test_of_a_long_document_head_middle_and_tail_are_shown() -> None:
    head, first_cut, middle, second_cut, tail = shown([numbered(1_000)], 400)
    assert first_cut == second_cut == CUT
    assert head.startswith("Paragraph 0 begins here")
    assert "Paragraph 505 begins here" in middle
    assert tail.endswith("paragraph 999 ends here.")
    assert len(head) > 1.5 * len(middle) > len(tail)


def test_cuts_fall_between_paragraphs() -> None:
    for part in shown([numbered(1_000)], 400):
        assert part == CUT or (part.startswith("Paragraph ") and part.endswith(" ends here."))


def test_a_text_in_one_line_is_cut_between_words() -> None:
    words = [f"word{n}" for n in range(20_000)]
    parts = [part for part in shown([" ".join(words)], 1_000) if part != CUT]
    assert len(parts) == 3
    assert set(" ".join(parts).split()) <= set(words)


def test_a_text_without_spaces_is_cut_all_the_same() -> None:
    parts = shown(["\u6a5f" * 50_000], 1_000)
    assert 400 < sum(map(len, parts)) < 1_500


def test_pages_are_told_apart() -> None:
    pages = [f"This is page {number}.\n" + PARAGRAPH * 30 for number in range(1, 11)]
    pieces = sampled(pages, 2_000)
    assert pieces[0].page == 1
    assert pieces[-1].page == 10
    for piece in pieces:
        if "This is page" in piece.text:
            assert piece.text.startswith(f"This is page {piece.page}.")


def test_tables_of_numbers_do_not_eat_the_budget() -> None:
    table = "".join(f"{row} 1,204.50 {row * 17} 88.1 0.4 1999-01-{row % 28 + 1:02d}\n" for row in range(500))
    parts = shown([f"{PARAGRAPH}{table}{PARAGRAPH}", f"{table}The end of the report."], 200)
    assert "".join(parts).count("The harbour office") == 2
    assert parts[-1] == "The end of the report."
    assert "1,204.50" not in "".join(parts)
    assert CUT in parts


def test_a_line_of_numbers_within_a_text_stays() -> None:
    text = f"Call us:\n020 7946 0018\nor write.\n{PARAGRAPH * 200}"
    assert "020 7946 0018" in shown([text], 500)[0]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("word " * 100, 100, 150), ("12345 " * 100, 200, 400), ("слово " * 100, 200, 350), ("\u6a5f" * 100, 60, 130)],
)
def test_tokens_are_counted_roughly(text: str, least: int, most: int) -> None:
    assert least <= tokens(text) <= most


@given(st.lists(st.text(alphabet="ab 1\n\u6a5f.", max_size=3_000), max_size=5), st.integers(20, 400))
def test_what_is_shown_stands_there_in_order_and_within_the_budget(pages: list[str], budget: int) -> None:
    pieces = sampled(pages, budget)
    numbers = [piece.page for piece in pieces]
    assert numbers == sorted(numbers)
    texts = [piece for piece in pieces if piece.text != CUT]
    assert all(piece.text in pages[piece.page - 1] for piece in texts)
    assert sum(tokens(piece.text) for piece in texts) <= budget + len(texts)
