"""A job to which anything happens, and what a cursor into its past must bring."""

from contextlib import suppress

from actors.records import JobOver, JobRunning, NewRun, NothingToRun
from actors.store import key
from protocol.messages import Catchup
from tests.jobs import OWNER, Bench
from tests.test_invariants import History

FORWARD = ("claim", "claim", "finish", "fail")
"""Steps that bring a job on."""
RARE = ("trim", "flood", "flood", "flood", "pause", "resume", "resume", "cancel", "again", "again", "anew")
"""What happens beside the rows' own steps."""


class Past:
    """A job to which anything happens, and which may begin anew under its id."""

    def __init__(self, bench: Bench) -> None:
        bench.redis.flushall()
        self.bench = bench
        self.history = History(bench, bench.start(rows=6))

    def happen(self, step: str, choice: int) -> None:
        """One more thing."""
        if step == "trim":
            self.trim(kept=1 + choice)
        elif step == "flood":
            self.flood(choice)
        elif step == "anew":
            self.begin_anew(rows=2 + choice)
        elif step in ("pause", "resume", "cancel", "again"):
            with suppress(JobOver, JobRunning, NothingToRun):
                self.control(step)
        else:
            self.history.take(step, choice)

    def trim(self, kept: int) -> None:
        """Forget the older events."""
        self.bench.redis.xtrim(key("job", "events"), maxlen=kept, approximate=False)

    def flood(self, choice: int) -> None:
        """So much happens at once that who listens falls behind; by half of the choices it is also forgotten."""
        for step in (FORWARD * 4)[choice // 2 :]:
            self.happen(step, choice)
        if choice % 2:
            self.trim(kept=1)

    def control(self, step: str) -> None:
        """What the owner does. Raises: where it is too late or too early for it."""
        if step == "again":
            self.bench.store.retry("job", OWNER, NewRun(model_name="local/keywords", api_key_from="none"))
            self.history.queue += self.bench.store.refill("job")
        else:
            getattr(self.bench.store, step)("job", OWNER)

    def end(self) -> None:
        """All is done that is left to do."""
        self.happen("resume", 0)
        if not self.is_over():
            self.history.drain()

    def begin_anew(self, rows: int) -> None:
        """Another job under the same id; workers of the old one know nothing of it."""
        self.bench.redis.delete(*self.bench.redis.keys("job:*"))
        late = self.history
        self.history = History(self.bench, self.bench.start(rows=rows))
        self.history.claims += late.claims
        self.history.queue += late.queue

    def cursor(self) -> str:
        """Behind all that has happened."""
        return self._cursors()[-1]

    def ended_since(self, cursor: str | None) -> set[int] | None:
        """The rows that ended behind a cursor, as the stream itself tells; None: it does not hold the cursor."""
        cursors = self._cursors()
        if cursor not in cursors:
            return None
        told = [event.told for event in self.bench.events()[cursors.index(cursor) + 1 :] if event.type == "progress"]
        return {row.row_id for row in told if row.status.final}

    def ended(self) -> set[int]:
        """The rows of this run that have ended."""
        return {int(row) for row in self.bench.redis.hkeys(key("job", "results"))}

    def is_over(self) -> bool:
        """Whether the job has had its ending."""
        return self.bench.facts()["status"] in ("completed", "cancelled")

    def _cursors(self) -> list[str]:
        run = self.bench.facts()["run"]
        return [f"{run}.{event.id}" for event in self.bench.events()]


def check_catchup(told: Catchup, past: Past, cursor: str | None) -> None:
    """A cursor is honoured exactly while its entry stands, and then brings what ended since: no more and no less."""
    since = past.ended_since(cursor)
    assert told.resumed is (None if cursor is None else since is not None)
    assert [row.row_id for row in told.results] == sorted(past.ended() if since is None else since)
