"""The budget of one provider key and model, shared by all workers: a pace and a concurrency, learned or fixed.

Its script decides; here a row's call is wrapped in it: one call of the script before, one after. A wait of up to
a second is slept in the row's thread; a longer one is raised, so that the row becomes due later and holds no thread.
Its turn is kept meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from importlib import resources
from typing import Any, NamedTuple, cast

import msgspec
import redis

from actors.errors import BudgetSpent, RateLimited
from actors.leases import Lease, insist
from actors.limits import Rates
from actors.records import KeySource
from actors.reply import cost
from actors.sample import TEXT_TOKENS, tokens
from actors.seal import Seal
from actors.settings import Settings
from actors.tag import Tagging
from protocol.config import TaggingConfig

log = logging.getLogger(__name__)

SCRIPT = ("governor.lua", "pace.lua")
SLEEP_MAX_MS = 2_000
"""A row's thread sleeps no longer than this in all, however often its turn is put off."""
TOKENS_BESIDE_THE_TEXT = 500
"""Of a question: our instructions, and the answer."""
CALLS_OF_A_ROW = 3
"""A model is asked again at once where it does not have structured output, and where no tag of its answer may stay."""
MARGIN_S = 10.0


class Limits(NamedTuple):
    """What is fixed of a budget; 0: learned."""

    rpm: int = 0
    tpm: int = 0
    concurrency: int = 0

    @property
    def line(self) -> str:
        """Rows wait in a line with those of the same limits only: others are let go by another clock."""
        return f"@{self.rpm}/{self.tpm}/{self.concurrency}" if any(self) else ""


class Call(NamedTuple):
    """A call that one row wants to make."""

    budget: str
    """By which all calls with the same key and model know each other; see `Governor.budget`."""
    row: str
    tokens: int
    """What it may cost."""
    limits: Limits


class Grant(NamedTuple):
    """The leave to make a call; given back with what came of it."""

    number: bytes
    granted_ms: bytes
    in_flight: int
    limited: int


class Outcome(NamedTuple):
    """What came of a call."""

    word: str = "other"
    retry_after_ms: int = 0
    tokens: int = 0
    rates: Rates = Rates()


class Governor:
    """Lets calls go when the budget has room for them; one for each worker process."""

    def __init__(self, client: "redis.Redis", seal: Seal, settings: Settings) -> None:
        parts = (resources.files("actors").joinpath(name).read_text(encoding="utf-8") for name in SCRIPT)
        self._script = client.register_script("\n".join(parts))
        self._seal = seal
        self._settings = settings
        self._lease_ms = round((CALLS_OF_A_ROW * settings.provider_timeout_s + MARGIN_S) * 1000)

    def budget(self, api_key: str, model_name: str) -> str:
        """The budget's name: it tells nobody the key."""
        account = ["budget", self._settings.provider_base_url, api_key, model_name]
        return self._seal.fingerprint(msgspec.json.encode(account))[:32]

    def limits(self, config: TaggingConfig, key_from: KeySource) -> Limits:
        """A job's own limits, or the operator's.

        On the server's key a job may only be stricter than the operator: others are served with that key too.
        """
        ours = self._settings
        operators = Limits(ours.rpm, ours.tpm, ours.concurrency)
        own = Limits(config.rpm or 0, config.tpm or 0, config.concurrency or 0)
        choose = _stricter if key_from == "server" else _own
        return Limits(*map(choose, own, operators))

    def run(self, lease: Lease, call: Call, work: Callable[[], Coroutine[Any, Any, Tagging]]) -> Tagging:
        """Make a call as soon as the budget has room for it, and tell the budget what came of it.

        Raises:
            BudgetSpent: its turn comes later.
            Interrupted, TimedOut, DocumentError: as `Lease.run` and the work itself.
        """
        grant = self._turn(lease, call)
        outcome = Outcome()
        try:
            tagging = lease.run(work())
            outcome = Outcome("served", tokens=sum(cost(tagging.metadata)), rates=tagging.rates)
        except RateLimited as refusal:
            outcome = Outcome("refused", retry_after_ms=refusal.retry_after_ms or 0)
            raise
        finally:
            self._report(call, grant, outcome)
        return tagging

    def _turn(self, lease: Lease, call: Call) -> Grant:
        """Wait until the call may go; whoever is interrupted leaves the line."""
        slept_ms = 0
        while True:
            word, *rest = insist(lambda: self._ask(call))
            if word == b"go":
                return Grant(*rest)
            slept_ms += rest[0]
            if rest[1] or slept_ms > SLEEP_MAX_MS:
                raise BudgetSpent(retry_after_ms=rest[0])
            try:
                lease.run(asyncio.sleep(rest[0] / 1000))
                lease.confirm()  # the job may have ended meanwhile: then no model is asked for it
            except Exception:
                self._call(call, "leave")
                raise

    def _ask(self, call: Call) -> list[Any]:
        return self._call(call, "acquire", call.tokens, *call.limits, self._lease_ms)

    def _report(self, call: Call, grant: Grant, outcome: Outcome) -> None:
        """Told when Redis is back, for what follows waits for it too: a lost report would block a place in flight."""
        told = [outcome.word, outcome.retry_after_ms, call.tokens, outcome.tokens, call.limits.tpm, *outcome.rates]
        try:
            insist(lambda: self._call(call, "report", *grant, *told))
        except redis.RedisError as fault:
            log.warning("a budget does not hear of a call's end: %s", fault)

    def _call(self, call: Call, command: str, *args: Any) -> list[Any]:
        line = call.limits.line
        parts = ("", f":waiting{line}", f":expected{line}", ":flying")
        keys = [f"budget:{{{call.budget}}}{part}" for part in parts]
        return cast("list[Any]", self._script(keys=keys, args=[command, call.row, *args]))


def _own(own: int, operators: int) -> int:
    return own or operators


def _stricter(own: int, operators: int) -> int:
    return min(own, operators) if own else operators


def tokens_planned(text: str) -> int:
    """What a question about a text may cost, in and out."""
    return min(tokens(text), TEXT_TOKENS) + TOKENS_BESIDE_THE_TEXT
