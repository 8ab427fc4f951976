"""`python -m actors`: the worker. One process, or `TAGSTREAM_WORKER_PROCESSES` of them under a small supervisor.

--drain    end with 0 when no job is active that is not paused: for jobs of container platforms
--load     print what there is to do, as JSON, and end: for autoscalers
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

import redis

from actors.environment import BadSetting, from_environment
from actors.settings import Settings
from actors.stopping import Stopping

log = logging.getLogger("actors")

SUPERVISED = "--supervised-by"
"""Followed by the supervisor's process id; nobody else gives it."""
WRONG = 2
"""What a process ends with when settings or arguments will not do: starting it again would not help."""
RESTART_PAUSE_S = 1.0
"""A process that dies as soon as it starts is not started again more often than this."""


def main() -> int:
    """Run until SIGTERM or SIGINT, or as the arguments say; 1: Redis is away; 2: settings or arguments are wrong."""
    asked = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for noisy in ("httpx2", "httpcore2", "openai", "pypdf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        settings = from_environment()
    except BadSetting as fault:
        print(fault, file=sys.stderr)
        return WRONG
    if asked.load:
        return _print_load(settings)
    stopping = Stopping()
    if settings.worker_processes > 1 and asked.supervised_by is None:
        return _supervise(settings, stopping, drain=asked.drain)
    try:
        _work(settings, stopping, supervisor=asked.supervised_by, drain=asked.drain)
    except BadSetting as fault:
        print(fault, file=sys.stderr)
    return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m actors", description="Work on documents.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--drain", action="store_true", help="end when no job is active that is not paused")
    what.add_argument("--load", action="store_true", help="print what there is to do, as JSON, and end")
    parser.add_argument(SUPERVISED, type=int, help=argparse.SUPPRESS)
    return parser


def _print_load(settings: Settings) -> int:
    from actors.store import JobStore, connect  # noqa: PLC0415 - only this needs no more than that

    try:
        load = JobStore(connect(settings.redis_url, max_connections=1), settings).load()
    except redis.RedisError as fault:
        print(f"Redis does not answer: {type(fault).__name__}", file=sys.stderr)
        return 1
    print(json.dumps(load._asdict()))
    return 0


def _work(settings: Settings, stopping: Stopping, *, supervisor: int | None, drain: bool) -> None:
    """Ends the process with 0.

    Raises:
        BadSetting: the Redis that a setting names will not have us.
    """
    from actors.worker import boot  # noqa: PLC0415 - a supervisor has no use for what it loads

    running = boot(settings)
    while not stopping.wait(RESTART_PAUSE_S):
        if supervisor is not None and os.getppid() != supervisor:
            break  # it was killed: do not outlive it unseen
        if drain and running.idle():
            log.info("nothing is left to do")
            break
    log.info("stopping: running documents have %g s to end", settings.shutdown_s)
    running.stop()
    logging.shutdown()
    os._exit(0)  # Python would wait for threads that cannot be interrupted: one may be asking for a host's name


def _supervise(settings: Settings, stopping: Stopping, *, drain: bool) -> int:
    """Keep so many workers running; with `drain`, until all have ended by themselves. What the process ends with."""
    workers, wrong = [_start_worker(drain=drain) for _ in range(settings.worker_processes)], False
    while workers and not wrong and not stopping.wait(RESTART_PAUSE_S):
        wrong = any(worker.poll() == WRONG for worker in workers)
        workers = workers if wrong else list(_still_wanted(workers, drain=drain))
    _end(workers, settings.shutdown_s + 1)
    return WRONG if wrong else 0


def _end(workers: "list[subprocess.Popen[bytes]]", limit_s: float) -> None:
    """SIGTERM, and SIGKILL for those that have not ended in time."""
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + limit_s
    for worker in workers:
        try:
            worker.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()


def _still_wanted(workers: "Iterable[subprocess.Popen[bytes]]", *, drain: bool) -> "Iterator[subprocess.Popen[bytes]]":
    """Those that run, and another in the place of each that died; one that has drained has not."""
    for worker in workers:
        if worker.poll() is None:
            yield worker
        elif not (drain and worker.returncode == 0):
            log.warning("worker process %d ended with %s; starting another", worker.pid, worker.returncode)
            yield _start_worker(drain=drain)


def _start_worker(*, drain: bool) -> "subprocess.Popen[bytes]":
    """This very program, with one process."""
    command = [sys.executable, "-m", "actors", SUPERVISED, str(os.getpid()), *(["--drain"] if drain else [])]
    return subprocess.Popen(command, start_new_session=True)  # noqa: S603 - our own program


if __name__ == "__main__":
    sys.exit(main())
