"""The settings of a batch: nothing is converted, every wrong one is named."""

import pytest

from protocol.config import FALLBACK_MODELS_MAX, LOCAL_MODEL, TaggingConfig, read_config
from protocol.faults import Faults, InvalidRequest


def read(**config: object) -> TaggingConfig:
    faults = Faults()
    settings = read_config(config, faults)
    faults.settle()
    return settings


def paths(**config: object) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        read(**config)
    return [fault.path for fault in refused.value.faults]


def test_all_settings_are_read() -> None:
    assert read(
        api_key="k", model_name="m/1", num_pages=10, num_tags=15, exclusion_words=["draft"], vocabulary=["law"]
    ) == TaggingConfig(
        api_key="k", model_name="m/1", num_pages=10, num_tags=15, exclusion_words=["draft"], vocabulary=["law"]
    )


@pytest.mark.parametrize("name", ["num_pages", "num_tags"])
@pytest.mark.parametrize("value", ["7", 7.0, True, None, [], -1, 0, 16, 10**400])
def test_a_number_of_the_wrong_kind_or_size_is_named(name: str, value: object) -> None:
    assert paths(**{name: value}) == [f"config.{name}"]


@pytest.mark.parametrize(
    ("low", "high", "name"), [(1, 10, "num_pages"), (3, 15, "num_tags")], ids=["num_pages", "num_tags"]
)
def test_the_bounds_themselves_are_allowed(low: int, high: int, name: str) -> None:
    assert read(**{name: low}) != read(**{name: high})
    assert paths(**{name: low - 1}) == paths(**{name: high + 1}) == [f"config.{name}"]


@pytest.mark.parametrize(("name", "high"), [("rpm", 100_000), ("tpm", 1_000_000_000), ("concurrency", 1_000)])
def test_a_budget_is_a_whole_number_within_its_bounds_or_left_out(name: str, high: int) -> None:
    assert read(**{name: 1}) != read(**{name: high})
    assert read(**{name: None}) == read(**{name: ""}) == TaggingConfig()
    wrong: tuple[object, ...] = (0, high + 1, -1, 1.0, "60", True, [])
    for value in wrong:
        assert paths(**{name: value}) == [f"config.{name}"]


@pytest.mark.parametrize("name", ["api_key", "model_name"])
@pytest.mark.parametrize("value", ["", None])
def test_an_empty_text_counts_as_left_out(name: str, value: object) -> None:
    assert read(**{name: value}) == TaggingConfig()


@pytest.mark.parametrize("name", ["api_key", "model_name"])
@pytest.mark.parametrize("value", [7, True, ["k"], {}, "a\nb", "a\x00", "\ud800", "k" * 1_001])
def test_a_text_that_will_not_do_is_named(name: str, value: object) -> None:
    assert paths(**{name: value}) == [f"config.{name}"]


@pytest.mark.parametrize("api_key", ["a b", "schlüssel", " k", "k\u200b"])
def test_a_key_that_no_header_can_carry_is_refused(api_key: str) -> None:
    assert paths(api_key=api_key) == ["config.api_key"]


@pytest.mark.parametrize("name", ["exclusion_words", "vocabulary"])
def test_a_wrong_word_is_named_by_its_place(name: str) -> None:
    assert paths(**{name: ["a", 7, "b", "", "x" * 101]}) == [f"config.{name}[{at}]" for at in (1, 3, 4)]


@pytest.mark.parametrize("value", ["a, b", None, {}, 7, ["a"] * 10_001])
def test_words_must_be_a_list_of_bounded_length(value: object) -> None:
    assert paths(exclusion_words=value) == ["config.exclusion_words"]


def test_models_that_step_in_are_named_in_their_order() -> None:
    models = ["b/1", LOCAL_MODEL]
    assert read(fallback_models=models).fallback_models == models
    assert read(fallback_models=[]) == TaggingConfig()
    assert paths(fallback_models=["a", 7, "", "local/other", "m" * 201]) == [
        f"config.fallback_models[{at}]" for at in (1, 2, 3, 4)
    ]
    wrong: tuple[object, ...] = (None, "b/1", {}, ["m"] * (FALLBACK_MODELS_MAX + 1))
    for value in wrong:
        assert paths(fallback_models=value) == ["config.fallback_models"]


@pytest.mark.parametrize("value", [None, 0, 1, "true", "on", []])
def test_evidence_is_wanted_or_not(value: object) -> None:
    assert read(evidence=True) != read(evidence=False) == TaggingConfig()
    assert paths(evidence=value) == ["config.evidence"]


@pytest.mark.parametrize("value", [None, "", "en", "English", ["english"], {}, True])
def test_tags_are_in_the_documents_language_or_in_english(value: object) -> None:
    assert read(language="english") != read(language="document") == TaggingConfig()
    assert paths(language=value) == ["config.language"]


def test_an_unknown_setting_is_named_in_a_form_fit_for_a_terminal() -> None:
    assert paths(**{"tags\x1b[31m": 1, "n" * 100: 1}) == ["config.tags??31m", f"config.{'n' * 64}…"]


@pytest.mark.parametrize(("value", "why"), [(None, "is missing"), ([], "wants an object"), ("a", "wants an object")])
def test_settings_must_be_an_object(value: object, why: str) -> None:
    faults = Faults()
    read_config(value, faults)
    with pytest.raises(InvalidRequest, match=f"config: {why}"):
        faults.settle()
