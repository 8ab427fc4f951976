"""Whether text that was read out of a document is text, and what is done so that it can be used."""

import re
import unicodedata
from itertools import islice

TEXT_MAX_CHARS = 200_000
UNDECODED_MAX = 0.1
"""Of what is visible on a page. A font whose table is missing loses at least its spaces, and those are more."""
SIGNS_MAX, SIGNS_OF = 0.6, 20
"""Likewise, of at least so many characters; source code has a quarter of signs, a table of figures a third."""
SIGNS_USUAL = 0.2
"""Where there are no more in a sample, it is not looked for those that repeat: that takes longer than all the rest."""

MUDDLED_MIN, MUDDLED_OF = 0.08, 20
"""Share of words, of at least so many, with what no word has inside. Print has one in a hundred; the text that a poor
scanner puts behind its picture has more, and three times as many whose letters alone are wrong."""
MISCODED_MIN = 0.05
"""Likewise, of words of Indic scripts in which signs, digits or Latin letters stand."""
SAMPLE_CHARS, SAMPLED_AT = 800, 4
"""So many are looked at for what is misread, from so many places: pages begin with heads and stamps that tell little of
the rest. And about so many, from all over it, for signs."""
LEFTWARD_MIN = 0.2

_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]|\u00ad\n?")
# What readers put where they do not know the character: its number or name in the font, a control character, a place
# for private use (but not one that stands alone, as bullets of symbol fonts do), the replacement character.
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U0010fffd"
_UNDECODED = re.compile(
    rf"\(cid:\d+\)|(?:/[A-Za-z]{{1,5}}\d{{1,5}}\s?){{3,}}|[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]"
    rf"|(?<=\S)[{_PRIVATE}]|[{_PRIVATE}](?=\S)"
)
_NAMED = re.compile(r"/[A-Za-z]{1,5}\d")
_SIGN = re.compile(r"[!-/:-@\[-`{-~\xa1-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7\u2010-\u2bff]")
_RUN = re.compile(r"(\S)(?: ?\1){2,}")
# Each begins with what is rare and looks back from there: that is six times as fast as from letter to letter.
_MUDDLED = re.compile(
    r"[^a-z\s'\u2019./@&:-]"
    r"(?:(?<=[a-z][\dA-Z])|(?<=[|~^\\{}<>])|(?<=[A-Za-z][^\w\s'\u2019./@&:-])[^\w\s'\u2019./@&:-]*[A-Za-z])"
)
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MISCODED = re.compile(r"[\u0900-\u0dff](?:[!-,;-@\[-`{-~]+[\u0900-\u0dff]|[0-9A-Za-z])")


def clean(text: str) -> str:
    """At most `TEXT_MAX_CHARS` of a text, in NFKC, without what neither JSON nor a reader can use.

    Halves of surrogate pairs are joined where they belong together and dropped where they do not; a soft hyphen goes
    with the line break behind it.
    """
    text = text[:TEXT_MAX_CHARS]
    if text.isascii():
        return _printable(text)
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return unicodedata.normalize("NFKC", _printable(text))[:TEXT_MAX_CHARS]


def _printable(text: str) -> str:
    plain = text.replace("\n", "").isprintable()  # nearly always, and known in no time
    return text if plain else _UNPRINTABLE.sub("", text)


def letters(text: str, most: int | None = None) -> int:
    """How many letters and digits there are; counted no further than `most`."""
    if text.isascii():
        count = len(text.encode().translate(None, _ASCII_SIGNS))
        return count if most is None else min(count, most)
    return sum(1 for _ in islice(filter(str.isalnum, text), most))


def sample_of(text: str) -> str:
    """At most `SAMPLE_CHARS` of a text, from its beginning on; of a sample, all."""
    if len(text) <= SAMPLE_CHARS:
        return text
    places = range(0, len(text) - SAMPLED_AT + 1, len(text) // SAMPLED_AT)
    return "\n".join(text[place : place + SAMPLE_CHARS // SAMPLED_AT - 1] for place in places[:SAMPLED_AT])


def is_muddled(text: str) -> bool:
    """Whether many words are misread: signs, digits and capitals stand in them."""
    return _share(_MUDDLED, text) > MUDDLED_MIN or is_miscoded(text)


def is_miscoded(text: str) -> bool:
    """Whether a font of an Indic script tells other characters for some of its glyphs than people see."""
    return not text.isascii() and _share(_MISCODED, text) > MISCODED_MIN


def _share(fault: re.Pattern[str], text: str) -> float:
    text = sample_of(text)
    return len(fault.findall(text)) / max(MUDDLED_OF, len(text.split()))


def runs_left(text: str) -> bool:
    """Whether much of a text is written from right to left."""
    return not text.isascii() and len(_LEFTWARD.findall(text[:SAMPLE_CHARS])) > LEFTWARD_MIN * len(text[:SAMPLE_CHARS])


def is_garbled(raw: str) -> bool:
    """Whether a text, as it was read and not yet cleaned, is not what people see on the page.

    Its font did not say which characters its glyphs are, so that too much is undecoded, or came out as signs.
    """
    raw = raw[:TEXT_MAX_CHARS]
    return _is_undecoded(raw) or _is_signs(raw)


def _is_undecoded(raw: str) -> bool:
    if not _may_be_undecoded(raw.replace("\n", "")):
        return False
    undecoded = sum(len(each[0]) for each in _UNDECODED.finditer(raw))
    return undecoded > UNDECODED_MAX * len("".join(raw.split()))


def _may_be_undecoded(line: str) -> bool:
    """Whether it is worth a closer look: found out, or not, in a tenth of the time."""
    named = "(cid:" in line or ("/" in line and _NAMED.search(line) is not None)
    return named or "\ufffd" in line or not line.isprintable()


def _is_signs(raw: str) -> bool:
    some = "".join(raw[:: 1 + len(raw) // SAMPLE_CHARS].split())
    if len(_SIGN.findall(some)) <= SIGNS_USUAL * len(some):
        return False
    text = _RUN.sub(r"\1", raw)  # dots that lead to a page number, lines of dashes
    return len(_SIGN.findall(text)) > SIGNS_MAX * max(SIGNS_OF, len("".join(text.split())))
