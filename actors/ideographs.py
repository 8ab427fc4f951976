"""Chinese and Japanese: without spaces each ideograph is a unit, a word in katakana is one, and hiragana is grammar.

So are some ideographs, where no hiragana is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

LONGEST = 6  # units of a phrase
FIRST_SIGN = "\u3005"
GRAMMAR = frozenset(
    "的了在是和与及或也就都而但被把从向对于将并所其这那之不很更们我你他她它着过给让吗呢吧由此如每已"
    "與對於將這們過給讓嗎從應"
)
"""Chinese: particles, prepositions, pronouns; in Japanese some of them are content."""

Units = tuple[str, ...]


def clauses(token: str, *, chinese: bool = False) -> Iterator[Units]:
    """The runs of units in a word or sentence; none where it is in another script. `chinese`: it is not Japanese."""
    units: list[str] = []
    for script, signs in groupby(token, _chinese if chinese else _script) if max(token) >= FIRST_SIGN else ():
        if script not in {"ideographs", "katakana"}:
            yield tuple(units)
            units = []
        elif script == "ideographs":
            units += signs
        else:
            units.append("".join(signs))
    yield tuple(units)


def is_unspaced(token: str) -> bool:
    """Whether it begins with a sign of these scripts."""
    return token >= FIRST_SIGN and _script(token[0]) != "spaced"


def unspaced(runs: Iterable[Units]) -> Counter[str]:
    """What comes again within the runs, two units that met, and short runs as a whole; with how often."""
    counts: Counter[Units] = Counter()
    whole: set[Units] = set()
    loose: set[Units] = set()
    for run in filter(None, runs):
        counts.update(run[at : at + size] for size in range(2, LONGEST + 1) for at in range(len(run) - size + 1))
        whole.add(run[: LONGEST + 1])
        if len(run) > LONGEST:
            loose.update(zip(run[::2], run[1::2], strict=False))  # most words have two signs
    # What met once by chance is no phrase; what never stands without its neighbour says nothing alone.
    met = [key for key in counts if counts[key] > 1 or key in whole or key in loose]
    bound = {part for key in met for part in (key[:-1], key[1:]) if counts[part] == counts[key]}
    return Counter({"".join(key): counts[key] for key in met if key not in bound})


def _chinese(sign: str) -> str:
    return "grammar" if sign in GRAMMAR else _script(sign)


def _script(sign: str) -> str:
    if "\u30a0" <= sign <= "\u30ff":
        return "katakana"
    if "\u3400" <= sign <= "\u9fff" or sign == "\u3005":
        return "ideographs"
    return "hiragana" if "\u3040" <= sign <= "\u309f" else "spaced"
