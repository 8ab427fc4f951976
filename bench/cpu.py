"""CPU seconds by process, from what the kernel counts."""

from collections.abc import Mapping

import psutil

OBSERVER = "observer"


class CpuClock:
    """The CPU seconds that named processes have used so far; the worker's children under a name of their own."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}

    def read(self) -> dict[str, float]:
        """Seconds by name since each process began."""
        used = {name: _tree_s(process) for name, process in self._processes.items() if name != OBSERVER}
        if OBSERVER in self._processes:
            used[OBSERVER] = _own_s(self._processes[OBSERVER])  # whose children are the other processes
        if "worker" in used:
            own = _own_s(self._processes["worker"])
            used |= {"worker": own, "extraction": used["worker"] - own}
        return used


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds by name between two readings."""
    return {name: after[name] - before[name] for name in after}


def _own_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _tree_s(process: psutil.Process) -> float:
    """A process and all its descendants, also those that have ended."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it has just ended; its parent's count has its time
        total += times.user + times.system + times.children_user + times.children_system
    return total
