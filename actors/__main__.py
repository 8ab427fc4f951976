"""`python -m actors`: the worker. One process, or `TAGSTREAM_WORKER_PROCESSES` of them under a small supervisor."""

import logging
import os
import signal
import subprocess
import sys
import time

from actors.settings import BadSetting, Settings, from_environment
from actors.stopping import Stopping

log = logging.getLogger("actors")

SUPERVISED = "--supervised-by"
"""Followed by the supervisor's process id."""
RESTART_PAUSE_S = 1.0
"""A process that dies as soon as it starts is not started again more often than this."""


def main() -> int:
    """Run until SIGTERM or SIGINT; 2: the settings are wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for noisy in ("httpx2", "httpcore2", "openai", "pypdf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        settings = from_environment()
    except BadSetting as fault:
        print(fault, file=sys.stderr)
        return 2
    stopping = Stopping()
    if settings.worker_processes > 1 and SUPERVISED not in sys.argv:
        _supervise(settings, stopping)
        return 0
    try:
        _work(settings, stopping)
    except BadSetting as fault:
        print(fault, file=sys.stderr)
    return 2


def _work(settings: Settings, stopping: Stopping) -> None:
    """Ends the process with 0.

    Raises:
        BadSetting: the Redis that a setting names will not have us.
    """
    from actors.worker import boot  # noqa: PLC0415 - a supervisor has no use for what it loads

    supervisor = int(sys.argv[-1]) if SUPERVISED in sys.argv else None
    running = boot(settings)
    while not stopping.wait(RESTART_PAUSE_S):
        if supervisor is not None and os.getppid() != supervisor:
            break  # it was killed: do not outlive it unseen
    log.info("stopping: running documents have %g s to end", settings.shutdown_s)
    running.stop()
    logging.shutdown()
    os._exit(0)  # Python would wait for threads that cannot be interrupted: one may be asking for a host's name


def _supervise(settings: Settings, stopping: Stopping) -> None:
    """Keep so many workers running; each is this very program with one process."""

    def start() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "actors", SUPERVISED, str(os.getpid())]
        return subprocess.Popen(command, start_new_session=True)  # noqa: S603 - our own program

    workers = [start() for _ in range(settings.worker_processes)]
    while not stopping.wait(RESTART_PAUSE_S):
        for place, worker in enumerate(workers):
            if worker.poll() is not None:
                log.warning("worker process %d ended with %s; starting another", worker.pid, worker.returncode)
                workers[place] = start()
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + settings.shutdown_s + 1
    for worker in workers:
        try:
            worker.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()


if __name__ == "__main__":
    sys.exit(main())
