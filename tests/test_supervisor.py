"""`python -m actors` from outside: one process or several, and settings that will not do."""

import json
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.settings import Settings
from bench.documents import text_pdf
from tests.jobs import OWNER, Bench, check_invariants
from tests.processes import environment, finished, kill, process, until
from tests.service import Service
from tests.waiting import until as waiting_until


async def test_two_worker_processes_under_one_supervisor(settings: Settings, tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.pdf").write_bytes(text_pdf(number, pages=1))
    two = replace(settings, local_root=tmp_path, worker_processes=2, extract_processes=1)
    with closing(Service(two)) as service:
        service.start(rows=10)
        with service.worker() as supervisor:
            await until(service.bench, finished(10))
            supervisor.terminate()
            assert supervisor.wait(15) == 0
        check_invariants(service.bench)


def test_workers_end_with_a_supervisor_that_is_killed_while_they_start(settings: Settings) -> None:
    with process(replace(settings, worker_processes=2, shutdown_s=0.0), "actors") as supervisor:
        workers = waiting_until(lambda: children(supervisor.pid))
        kill(supervisor)
    waiting_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_worker_that_drains_ends_with_0_when_nothing_is_left_to_do(
    settings: Settings, tmp_path: Path, processes: int
) -> None:
    for number in range(10):
        (tmp_path / f"{number}.pdf").write_bytes(text_pdf(number, pages=1))
    there = replace(settings, local_root=tmp_path, worker_processes=processes, extract_processes=1)
    with closing(Service(there)) as service:
        service.start(rows=10)
        service.bench.start("paused", rows=10)
        service.bench.store.pause("paused", OWNER)
        with process(there, "actors", "--drain") as worker:
            assert worker.wait(60) == 0
        assert (service.bench.facts()["status"], service.bench.facts("paused")["processed"]) == ("completed", "0")
        check_invariants(service.bench)


def test_what_there_is_to_do_is_printed_for_autoscalers(settings: Settings) -> None:
    with closing(Bench(settings)) as bench:
        first, *_ = bench.start(rows=9)
        bench.start("paused", rows=9)
        bench.store.pause("paused", OWNER)
        bench.claim(first)
        load = json.loads(printed(settings, "--load"))
    assert (load["jobs"], load["rows"], load["running"]) == (1, 9, 1)
    assert 0 < load["oldest_waiting_ms"] < 60_000


def printed(settings: Settings, *arguments: str) -> str:
    command = [sys.executable, "-m", "actors", *arguments]
    return subprocess.check_output(command, env=environment(settings), text=True, timeout=60)


@pytest.mark.parametrize("drain", [[], ["--drain"]])
def test_a_supervisor_whose_workers_find_a_setting_wrong_ends_as_they_do(settings: Settings, drain: list[str]) -> None:
    port = settings.redis_url.rpartition(":")[2].partition("/")[0]
    wrong = replace(settings, worker_processes=2, broker_url=f"redis://127.0.0.1:{port}/999", shutdown_s=1.0)
    with process(wrong, "actors", *drain) as supervisor:
        assert supervisor.wait(30) == 2


@pytest.mark.parametrize(
    ("name", "value"), [("TAGSTREAM_WORKER_THREADS", "many"), ("TAGSTREAM_BROKER_URL", "redis://127.0.0.1:{}/999")]
)
def test_a_setting_that_will_not_do_is_one_sentence(settings: Settings, name: str, value: str) -> None:
    port = settings.redis_url.rpartition(":")[2].partition("/")[0]
    environ = environment(settings) | {name: value.format(port)}
    command = [sys.executable, "-m", "actors"]
    ended_with = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ended_with.returncode == 2
    assert ended_with.stderr.startswith(name)
    assert len(ended_with.stderr.splitlines()) == 1
