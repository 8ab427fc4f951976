"""From a model's words to tags: what it named, and the one spelling that all tags have.

read_tags   words → raw tags: JSON as asked, or what models answer instead of it
withhold    raw tags → without those that repeat a secret
normalise   raw tags → tags; also for the tagger that needs no model
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

WORDS_LIMIT_CHARACTERS = 50_000
"""More than this of an answer is not looked at."""
TAG_LIMIT_CHARACTERS = 60
JSON_STARTS = 50
"""Brackets that are tried as the beginning of JSON."""
JSON_DEPTH = 4
LISTED_WORDS = 6
"""What has more words is a sentence, not a tag in a list."""
LISTED_MIN = 3
"""Fewer phrases between commas are a sentence as well, unless something says that they are tags."""
REMEMBERED_CHARACTERS = 4_096
SECRET_MIN_CHARACTERS = 8
"""Letters and digits of a key; a shorter one is none."""
SECRET_PART_CHARACTERS = 12
"""So many of them, with a digit among them, are a part of a key and no words."""

_FENCE = re.compile(r"```[\w-]*\n?(.*?)```", re.DOTALL)
_OPENING = re.compile(r"[\[{]")
_BULLET = re.compile(r"(?:[-*•\u2013+]|\(?\d{1,2}[.)])\s+")
_LABEL = re.compile(r"[^,;:\n]{0,80}:\s*")
_TAG_LABEL = re.compile(r"\b(?:tags?|keywords?)\b", re.IGNORECASE)
_EXPLANATION = re.compile(r":\s|\s[-\u2013\u2014]\s|\s*\u2014")
_SENTENCE = re.compile(r"[!?]|[.:](?:\s|$)")
_TAG_KEYS = ("tags", "keywords", "labels", "tag", "keyword", "label", "name")

_POSSESSIVE = re.compile(r"['\u2019](?=s\b)")
_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")
_JOINERS = "\u200c\u200d"
_SCRIPTS_WITH_JOINERS = r"\u0590-\u1fff\ua800-\uabff\U00010a00-\U00011fff"
_LOOSE_JOINERS = re.compile(rf"(?<![{_SCRIPTS_WITH_JOINERS}])[{_JOINERS}]+|[{_JOINERS}]+(?=-|$)")
"""Zero-width joiners, but for those within Arabic, Devanagari ...: there they belong to the spelling of a word."""
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)

_KEY_LIKE = re.compile(r"\b[srp]k-(?=[\w-]*\d)[\w-]{12,}|\beyJ[\w-]{10,}\.|\b(?=[A-Za-z_]*\d)(?=\d*[A-Za-z_])\w{24,}")


def read_tags(words: str) -> list[str]:
    """The tags that an answer names, in its order, as it spells them; empty: it names none.

    Read are a JSON object or list, alone, fenced or amid prose; bulleted, numbered and plain lines; phrases between
    commas. What a model thought aloud before its answer is left out.
    """
    words = words[:WORDS_LIMIT_CHARACTERS].rpartition("</think>")[2]
    texts = [*(block[1] for block in _FENCE.finditer(words)), words]
    for read in (_from_json, _from_list):
        for text in texts:
            if tags := read(text):
                return tags
    return []


def _from_json(text: str) -> list[str]:
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(JSON_STARTS):
        opening = _OPENING.search(text, position)
        if opening is None:
            break
        try:
            value, position = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            position = opening.end()
            continue
        if tags := _strings(value, JSON_DEPTH):
            return tags
    return []


def _strings(value: object, depth: int) -> list[str]:
    """The tags in a JSON value: a list of strings or of named objects, under a telling key or the only list there."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, list):
        return [tag for tag in map(_named, value) if tag]
    if not isinstance(value, dict) or depth == 0:
        return []
    for key in _TAG_KEYS:
        if tags := _strings(value.get(key), depth - 1):
            return tags
    nested = (_strings(each, depth - 1) for each in value.values() if isinstance(each, list | dict))
    return next(filter(None, nested), [])


def _named(item: object) -> str:
    if isinstance(item, dict):
        item = next((item[key] for key in _TAG_KEYS if key in item), "")
    return _BULLET.sub("", item.strip(), count=1) if isinstance(item, str) else ""


def _from_list(text: str) -> list[str]:
    if "{" in text or text.count("[") != text.count("]"):
        return []  # JSON that broke off: half an answer is none
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    bulleted = [line[bullet.end() :] for line in lines if (bullet := _BULLET.match(line))]
    if len(bulleted) >= 2:
        return [item for line in bulleted if _listed(item := _clean(_EXPLANATION.split(line)[0]))]
    return _between_commas(lines) or _plain_lines(lines)


