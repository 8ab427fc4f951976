"""`python -m actors` from outside: one process or several, and settings that will not do."""

import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.settings import Settings
from bench.documents import text_pdf
from tests.jobs import check_invariants
from tests.processes import environment, finished, kill, process, until
from tests.test_worker import Service
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
