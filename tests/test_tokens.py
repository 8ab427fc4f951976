"""What a job costs in tokens, and the budget that pauses it."""

from protocol.requests import TaggingConfig
from tests.jobs import OWNER, Bench, check_invariants, success
from tests.served import play


def test_tokens_are_counted_and_a_budget_that_is_used_up_pauses_the_job(bench: Bench) -> None:
    addresses = bench.start(rows=3, config=TaggingConfig(max_tokens_total=100))
    first, second = bench.claim(addresses[0]), bench.claim(addresses[1])
    bench.store.finish(first, success(first), tokens=(60, 5))
    assert bench.facts()["status"] == "processing"
    bench.store.finish(second, success(second), tokens=(30, 5))
    facts = bench.facts()
    assert (facts["status"], facts["tokens_in"], facts["tokens_out"]) == ("paused", "90", "10")
    assert facts["message"] == "The budget of 100 tokens is used up"
    bench.store.resume("job", OWNER)
    assert bench.facts()["tokens_max"] == "200"
    play(bench, "job")
    assert bench.facts()["status"] == "completed"
    check_invariants(bench)


def test_the_row_that_uses_the_budget_up_and_is_the_last_completes_the_job(bench: Bench) -> None:
    [address] = bench.start(rows=1, config=TaggingConfig(max_tokens_total=1))
    claim = bench.claim(address)
    bench.store.finish(claim, success(claim), tokens=(5, 5))
    assert bench.facts()["status"] == "completed"
