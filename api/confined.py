"""What a child process of the API does first: it gives up what it does not need, before it looks at any file."""

import os
import resource
import signal
import sys

NICENESS = 5


def confine(memory_mb: int, cpu_s: int) -> None:
    """Bound this process for good. On macOS there is no limit of memory: that of time remains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    if sys.platform == "linux":
        memory_bytes = memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
