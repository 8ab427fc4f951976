"""`make bench`: how fast the whole service is on this machine, against what it shall reach.

The stack of `make up` with its default settings, a document host and a mock provider, each in processes of
their own, beside the observer in this one; thousands of observers, and the baseline that they are held against, have
a Redis and an API of their own. Exit status 0 when everything was measured, also with misses;
1 when a row was lost or doubled or a part did not work.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator

from bench import (
    bigjob,
    fanout,
    hostile,
    hotspots,
    idle,
    latency,
    pace,
    reading,
    scale,
    soak,
    startup,
    throughput,
    weather,
)
from bench.report import Broken, Line
from bench.rig import DOCUMENTS, Rig, rigged
from stack import CannotStart

Measurement = Callable[[Rig, int, float], Iterator[Line]]

MEASUREMENTS: dict[str, Measurement] = {
    "throughput": throughput.measure,
    "start": lambda rig, _documents, _cpu_ms: latency.measure_start(rig),
    "health": lambda rig, documents, _cpu_ms: latency.measure_health(rig, documents),
    "reading": lambda rig, _documents, _cpu_ms: _beside(rig, reading.measure),
    "startup": lambda rig, _documents, _cpu_ms: startup.measure(rig),
    "weather": lambda rig, documents, _cpu_ms: weather.measure(rig, min(documents, weather.DOCUMENTS)),
    "scale": lambda rig, documents, _cpu_ms: scale.measure(rig, documents),
    "pace": lambda rig, _documents, _cpu_ms: _beside(rig, pace.measure),
    "fanout": lambda rig, _documents, _cpu_ms: _beside(rig, fanout.measure),
    "idle": lambda rig, _documents, _cpu_ms: _beside(rig, idle.measure),
    "catchup": lambda rig, _documents, _cpu_ms: _beside(rig, bigjob.measure),
    "hostile": lambda rig, _documents, _cpu_ms: _beside(rig, hostile.measure),
    "soak": lambda rig, _documents, _cpu_ms: _beside(rig, soak.measure),
}


def _beside(rig: Rig, measure: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """Measurements that have a stack of their own: the rig must be at rest."""
    rig.wait_until_calm()
    yield from measure()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="measure this alone (may be repeated)")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="of the big batches")
    parser.add_argument("--profile", action="store_true", help="throughput only; show where the CPU time goes")
    asked = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if asked.profile:
            profile(asked.documents)
        else:
            measure(asked.only or list(MEASUREMENTS), asked.documents)
    except (Broken, CannotStart) as fault:
        print(fault, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def measure(names: list[str], documents: int) -> None:
    """Measure and print, line by line."""
    cpu_ms = _prelude()
    missed = 0
    with rigged() as rig:
        for name in names:
            for line in MEASUREMENTS[name](rig, documents, cpu_ms):
                print(line, flush=True)
                missed += line.met is False
    print(f"{missed} of the targets missed" if missed else "all targets met")


def profile(documents: int) -> None:
    """Measure throughput with the worker and the API sampled, and print their hottest functions."""
    cpu_ms = _prelude()
    with rigged(sampled=True) as rig:
        throughput.warm_up(rig, documents)
        offsets = {part: rig.stack.samples(part).stat().st_size for part in ("worker", "api")}
        served = rig.documents_served()
        for line in throughput.measure(rig, documents, cpu_ms):
            print(line, flush=True)
        tagged = rig.documents_served() - served
        for part, offset in offsets.items():
            print(f"\n{part}\n{hotspots.read(rig.stack.samples(part), offset).table(tagged)}")


def _prelude() -> float:
    """Say what is measured on; returns what pypdf alone costs, in CPU milliseconds a document."""
    given = sorted(name for name in os.environ if name.startswith("TAGSTREAM_"))
    load = os.getloadavg()[0]
    print(f"Python {sys.version.split()[0]}, {throughput.cores()} cores, load {load:.1f} before the start")
    if given:
        print(f"not by default: {', '.join(given)}")
    cpu_ms = throughput.bound()
    for line in throughput.measure_bound(cpu_ms):
        print(line, flush=True)
    return cpu_ms


if __name__ == "__main__":
    sys.exit(main())
