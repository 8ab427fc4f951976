"""A provider's budget for tests: what two workers ask of it and tell it, and a look behind it."""

from typing import Any

import redis

from actors.governor import Call, Governor, Grant, Limits, Outcome
from actors.seal import Seal
from actors.settings import Settings
from tests.waiting import until

KEY = "sk-a-key-of-the-provider"
SERVED = Outcome("served", tokens=600)
A_MINUTE = Outcome("refused", retry_after_ms=60_000)


class Budget:
    """One budget, as two workers see it, and a look behind it."""

    def __init__(self, settings: Settings) -> None:
        self.redis: Any = redis.Redis.from_url(settings.redis_url, decode_responses=True)
        self._client = redis.Redis.from_url(settings.redis_url)
        self.governors = [Governor(self._client, Seal(settings.secret_key), settings) for _ in range(2)]
        self.name = self.governors[0].budget(KEY, "a/model")
        self._turn = 0
        self._rows: dict[bytes, str] = {}

    def close(self) -> None:
        self.redis.close()
        self._client.close()

    @property
    def governor(self) -> Governor:
        """Now the one, now the other: they share everything."""
        self._turn += 1
        return self.governors[self._turn % 2]

    def call(self, row: str = "job/0", /, tokens: int = 600, **limits: int) -> Call:
        return Call(self.name, row, tokens, Limits(**limits))

    def ask(self, row: str = "job/0", **wanted: int) -> Grant | int:
        """The grant, or for how many ms the row waits."""
        word, *rest = self.governor._ask(self.call(row, **wanted))
        if word != b"go":
            return int(rest[0])
        self._rows[rest[0]] = row
        return Grant(*rest)

    def granted(self, row: str = "job/0", **wanted: int) -> Grant:
        """A grant that comes within moments."""
        grant = until(lambda: grant if isinstance(grant := self.ask(row, **wanted), Grant) else None)
        assert grant is not None
        return grant

    def waits_ms(self, row: str, **wanted: int) -> int:
        answer = self.ask(row, **wanted)
        assert isinstance(answer, int)
        return answer

    def report(self, grant: Grant, outcome: Outcome = SERVED, **wanted: int) -> None:
        self.governor._report(self.call(self._rows[grant.number], **wanted), grant, outcome)

    def fact(self, name: str) -> float:
        return float(self.redis.hget(f"budget:{{{self.name}}}", name))

    def size(self, part: str) -> int:
        return sum(map(self.redis.zcard, self.redis.keys(f"budget:{{{self.name}}}:{part}*")))
