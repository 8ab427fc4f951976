"""What holds of the local tagger's tags in every kind of text, whatever its language: nobody is ashamed of one."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowballstemmer import stemmer

from actors.errors import DocumentRefused
from actors.languages import without_numbers
from actors.tag import tag_locally
from tests.foreign_kinds import FOREIGN_KINDS
from tests.office_kinds import OFFICE
from tests.prose_kinds import TEXTS
from tests.questions import question
from tests.sheet_kinds import SHEETS

ENGLISH_KINDS = TEXTS | SHEETS | OFFICE
KINDS = ENGLISH_KINDS | FOREIGN_KINDS

# Of our own, and not those of the tagger.
ARTICLES = {
    "en": "a an the",
    "": "der die das den dem des ein eine le la les un une l d el los las una il lo gli o os as um uma de het een",
}
NUMBERS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen twenty thirty forty fifty "
    "hundred thousand million half first second third fourth fifth",
    "": "eins zwei drei vier fünf sechs zehn zwanzig hundert tausend zwölf vierzehn deux trois quatre cinq six dix "
    "vingt trente quarante cent cents mille premier dos tres cuatro cinco nueve diez mil primero segundo tercero due "
    "tre terza quattro venti dois três nove segunda drie twee twintig दो तीन चार पाँच सौ बीस पहली करोड़",
}
FUNCTION = {
    "en": "of and the to in for with by on at from or as is are was that this it be which were between than",
    "": "und oder mit von zu im am auf für ist nicht wird wurde bei nach et ou avec pour dans sur par est sont que qui "
    "pas plus y con para por en es se no e di per non che è em com não van met voor niet dat "
    "के में की है और से का को पर ने यह हैं",
}
SENTENCES = [piece for text in ENGLISH_KINDS.values() for piece in re.split(r"(?<=[.\n])", text)]
PIECES = [piece for piece in SENTENCES if piece and not piece.endswith("-\n")]
UNITS = frozenset(re.findall(r"\S+", "mg l g kg km m cm mm ml dl µg µs mmol µmol ph tb gb mb s nl ng h min c"))
CUT = re.compile(r"(?<=\w)-[ \t]*\n[ \t]*(?=\w)")
STEMMERS = {
    "en": "porter",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "hi": "hindi",
}


def known(words: dict[str, str], language: str) -> set[str]:
    return set(words["en" if language == "en" else ""].split())


def tags(text: str) -> list[str]:
    return tag_locally(question(text, num_tags=15)).tags


def words_of(text: str) -> list[str]:
    """The whole words of a text, without an s at their ends: a tag may be in the singular."""
    low = re.sub(r"['\u2019]s\b", "", unicodedata.normalize("NFKC", text.replace("\u00ad", "")).lower())
    spaced = "".join(
        sign if sign.isalnum() or unicodedata.category(sign) in {"Mn", "Mc", "Cf"} else " " for sign in low
    )
    return [word.removesuffix("s") for word in spaced.split()]


def stands_in(tag: str, text: str) -> bool:
    """Whether its words follow each other there, cut words made whole or not."""
    wanted = f" {' '.join(words_of(tag))} "
    return any(wanted in f" {' '.join(words_of(CUT.sub(joint, text)))} " for joint in ("", "-"))


def check(text: str, language: str = "en") -> None:
    """No number or article in front, no function word behind, no cut word, no mere unit, none twice."""
    tagging = tag_locally(question(text, num_tags=15))
    names_something = language != "en" or not tagging.metadata
    for tag in tagging.tags:
        words = tag.split("-")
        assert not words[0][0].isdigit(), tag
        assert stands_in(tag, text), tag
        if names_something:
            assert not UNITS.issuperset(words), tag
            assert words[0] not in known(ARTICLES, language) | known(NUMBERS, language), tag
            assert words[-1] not in known(FUNCTION, language), tag
    for stem in (stemmer("porter").stemWord, stemmer(STEMMERS[language]).stemWord):
        assert len({tuple(sorted(map(stem, tag.split("-")))) for tag in tagging.tags}) == len(tagging.tags), (
            tagging.tags
        )
    assert len({tag.replace("-", "").removesuffix("s") for tag in tagging.tags}) == len(tagging.tags), tagging.tags


@pytest.mark.parametrize("kind", KINDS)
def test_tags_are_whole_and_lead_with_a_word(kind: str) -> None:
    assert len(tags(KINDS[kind])) >= 8
    check(KINDS[kind], kind[:2] if kind in FOREIGN_KINDS else "en")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))
def test_so_they_are_in_any_mixture_of_texts(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        check(text)
    except DocumentRefused:
        assert not any(map(str.isalpha, without_numbers(text.lower())))


EXPECTED = {
    "news": {"flood-defences", "environment-agency", "flood-insurance"},
    "minutes": {"parish-council", "street-lighting", "bus-shelter"},
    "table": {"wheat-production", "winter-wheat-area", "national-statistics-office"},
    "invoice": {"office-chair"},
    "recipe": {"red-lentils", "lentil-soup", "olive-oil", "vegetable-stock"},
    "legal": {"residential-tenancy-agreement", "landlord", "deposit"},
    "curriculum vitae": {"earthquake-engineering", "structural-engineer"},
    "code": {"job-queue", "exponential-backoff"},
    "letter": {"pension-forecast", "state-pension"},
    "slides": {"electric-bikes", "cargo-bikes", "gross-margin"},
    "manual": {"guide-bar", "chain-brake", "air-filter"},
    "medical": {"knee-replacement", "knee-joint"},
    "cut words": {"street-lighting", "motion-sensors", "luminaires", "municipality"},
    "capitals": {"solar-panels"},
    "sport": {"relegation-zone"},
    "speech": {"reading-room", "library"},
    "report": {"timber-houses", "roof-insulation", "timber-frames"},
    "match": {"luca-moretti", "knee-injury", "yellow-cards"},
    "results of a year": {"chipmaker", "revenue-forecast", "smartphones"},
    "club": {"boathouse-roof", "autumn-regatta"},
    "two columns": {"harbour-authority", "fishing-quotas"},
    "contents": {"porous-media", "adaptive-mesh-refinement", "groundwater-remediation"},
    "bill": {"consumer-unit", "armoured-cable"},
    "cut compounds": {"high-strength-steel", "x-ray-lab"},
    "e-mail": {"freight-forwarder", "container"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_what_a_text_is_about_is_among_them(kind: str) -> None:
    assert EXPECTED[kind] <= set(tags(ENGLISH_KINDS[kind]))
