"""What a model's words become: which tags they name, and how all tags are spelled."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.answer import mended, names_none, read_tags, withhold

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "words",
    [
        '{"tags": ["employee-training", "onboarding", "safety"]}',
        '  \n{"tags": ["employee-training", "onboarding", "safety"]}\n',
        '["employee-training", "onboarding", "safety"]',
        '```json\n{"tags": ["employee-training", "onboarding", "safety"]}\n```',
        '```\n["employee-training", "onboarding", "safety"]\n```',
        'Here you are [as asked]: {"tags": ["employee-training", "onboarding", "safety"]} Good luck!',
        '<think>Perhaps {"tags": ["weather"]}?</think>{"tags": ["employee-training", "onboarding", "safety"]}',
        '{"result": {"tags": ["employee-training", "onboarding", "safety"], "sure": true}}',
        '{"keywords": ["employee-training", "onboarding", "safety"]}',
        '{"tags": "employee-training, onboarding, safety"}',
        '{"tags": [{"tag": "employee-training"}, {"name": "onboarding", "score": 0.4}, {"label": "safety"}]}',
        '{"tags": ["1. employee-training", "2. onboarding", null, 7, "3. safety"]}',
        '{"tags": []} I mean {"tags": ["employee-training", "onboarding", "safety"]}',
        "- employee-training\n- onboarding\n- safety",
        "* **employee-training**\n* `onboarding`\n* _safety_",
        "1. employee-training\n2) onboarding\n(3) safety",
        "Here are the tags:\n\n• employee-training: what new people learn\n• onboarding - their first days\n• safety",
        "employee-training, onboarding, safety",
        "Tags: employee-training; onboarding; safety.",
        "Sure. These are my\nTags: #employee-training, #onboarding, #safety",
        "['employee-training', 'onboarding', 'safety']",
        "{'tags': ['employee-training', 'onboarding', 'safety']}",
        "{“tags”: [“employee-training”, “onboarding”, “safety”,]}",
        '{"tags": ["employee-training",\n "onboarding", "safety",\n]}',
        '{"tags": {"employee-training": 0.9, "onboarding": 0.8, "safety": 1}}',
        '{"tags": {"1": "employee-training", "2": "onboarding", "3": "safety"}}',
        '{"tags": {"subjects": ["employee-training", "onboarding"], "field": ["safety"]}}',
        '{"tags": [{"value": "employee-training"}, {"term": "onboarding"}, {"text": "safety"}]}',
        '{"tag": "employee-training"}\n{"tag": "onboarding"}\n{"tag": "safety"}',
        '{"name": "give", "arguments": "{\\"tags\\": [\\"employee-training\\", \\"onboarding\\", \\"safety\\"]}"}',
        '{"tags": "employee-training\nonboarding\nsafety"}',
        "<tags><tag>employee-training</tag>\n<tag>onboarding</tag><tag>safety</tag></tags>",
        "<ul>\n<li>employee-training</li>\n<li class='a'>onboarding</li>\n<li>safety</li>\n</ul>",
        "#employee-training #onboarding #safety",
        "employee-training、onboarding、safety",
        "tags\nemployee-training\nonboarding\nsafety",
        '<thinking>{"tags": ["weather"]}</thinking>["employee-training", "onboarding", "safety"]',
        '["employee-training", "onboarding", "safety"]<think>or {"tags": ["weather"]}',
        '{"tags": ["the employee-training", "An onboarding", "It covers the rest too.", "safety"]}',
        "employee-training\nonboarding\nsafety",
        "The tags are:\nemployee-training\nonboarding\nsafety\n",
    ],
)
def test_tags_are_read_from_whatever_form_a_model_gives_them(words: str) -> None:
    assert read_tags(words) == ["employee-training", "onboarding", "safety"]


def test_a_label_says_that_a_short_list_is_one_of_tags() -> None:
    assert read_tags("Tags: safety, onboarding") == ["safety", "onboarding"]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "I would rather talk about the weather.",
        "I'm sorry, but I cannot help with that.",
        "Sure, with pleasure, here you go!",
        "Well, this is a long sentence that says something, and another one that goes on and on, and yet one more.",
        '{"tags": ["employee-training", "onboar',
        '["employee-training", "onboarding", "safe',
        '{"tags": []}',
        '{"tags": null}',
        "{}",
        "null",
        "[1, 2, 3]",
        "[" * 40_000,
        '{"a":' * 40_000,
        "See [1], [2] and {3}.",
        '{"tags": ["first-tag", "second-tag"]}',
        '{"type": "object", "properties": {"tags": {"type": "array"}}, "required": ["tags"]}',
        '<think>perhaps {"tags": ["weather"]}',
        "tag,score\nsafety,0.9\nonboarding,0.8",
        '{"one": {"two": {"three": {"four": {"five": ["too deep"]}}}}}',
    ],
)
def test_nothing_is_read_where_no_tags_are(words: str) -> None:
    assert read_tags(words) == []


@given(st.text(max_size=400))
@example("``````")
def test_reading_never_fails(words: str) -> None:
    assert all(isinstance(tag, str) for tag in read_tags(words))


@pytest.mark.parametrize(
    "leak",
    [
        KEY,
        KEY.upper(),
        f"the key is {KEY}",
        KEY.replace("-", " "),
        KEY[9:25],
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0",
        "sk-proj-a1b2c3d4e5f6g7",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_a_tag_that_gives_a_key_away_is_withheld(leak: str) -> None:
    assert withhold(["safety", leak], KEY) == ["safety"]


def test_words_are_not_taken_for_a_key() -> None:
    raw = ["sk-learn-pipelines", "internationalization", "api-key-management", "2023-annual-report", "a"]
    assert withhold(raw, "a-key-of-the-bench") == raw
    assert withhold(raw, "") == raw


def test_an_answer_that_says_there_is_no_tag_is_told_from_one_that_says_nothing() -> None:
    assert all(map(names_none, ['{"tags": []}', '```json\n{"keywords": null}\n```', 'None: {"tags": ""}']))
    assert not any(map(names_none, ["", "[]", "{}", "I cannot say.", '{"tags": ["safety"]}', '{"tags": ["saf']))


def test_a_cut_answer_ends_behind_its_last_whole_item() -> None:
    assert (
        mended('So: {"tags": [{"tag": "a, b", "page": 1}, {"tag": "c') == 'So: {"tags": [{"tag": "a, b", "page": 1}]}'
    )
    assert mended('{"tags": ["a"]} and more') == '{"tags": ["a"]} and more'
    assert mended('{"tags": ["a') == ""
