"""From a model's words to what it named.

read_tags     words → raw tags: JSON as asked, or what models answer instead of it
read_quotes   words → what it quotes for its tags
names_none    whether the words say, in the form asked for, that there is no tag
mended        words that a limit has cut → as much of their JSON as is whole
withhold      raw tags → without those that repeat a secret
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from actors.spelling import TAG_LIMIT_CHARACTERS

WORDS_LIMIT_CHARACTERS = 50_000
"""More than this of an answer is not looked at."""
JSON_STARTS = 50
"""Brackets that are tried as the beginning of JSON."""
JSON_DEPTH = 4
READ_MAX = 200
"""So many tags or quotes are looked at; nobody asks for more than a few."""
TAG_WORDS_MAX = 8
"""What has more is a sentence, whatever form it comes in."""
SENTENCE_WORDS = 3
"""What has more words and ends like a sentence is one."""
LISTED_WORDS = 6
"""What has more words is a sentence, not a tag in a list."""
LISTED_MIN = 3
"""Fewer phrases between commas are a sentence as well, unless something says that they are tags."""
SECRET_MIN_CHARACTERS = 8
"""Letters and digits of a key; a shorter one is none."""
SECRET_PART_CHARACTERS = 12
"""So many of them, with a digit among them, are a part of a key and no words."""

_FENCE = re.compile(r"```[\w-]*\n?(.*?)```", re.DOTALL)
_JSON_SIGN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
"""Brackets and commas; a text in quotation marks is one sign."""
_CLOSERS = {"[": "]", "{": "}"}
_OPENING = re.compile(r"[\[{]")
_BULLET = re.compile(r"(?:[-*•\u2013+]|\(?\d{1,2}[.)])\s+")
_LABEL = re.compile(r"[^,;:\n]{0,80}:\s*")
_TAG_LABEL = re.compile(r"\b(?:tags?|keywords?)\b", re.IGNORECASE)
_EXPLANATION = re.compile(r":\s|\s[-\u2013\u2014]\s|\s*\u2014")
_SENTENCE = re.compile(r"[!?]|[.:](?:\s|$)")
_WORD = re.compile(r"[^\W_]+")
_MARKED = re.compile(r"[,<>|=]")
"""Rows of a table or elements, no phrases."""
_ADDRESS = re.compile(r"://|\bwww\.|\S@\S")
_TAG_KEYS = ("tags", "keywords", "labels", "tag", "keyword", "label")
_NAME_KEYS = (*_TAG_KEYS, "name", "term", "value", "text")
_LABELS = {*_TAG_KEYS, *(f"#{key}" for key in _TAG_KEYS)}
_PLACEHOLDERS = {"first-tag", "second-tag"}
"""Of the form that is asked for."""
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)
_THOUGHT_ENDS, _THOUGHT_BEGINS = (re.compile(rf"<{end}(?:think|thinking|thought|reasoning)>") for end in ("/", ""))
_ELEMENT = re.compile(r"<(tag|keyword|label|item|li)\b[^<>]{0,80}>([^<>]{1,200})</\1>", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<!\S)#(\w[\w-]{1,60})")
_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e", '"') | dict.fromkeys("\u2018\u2019", "'"))
_LAST_COMMA = re.compile(r",\s{0,40}(?=[\]}])")
_BETWEEN = re.compile(r"[,;\n\u3001\uff0c\uff1b]")
"""What parts tags in a line."""

_QUOTE_KEYS = ("quote", "evidence", "text", "support")

_KEY_LIKE = re.compile(r"\b[srp]k-(?=[\w-]*\d)[\w-]{12,}|\beyJ[\w-]{10,}\.|\b(?=[A-Za-z_]*\d)(?=\d*[A-Za-z_])\w{24,}")


class Quote(NamedTuple):
    """What a model says supports a tag, as it spells it."""

    tag: str
    text: str
    page: int
    """Where it says that this stands, from 1; 0: nowhere in particular."""


def read_tags(words: str) -> list[str]:
    """The tags that an answer names, in its order, as it spells them; empty: it names none.

    Read are a JSON object or list, alone, fenced or amid prose; bulleted, numbered and plain lines; phrases between
    commas. What a model thought aloud before its answer is left out, and so are sentences and addresses.
    """
    for read in (_from_json, _from_loose_json, _from_elements, _from_list):
        for text in _texts(words):
            tags = [_ARTICLE.sub("", tag) for tag in read(text)[:READ_MAX] if _may_be_tag(tag)]
            if tags and not _LABELS.issuperset(map(str.lower, tags)):
                return tags
    return []


def read_quotes(words: str) -> list[Quote]:
    """What an answer in JSON quotes for its tags; a quote without a tag is none."""
    for text in _texts(words):
        for value in _values(text):
            if quotes := list(_quotes(value, JSON_DEPTH)):
                return quotes[:READ_MAX]
    return []


def names_none(words: str) -> bool:
    """Whether an answer is JSON with an empty list of tags."""
    values = (value for text in _texts(words) for value in _values(text))
    return any(isinstance(value, dict) and any(not value.get(key, 1) for key in _TAG_KEYS) for value in values)


def mended(words: str) -> str:
    """The words with the last list or object that is not closed ended behind its last whole item."""
    whole = ""
    closers: list[str] = []
    for sign in _JSON_SIGN.finditer(words[:WORDS_LIMIT_CHARACTERS]):
        if sign[0] in _CLOSERS:
            closers.append(_CLOSERS[sign[0]])
        elif sign[0] == "," and closers:
            whole = words[: sign.start()] + "".join(reversed(closers))
        elif closers and sign[0] == closers[-1]:
            closers.pop()
    return whole if closers else words


def _texts(words: str) -> list[str]:
    """Where an answer may stand: what is fenced, then all of it."""
    words = _THOUGHT_ENDS.split(words[:WORDS_LIMIT_CHARACTERS])[-1]
    words = _THOUGHT_BEGINS.split(words, 1)[0]
    return [*(block[1] for block in _FENCE.finditer(words)), words]


def _may_be_tag(tag: str) -> bool:
    words = len(_WORD.findall(tag))
    is_sentence = words > TAG_WORDS_MAX or (words > SENTENCE_WORDS and _SENTENCE.search(tag))
    return not (is_sentence or _ADDRESS.search(tag) or tag.lower() in _PLACEHOLDERS)


def _from_json(text: str) -> list[str]:
    values = list(_values(text))
    if len(values) > 1 and all(isinstance(value, dict) and _named(value) for value in values):
        return list(map(_named, values))  # an object a line
    return next(filter(None, (_strings(value, JSON_DEPTH) for value in values)), [])


def _from_loose_json(text: str) -> list[str]:
    """JSON with the quotation marks of print or of a program, or a comma too many."""
    text = text.translate(_QUOTES)
    return _from_json(_LAST_COMMA.sub("", text if '"' in text else text.replace("'", '"')))


def _from_elements(text: str) -> list[str]:
    """The elements of XML or HTML, or hashtags."""
    hashtags = _HASHTAG.findall(text)
    return [element[2].strip() for element in _ELEMENT.finditer(text)] or (hashtags if len(hashtags) > 1 else [])


def _values(text: str) -> Iterator[object]:
    """The JSON values that begin anywhere in a text."""
    decoder = json.JSONDecoder(strict=False)
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
        yield value


def _quotes(value: object, depth: int) -> Iterator[Quote]:
    """The objects in a JSON value that name a tag and quote something for it."""
    if depth == 0 or not isinstance(value, dict | list):
        return
    for each in value if isinstance(value, list) else [value, *value.values()]:
        if isinstance(each, dict) and (tag := _named(each)) and (text := _quoted(each)):
            page = each.get("page")
            yield Quote(tag, text, page if type(page) is int else 0)
        elif each is not value:
            yield from _quotes(each, depth - 1)


def _quoted(item: dict[str, object]) -> str:
    return next((text for key in _QUOTE_KEYS if isinstance(text := item.get(key), str)), "")


def _strings(value: object, depth: int) -> list[str]:
    """The tags in a JSON value: a list of strings or of named objects, under a telling key or the only list there."""
    if isinstance(value, str):
        return _from_json(value) or [part.strip() for part in _BETWEEN.split(value)]
    if isinstance(value, list):
        return [tag for tag in map(_named, value) if tag]
    if not isinstance(value, dict) or depth == 0:
        return []
    for key in _TAG_KEYS:
        if tags := _grouped(value.get(key), depth - 1) or _strings(value.get(key), depth - 1):
            return tags
    nested = (_strings(each, depth - 1) for each in value.values() if _may_hold_tags(each))
    return next(filter(None, nested), [])


def _may_hold_tags(value: object) -> bool:
    return isinstance(value, list | dict) or (isinstance(value, str) and value[:1] in {"[", "{"})


def _grouped(value: object, depth: int) -> list[str]:
    """The tags in an object below a telling key: each with a number, or behind one, or lists of them."""
    if not isinstance(value, dict):
        return []
    if all(isinstance(each, int | float) for each in value.values()):
        return list(value)
    lists = (each for key, each in value.items() if isinstance(each, list) or key.isdigit())
    return [tag for each in lists for tag in _strings(each, depth)]


def _named(item: object) -> str:
    if isinstance(item, dict):
        item = next((item[key] for key in _NAME_KEYS if key in item), "")
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
        items = [item for part in _BETWEEN.split(phrases) if (item := _clean(part))]
        needed = 1 if label and _TAG_LABEL.search(label[0]) else LISTED_MIN
        if len(items) >= needed and all(map(_listed, items)):
            return items
    return []


def _plain_lines(lines: list[str]) -> list[str]:
    items = [item for line in lines if not line.endswith(":") and (item := _clean(line)).lower() not in _LABELS]
    return items if len(items) >= LISTED_MIN and all(map(_listed, items)) and not _MARKED.search("".join(items)) else []


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
