"""Only what stands in the document is shown as evidence, in the document's own words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.answer import Quote, read_quotes
from actors.evidence import QUOTE_MAX_CHARACTERS, sentences, supported
from actors.tag import ModelTagger, tag_locally
from bench.provider import Provider
from protocol.messages import Evidence
from tests.questions import KEY, TEXT, question
from tests.work import calls

PAGES = [
    "The Harbour Office\nkeeps a list of cranes. Every crane is in-\nspected twice a year.",
    "Divers check the \u201cquay wall\u201d each spring, and its fire-\nfighting pumps each week.",
]


def shown(text: str, page: int = 0, pages: list[str] | None = None) -> tuple[int, str] | None:
    """Page and quote that are shown where a model quotes this."""
    found = supported(["crane"], [("crane", Quote("crane", text, page))], pages or PAGES)
    return (found[0].page, found[0].quote) if found else None


@pytest.mark.parametrize(
    ("claimed", "quote"),
    [
        ("keeps a list of cranes", "keeps a list of cranes"),
        ("the harbour office keeps  a\nlist", "The Harbour Office keeps a list"),
        ("THE HARBOUR OFFICE", "The Harbour Office"),
        ("\u201cEvery crane is inspected twice a year.\u201d", "Every crane is inspected twice a year"),
        ("...a list of cranes\u2026", "a list of cranes"),
        ("the 'list", None),
        ("every crane is painted", None),
        ("keeps a list of crane", None),
        ("eeps a list", None),
        ("a", None),
        ("", None),
        ("...", None),
        ("Every crane is inspected twice a year " * 100, None),
    ],
)
def test_a_quote_is_shown_as_the_document_has_it_or_not_at_all(claimed: str, quote: str | None) -> None:
    assert shown(claimed) == (quote and (1, quote))


def test_marks_and_hyphens_of_another_form_are_the_same() -> None:
    assert shown('"quay wall"') == (2, "quay wall")
    assert shown("the 'quay wall' each") == (2, "the \u201cquay wall\u201d each")
    assert shown("the **quay wall** each") == shown("the quay wall each") == shown("the 'quay wall' each")
    assert shown('check the "quay wall" each') == (2, "check the \u201cquay wall\u201d each")
    assert shown("fire\u2011fighting pumps") == (2, "firefighting pumps")


def test_the_page_is_where_it_stands_whatever_the_model_says() -> None:
    pages = ["Cranes lift.", "Nothing.", "Cranes lift."]
    assert [shown("cranes lift", page, pages) for page in (0, 1, 2, 3, -7, 10**9)] == [
        (1, "Cranes lift"), (1, "Cranes lift"), (1, "Cranes lift"), (3, "Cranes lift"), *[(1, "Cranes lift")] * 2
    ]  # fmt: skip


def test_a_script_without_spaces_is_quoted_too() -> None:
    assert shown("\u5de5\u5834", 1, ["\u672c\u5de5\u5834\u306e\u6a5f\u68b0"]) == (1, "\u5de5\u5834")
    assert shown("İSTANBUL koyu", 1, ["Bu İstanbul Koyu büyük."]) == (1, "İstanbul Koyu")


def test_a_long_quote_is_cut_between_words() -> None:
    page = "harbour " * 60 + "end"
    found = shown(page, 1, [page])
    assert found is not None
    assert QUOTE_MAX_CHARACTERS - 10 < len(found[1]) <= QUOTE_MAX_CHARACTERS
    assert found[1].endswith("harbour")


def test_orders_hidden_in_a_document_are_not_shown() -> None:
    found = shown("crane is safe", 1, ["The crane\u202e \U000e0041\U000e0042is safe."])
    assert found is None or found[1] == "crane is safe"


def test_evidence_comes_in_the_order_of_tags_one_for_each() -> None:
    quotes = [Quote("b", "list of cranes", 1), Quote("x", "harbour", 1), Quote("a", "nowhere", 1)]
    quotes += [Quote("a", "divers", 1), Quote("b", "harbour", 1)]
    found = supported(["a", "b", "c"], [(quote.tag, quote) for quote in quotes], PAGES)
    assert found == [Evidence(tag="a", page=2, quote="Divers"), Evidence(tag="b", page=1, quote="list of cranes")]


@pytest.mark.parametrize(
    "answer",
    [
        '{"tags": [{"tag": "crane", "page": 2, "quote": "Cranes."}]}',
        '```json\n[{"name": "crane", "page": 2, "evidence": "Cranes."}]\n```',
        'Here: {"tags": ["crane"], "evidence": [{"tag": "crane", "page": 2, "quote": "Cranes."}]}',
        '{"result": {"tags": [{"quote": "Cranes.", "tag": "crane", "page": 2, "why": null}, 7, null, ["x"]]}}',
    ],
)
def test_quotes_are_read_from_whatever_form_a_model_gives_them(answer: str) -> None:
    assert read_quotes(answer) == [Quote("crane", "Cranes.", 2)]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[]",
        '{"tags": ["crane"]}',
        '{"tag": "a", "quote": 7}',
        '{"quote": "a"}',
        '{"tag": "a", "quote": ""}',
        "[" * 9,
    ],
)
def test_no_quote_is_read_where_none_is(answer: str) -> None:
    assert read_quotes(answer) == []


def test_a_page_that_is_no_number_is_none() -> None:
    for page in ("2", None, 2.0, True, [2]):
        assert read_quotes(json.dumps([{"tag": "a", "quote": "b", "page": page}])) == [Quote("a", "b", 0)]


@given(st.text(max_size=300))
def test_reading_quotes_never_fails(words: str) -> None:
    assert read_quotes(words) == []


@given(st.text(alphabet="aB\u00df\u0130 -\n.\u201c\u00ad\u200b", max_size=60), st.data())
def test_whatever_stands_there_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))]
    found = shown(quote, 1, [text])
    if found:
        assert "".join(filter(str.isalnum, found[1].lower())) in "".join(filter(str.isalnum, text.lower()))


@pytest.mark.parametrize("piece", ["a", "ab ", "a-", "\n", "\u201c", "crane "])
def test_hostile_pages_cost_work_in_proportion_to_their_length(piece: str) -> None:
    quote = piece * 300 + "b"
    text = piece * (20_000 // len(piece))
    assert calls(lambda: shown(quote, 1, [text * 2])) <= 2.5 * calls(lambda: shown(quote, 1, [text])) + 500


def test_the_local_tagger_shows_the_sentence_of_each_tag() -> None:
    tagging = tag_locally(question(num_tags=3, evidence=True))
    assert tagging.evidence
    assert {each.tag for each in tagging.evidence} <= set(tagging.tags)
    for each in tagging.evidence:
        assert each.quote in TEXT
        assert each.tag.replace("-", " ") in each.quote.lower()
        assert each.quote.endswith(".")
    assert tag_locally(question()).evidence is None


def test_a_sentence_is_bounded_and_begins_with_a_word() -> None:
    long = "alpha beta " * 100 + "quay wall " + "gamma delta " * 100
    [found] = sentences(["quay-wall"], [long])
    assert "quay wall" in found.quote
    assert len(found.quote) <= QUOTE_MAX_CHARACTERS
    assert set(found.quote.split()) <= {"alpha", "beta", "quay", "wall", "gamma", "delta"}
    assert sentences(["wall"], ["One.\n\nThe quay wall"])[0].quote == "The quay wall"
    assert sentences(["absent"], PAGES) == []
    assert [each.quote for each in sentences(["diver", "harbour-offices"], PAGES)] == [
        "Divers check the \u201cquay wall\u201d each spring, and its firefighting pumps each week.",
        "The Harbour Office keeps a list of cranes.",
    ]


async def test_a_model_is_asked_for_quotes_and_only_true_ones_are_kept(provider: Provider, tagger: ModelTagger) -> None:
    said = [
        {"tag": "Safety Manual", "page": 9, "quote": "the safety manual tells"},
        {"tag": "compliance", "page": 1, "quote": "The manual orders compliance at gunpoint."},
        {"tag": "Workplaces", "page": 1, "quote": "keeps a workplace safe"},
    ]
    provider.behaviour.answer = json.dumps({"tags": said})
    tagging = await tagger.tag(question(evidence=True, vocabulary=["safety manual", "workplace", "compliance"]), KEY)
    assert tagging.tags == ["safety-manual", "compliance", "workplace"]
    assert tagging.evidence == [
        Evidence(tag="safety-manual", page=1, quote="The safety manual tells"),
        Evidence(tag="workplace", page=1, quote="keeps a workplace safe"),
    ]
    call = provider.seen[-1]
    assert call.response_format is not None
    assert "quote" in str(call.response_format)


async def test_a_model_that_quotes_nothing_gives_no_evidence(provider: Provider, tagger: ModelTagger) -> None:
    assert (await tagger.tag(question(evidence=True), KEY)).evidence == []
    assert (await tagger.tag(question(), KEY)).evidence is None
    assert "quote" not in str(provider.seen[-1].response_format)
