"""Chinese and Japanese: without spaces each ideograph is a unit, a word in katakana is one, and hiragana is grammar."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

LONGEST = 6  # units of a phrase
FIRST_SIGN = "\u3005"

Units = tuple[str, ...]


def clauses(token: str) -> Iterator[Units]:
    """The runs of units in a word or sentence; none where it is in another script."""
    units: list[str] = []
    for script, signs in groupby(token, _script) if max(token) >= FIRST_SIGN else ():
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
    for run in filter(None, runs):
        counts.update(run[at : at + size] for size in range(2, LONGEST + 1) for at in range(len(run) - size + 1))
        whole.add(run[: LONGEST + 1])
    # What met once by chance is no phrase; what never stands without its neighbour says nothing alone.
    met = [key for key in counts if counts[key] > 1 or key in whole or len(key) == 2]
    bound = {part for key in met for part in (key[:-1], key[1:]) if counts[part] == counts[key]}
    return Counter({"".join(key): counts[key] for key in met if key not in bound})


def _script(sign: str) -> str:
    if "\u30a0" <= sign <= "\u30ff":
        return "katakana"
    if "\u3400" <= sign <= "\u9fff" or sign == "\u3005":
        return "ideographs"
    return "hiragana" if "\u3040" <= sign <= "\u309f" else "spaced"
