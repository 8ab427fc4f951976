"""The parts of a document: what stands before its abstract, the keywords that its authors list, and the body.

Every repetition in a pattern is bounded or cannot begin again inside itself.
"""

import re
from typing import NamedTuple

from actors.lexicon import AUXILIARIES
from actors.phrases import MAX_WORDS, edged, tokenise
from actors.prose import ends_here

MAX_DECLARED = 15  # keywords are believed of those that the authors list

HEADER_CHARACTERS = 4_000  # an abstract begins within them, or there is none
DECLARED_CHARACTERS = 600  # no list of keywords is longer
# Written as a heading on a line of its own, or, where the text has lost its lines, in capitals or before a sentence.
ABSTRACT = re.compile(
    r"(?m:^)\W{0,3}(?:Abstract\b|(?i:summary)\W{0,2}(?m:$))|\bABSTRACT\b|\bAbstract(?=[.:\u2014]|\s(?:The|This|In|We|A)\s)"
)
BACK_MATTER = re.compile(
    r"(?m:^)[\d. ]{0,6}(?i:references|bibliography|literature cited|acknowledge?ments?)\W{0,2}(?m:$)"
    r"|\b(?:REFERENCES|References)\s{1,3}\[?1\b"
)
KEYWORD_LIST = re.compile(r"\b(?:Key[ -]?[Ww]ords|KEY[ -]?WORDS|Index Terms|INDEX TERMS)(?i: and phrases)?\b")
SEPARATOR = re.compile(r"[,;\u2022\u00b7|]|\s[\u2013\u2014-]\s")
LIST_END = re.compile(
    r"\n[ \t]*\n|\n(?=[A-Z][\w-]{2,30}:\s)"
    r"|[\d.\s]{1,6}(?i:introduction)\b|\n(?=[A-Z]{3})|\.\s(?=[A-Z])|(?i:general terms|categories and)\b"
)
FORMALITIES = re.compile(
    r"Categories and Subject Descriptors.{0,400}?(?=General Terms|Keywords|(?i:introduction))"
    r"|General Terms.{0,200}?(?=Keywords|(?i:introduction))"
    r"|Permission to make digital or hard copies.{0,800}?(?:and/or a fee|Copyright \d{4})",
    re.DOTALL,
)


class Parts(NamedTuple):
    """What a document is made of; references and formalities are left out."""

    header: str
    """Title, authors, their addresses: what stands before the abstract."""
    declared: str
    """What the authors list as keywords."""
    body: str


def take_apart(text: str) -> Parts:
    """The parts of a tidied text that still has its lines."""
    back = BACK_MATTER.search(text, len(text) // 2)
    text, declared = _cut_declared(text[: back.start()] if back else text)
    text = FORMALITIES.sub("\n\n", text)
    abstract = ABSTRACT.search(text[:HEADER_CHARACTERS])
    if not abstract:
        return Parts("", declared, text)
    return Parts(text[: abstract.start()], declared, text[abstract.end() :])


def _cut_declared(text: str) -> tuple[str, str]:
    heading = KEYWORD_LIST.search(text)
    if not heading:
        return text, ""
    window = text[heading.end() : heading.end() + DECLARED_CHARACTERS]
    end = LIST_END.search(window, 2)
    declared = window[: end.start()] if end else window[: max(map(window.rfind, ",;\n")) + 1]
    declared = _until_a_line_ends_it(declared, text[: heading.end()], window)
    if not any(_items(declared)):  # the word "keywords" in a sentence
        return text, ""
    return f"{text[: heading.start()]}\n\n{text[heading.end() + len(declared) :]}", declared


def _until_a_line_ends_it(declared: str, before: str, window: str) -> str:
    """A list ends with a line that has room for what the next one begins with, but not behind a comma."""
    lines = ["", *(before[before.rfind("\n") + 1 :] + window).split("\n")]
    end = 0
    for at, line in enumerate(declared.split("\n"), 1):
        end += len(line) + 1
        if SEPARATOR.search(declared[:end]) and line.rstrip()[-1:] not in {",", ";"} and ends_here(lines, at):
            return declared[:end]
    return declared


def listed(declared: str) -> list[str]:
    """The phrases of such a list, in lower case, that may be keywords."""
    return [" ".join(words) for words in map(edged, filter(_may_be_keyword, _items(declared))) if words]


def _items(declared: str) -> list[list[str]]:
    """The words of each item of a list, in lower case; none where it is no list."""
    items = SEPARATOR.split(declared.strip(" .:\u2014-\n").lower())[:MAX_DECLARED]
    phrases = [tokenise(item.strip(" .\n")) for item in items]
    return phrases if len(phrases[0]) <= MAX_WORDS else []


def _may_be_keyword(words: list[str]) -> bool:
    """Not a sentence, nor what is counted (`36 months`)."""
    return 0 < len(words) <= MAX_WORDS and not words[0].isdecimal() and AUXILIARIES.isdisjoint(words)
