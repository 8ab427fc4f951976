"""The bench runs, tiny: what it measures is looked at, how fast it was is not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import hotspots, latency, pace, reading, startup, throughput, weather
from bench.batch import Observed, committed_ms
from bench.report import Broken, at_least, at_most, quantile
from bench.rig import Rig, rigged
from protocol.messages import Catchup, Completed, JobState, Progress, Row
from protocol.words import DocumentStatus, JobStatus
from stack import HERE

FEW = 4
SUCCESS = DocumentStatus.SUCCESS


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rigged(documents=FEW) as rig:
        yield rig


def test_throughput_tells_rates_concurrency_delays_and_cpu_of_every_process(rig: Rig) -> None:
    cpu_ms = throughput.bound(1)
    lines = {line.name.strip(): line for line in throughput.measure(rig, FEW, cpu_ms)}
    assert cpu_ms > 0
    assert {"worker", "extraction", "api", "redis", "host", "provider", "observer"} <= set(lines)
    assert f"{throughput.RUNS * FEW} rows" in lines["from a row's commit to the observer"].figure
    assert sum(line.met is not None for line in lines.values()) == 2
    assert rig.provider_stats()["outcomes"] == {"ok": 2 * throughput.RUNS * FEW}


def test_starts_are_timed_and_their_jobs_cancelled(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "START_TARGETS_S", {FEW: 60.0})
    first, second = latency.measure_start(rig, (1, FEW))
    assert first.met is None
    assert (second.met, second.target) == (True, "<= 60 s")


def test_health_is_probed_beside_whole_batches(rig: Rig) -> None:
    (line,) = latency.measure_health(rig, FEW)
    assert re.search(r"p99 [\d.]+ ms, p50 [\d.]+ ms, worst \d+ ms of [1-9]\d*", line.figure)


def test_starts_of_the_api_are_held_against_a_bare_hello(rig: Rig) -> None:
    api, ratio = startup.measure(rig, runs=1)
    assert api.target == "<= 0.8 s"
    assert ratio.target == "<= 2 x"


def test_rough_weather_costs_calls_but_no_row(rig: Rig) -> None:
    said, calls, _ = weather.measure(rig, FEW)
    assert said.met
    assert "1.00 a document" in calls.figure


def test_a_providers_pace_is_held_against_what_it_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "RATES", (50.0,))
    allowed, refused, _, weathered, health, waits = pace.measure(8, {0.5: FEW})
    assert "8 documents of 4 jobs" in allowed.figure
    assert re.search(r"\d+ of \d+", refused.figure)
    assert weathered.met
    assert "p99" in health.figure
    assert re.fullmatch(r"[\d.]+ a document", waits.figure)


def test_a_program_that_does_not_come_up_breaks_the_bench() -> None:
    with pytest.raises(Broken, match="did not come up"):
        startup.first_200_s(("-c", "pass"), {}, "1")


@pytest.mark.parametrize("messages", [[], [1], [0, 1, 1]], ids=["none", "one lost", "one doubled"])
def test_an_observer_notices_rows_that_are_lost_or_doubled(messages: list[int]) -> None:
    observed = Observed()
    observed.take(_catchup())
    for row_id in messages:
        observed.take(_success(row_id))
    observed.take(Completed.of("j", processed=2, failed=0, message="Job completed"))
    with pytest.raises(Broken, match="rows lost"):
        observed.check(2)


def test_an_observer_counts_rows_of_the_catchup_and_live_ones_alike() -> None:
    observed = Observed()
    observed.take(_catchup(Row.success(0, "a", tags=["x"])))
    observed.take(_success(1))
    observed.take(Completed.of("j", processed=2, failed=0, message="Job completed"))
    observed.check(2)
    assert observed.messages == 3
    assert len(observed.delays_ms) == 1


def test_a_job_that_ends_otherwise_breaks_the_bench() -> None:
    observed = Observed()
    observed.take(_success(0))
    with pytest.raises(Broken, match="ended with None"):
        observed.check(1)


def test_a_cursor_tells_when_its_event_was_written() -> None:
    assert committed_ms("0af3.1732386033123-4") == 1_732_386_033_123


def test_a_line_says_whether_its_target_was_met() -> None:
    assert str(at_least("rate", 41.0, 40.0, "/s")).endswith("ok")
    assert str(at_most("wait", 51.0, 50.0, " ms")).endswith("MISS")


def test_a_quantile_is_a_value_that_occurred() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [quantile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]


def test_samples_name_the_functions_that_used_the_cpu(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(
        "import threading, time\n"
        "def spin():\n"
        "    while time.thread_time() < 0.3: pass\n"
        "thread = threading.Thread(target=spin)\nthread.start()\nthread.join()\n"
    )
    command = [sys.executable, "-m", "bench.sampled", str(tmp_path / "samples"), "busy"]
    subprocess.run(command, env={"PYTHONPATH": f"{tmp_path}:{HERE}"}, check=True, timeout=60)
    found = hotspots.read(tmp_path / "samples")
    hottest = max(found.own_s, key=lambda function: found.own_s[function])
    assert hottest.name == "spin"
    assert "spin" in found.table(documents=1)


def _catchup(*rows: Row) -> Catchup:
    state = JobState(status=JobStatus.PROCESSING, progress=0.0, processed_count=0, failed_count=0, total=2)
    return Catchup(job_id="j", state=state, results=rows)


def _success(row_id: int) -> Progress:
    return Progress(job_id="j", row_id=row_id, title="a", status=SUCCESS, progress=0.5, tags=["x"], cursor="r.1-0")


def test_reading_is_held_against_pypdf_alone_and_scans_against_each_other() -> None:
    text, scans = reading.measure(documents=FEW, rounds=1)
    assert (text.target, text.met is None) == (">= 0.9 x", False)
    assert re.search(r"x: [1-9]\d* pages/s, and [1-9]\d* by pypdf alone", text.figure)
    assert scans.met is None or scans.target == ">= 1.7 x"
