"""Runs a program and writes down where its CPU time goes.

    python -m bench.sampled SAMPLES_FILE MODULE [ARGUMENTS...]

Many threads wait in such a program and few run, so each sample is a short window: the threads whose own CPU clock
moved within it are those that ran, and they share what the process has used since the sample before. The file
has a line of JSON for each of them: [CPU seconds, [[file, function], ... the innermost first]].

The clocks of threads are Linux's.
"""

import json
import runpy
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

PERIOD_S, WINDOW_S = 0.004, 0.0001
SWITCH_S = 0.0001
"""Threads give the interpreter lock back sooner than by default: else a window would last until they block."""


def sample(file: TextIO) -> None:
    """Sample this process until it ends. Run this in a thread of its own."""
    counted_s = _used_s()
    while True:
        time.sleep(PERIOD_S)
        before = dict(_clocks())
        time.sleep(WINDOW_S)
        ran = {thread: clock_s - before.get(thread, clock_s) for thread, clock_s in _clocks()}
        frames, used_s = sys._current_frames(), _used_s()  # noqa: SLF001 - the documented way to see other threads
        if (window_s := sum(ran.values())) > 0:
            for thread, seconds in ran.items():
                if seconds and thread in frames:
                    share_s = (used_s - counted_s) * seconds / window_s
                    file.write(json.dumps([share_s, _stack(frames[thread])]) + "\n")
            counted_s = used_s


def _used_s() -> float:
    """CPU seconds of this process, but for this thread's own."""
    return time.process_time() - time.thread_time()


def _clocks() -> Iterator[tuple[int, float]]:
    """The CPU seconds of each other thread."""
    for thread in threading.enumerate():
        if thread.native_id is None or thread is threading.current_thread():
            continue
        try:
            # How Linux numbers the clock of a thread; unlike `pthread_getcpuclockid` safe when it has just ended.
            yield thread.ident or 0, time.clock_gettime((~thread.native_id << 3) | 6)
        except OSError:
            continue


def _stack(frame: FrameType | None) -> list[tuple[str, str]]:
    stack = []
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_code.co_qualname))
        frame = frame.f_back
    return stack


def main() -> None:
    """The command line."""
    _, samples, module, *arguments = sys.argv
    file = Path(samples).open("a", buffering=1)  # noqa: SIM115 - open for as long as the process lives
    sys.setswitchinterval(SWITCH_S)
    threading.Thread(target=sample, args=[file], daemon=True, name="sampler").start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
