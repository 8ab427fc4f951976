"""Reads what `sampled` wrote: which functions a process's CPU time went to."""

import sysconfig
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

HERE = Path(__file__).parent.parent
SHOWN_WITHIN, SHOWN_OWN = 60, 25

_PLACES = ((sysconfig.get_path("purelib"), ""), (sysconfig.get_path("stdlib"), "python/"), (str(HERE), ""))
_line = msgspec.json.Decoder(tuple[float, list[tuple[str, str]]])


class Function(NamedTuple):
    """A function by the file it stands in, relative to its package."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Hotspots:
    """CPU seconds of a process by function."""

    total_s: float
    own_s: dict[Function, float]
    """Spent in the function itself."""
    within_s: dict[Function, float]
    """Spent in it or in what it called."""

    def table(self, documents: int) -> str:
        """The hottest functions in milliseconds of CPU a document."""
        ms = 1000 / documents
        lines = [f"  {self.total_s * ms:.2f} ms of CPU a document", "  within    own  function"]
        for function, seconds in _hottest(self.within_s, SHOWN_WITHIN):
            lines.append(
                f"  {seconds * ms:6.2f} {self.own_s.get(function, 0.0) * ms:6.2f}  {function.file}: {function.name}"
            )
        lines.append("  the hottest by themselves")
        for function, seconds in _hottest(self.own_s, SHOWN_OWN):
            lines.append(f"         {seconds * ms:6.2f}  {function.file}: {function.name}")
        return "\n".join(lines)


def read(samples: Path, offset: int = 0) -> Hotspots:
    """What was sampled behind `offset` bytes of the file; a last line that is still being written is left out."""
    own_s: dict[Function, float] = defaultdict(float)
    within_s: dict[Function, float] = defaultdict(float)
    total_s = 0.0
    for line in samples.read_bytes()[offset:].split(b"\n")[:-1]:
        seconds, stack = _line.decode(line)
        functions = [Function(_place(file), name) for file, name in stack]
        total_s += seconds
        own_s[functions[0]] += seconds
        for function in set(functions):
            within_s[function] += seconds
    return Hotspots(total_s, own_s, within_s)


def _hottest(seconds: dict[Function, float], count: int) -> list[tuple[Function, float]]:
    return sorted(seconds.items(), key=lambda each: -each[1])[:count]


def _place(file: str) -> str:
    for folder, shown in _PLACES:
        if file.startswith(folder + "/"):
            return shown + file[len(folder) + 1 :]
    return file