def _between_commas(lines: list[str]) -> list[str]:
    for line in lines:
        label = _LABEL.match(line)
        phrases = line[label.end() :] if label else line
        items = [item for part in re.split(r"[,;]", phrases) if (item := _clean(part))]
        needed = 1 if label and _TAG_LABEL.search(label[0]) else LISTED_MIN
        if len(items) >= needed and all(map(_listed, items)):
            return items
    return []


def _plain_lines(lines: list[str]) -> list[str]:
    items = [_clean(line) for line in lines if not line.endswith(":")]
    return items if len(items) >= LISTED_MIN and all(map(_listed, items)) else []


def _clean(item: str) -> str:
    return item.strip(" \t*_`'\"\u2018\u2019\u201c\u201d\u201e[]()#.")


def _listed(item: str) -> bool:
    short = 0 < len(item) <= TAG_LIMIT_CHARACTERS and len(item.split()) <= LISTED_WORDS
    return short and any(map(str.isalpha, item)) and not _SENTENCE.search(item)


def withhold(raw: Iterable[str], secret: str) -> list[str]:
    """The tags that hold neither the secret (an api key), nor a part of it, nor anything that looks like a key."""
    squeezed = _squeeze(secret)
    return [tag for tag in raw if not _KEY_LIKE.search(tag) and not _share(_squeeze(tag), squeezed)]


def _squeeze(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _share(tag: str, secret: str) -> bool:
    if len(secret) < SECRET_MIN_CHARACTERS:
        return False
    starts = range(len(tag) - SECRET_PART_CHARACTERS + 1)
    parts = (tag[start : start + SECRET_PART_CHARACTERS] for start in starts)
    return secret in tag or any(part in secret and not part.isalpha() for part in parts)


def normalise(
    raw: Iterable[str], *, count: int, exclusion_words: Sequence[str] = (), vocabulary: Sequence[str] = ()
) -> list[str]:
    """Tags as the seed spells them (`employee-training`), best first, each once, at most `count`.

    Dropped are tags that are an excluded word or hold one as a whole word of theirs, and, where a vocabulary is
    given, tags that are none of its terms; both are compared in this same spelling. Applied to its own result it
    changes nothing.
    """
    excluded, terms = spellings(tuple(exclusion_words)), spellings(tuple(vocabulary))
    tags = dict.fromkeys(filter(None, map(kebab, raw)))
    kept = [tag for tag in tags if (not terms or tag in terms) and not is_excluded(tag, excluded)]
    return kept[:count]


def is_excluded(tag: str, excluded: Iterable[str]) -> bool:
    """Whether a tag is, or holds as whole words, one of the excluded ones."""
    return any(f"-{word}-" in f"-{tag}-" for word in excluded)


@lru_cache(maxsize=32)
def spellings(words: tuple[str, ...]) -> dict[str, None]:
    """The words of a job in the spelling of tags, in their order; remembered, as all rows of a job share them."""
    return dict.fromkeys(filter(None, map(kebab, words)))


def kebab(text: str) -> str:
    """A phrase as a tag; empty if no letter is in it.

    At most `TAG_LIMIT_CHARACTERS`, cut between words where that is possible.
    """
    spelled = spell(text[: 4 * TAG_LIMIT_CHARACTERS])
    if len(spelled) > TAG_LIMIT_CHARACTERS:
        whole_words = spelled[: TAG_LIMIT_CHARACTERS + 1].rpartition("-")[0]
        spelled = (whole_words or spelled[:TAG_LIMIT_CHARACTERS]).rstrip(_JOINERS)
    return spelled if any(map(str.isalpha, spelled)) else ""


def spell(text: str) -> str:
    """A text of any length in lower case, its words joined by hyphens.

    Letters and digits of all scripts stay, with their combining marks; everything else separates words.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    text = _POSSESSIVE.sub("", text)
    if text.isascii():
        return _NOT_ASCII_WORD.sub("-", text).strip("-")
    words = filter(None, map(_from_letter, text.translate(_CHARACTERS).split("-")))
    return _settled("-".join(words))


def _settled(text: str) -> str:
    """Without loose joiners, composed: taking one out lets a mark meet another letter, which may loosen the next."""
    while (settled := unicodedata.normalize("NFKC", _LOOSE_JOINERS.sub("", text))) != text:
        text = settled
    return text


def _from_letter(word: str) -> str:
    start = 0
    while word[start : start + 1] and not word[start].isalnum():
        start += 1
    return word[start:]


class _Characters(dict[int, str]):
    """What `spell` makes of a character: itself, a hyphen, or nothing."""

    def __missing__(self, code: int) -> str:
        kept = self._kept(code)
        if len(self) < REMEMBERED_CHARACTERS:
            self[code] = kept
        return kept

    @staticmethod
    def _kept(code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)
        if kind[0] in "LN" or character in _JOINERS:
            return character
        if kind in ("Mn", "Mc"):
            return "" if code in _VARIATION_SELECTORS else character
        return "" if kind in ("Cf", "Me") else "-"


_CHARACTERS = _Characters()
