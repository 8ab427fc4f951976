"""The queue: Dramatiq's Redis broker, configured and mended as measurement taught.

Its messages are hints: the job's own state says what must happen (`schedule.py` sends again what was lost).
"""

from collections.abc import Iterable
from typing import Any, cast

import dramatiq
import redis
from dramatiq.brokers import redis as dramatiq_redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware

from actors.settings import Settings
from actors.store import connect

QUEUE = "documents"
ACTOR = "process_document"
NAMESPACE = "tagstream-queue"
HEARTBEAT_TIMEOUT_MS = 30_000
"""A broker process silent for so long is dead. Shorter, and a stalled Redis makes a second worker run its messages."""
MAINTENANCE_ALWAYS = 1_000_000
"""Look for dead processes at every fetch: by Dramatiq's default of one in a thousand it took 13 minutes."""
CONNECTIONS = 32

# Dramatiq's keys have no time to live: its own script runs unchanged, then every key that it may have written gets one.
_EXPIRING = """
local reply = (function()
%s
end)()
for _, name in ipairs({{'__heartbeats__', '__acks__.' .. ARGV[4] .. '.' .. ARGV[3],
  ARGV[3], ARGV[3] .. '.msgs', ARGV[3] .. '.XQ', ARGV[3] .. '.XQ.msgs'}}) do
  redis.call('PEXPIRE', KEYS[1] .. ':' .. name, %d)
end
return reply
""".replace("{{", "{").replace("}}", "}")


class _Consumer(dramatiq_redis._RedisConsumer):  # noqa: SLF001 - Dramatiq's own hook is `consumer_class`
    """A time-out of Redis is a lost connection too: Dramatiq then starts the consumer again instead of dying."""

    def __next__(self) -> Any:
        try:
            return super().__next__()  # type: ignore[no-untyped-call]
        except redis.RedisError as fault:
            raise ConnectionClosed(fault) from None


class DocumentBroker(RedisBroker):
    """Dramatiq's broker without delays: nothing is ever sent for later, so there is no queue for it."""

    @property
    def consumer_class(self) -> type[_Consumer]:
        """The consumer that survives what redis-py raises."""
        return _Consumer

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, but not its queue of delayed messages."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Send a message for now; a row's next time stands in the job's `due`."""
        assert delay is None, "delayed messages are lost with the process that holds them"
        return super().enqueue(message)

    def close(self) -> None:
        """Let go of the connections."""
        self.client.connection_pool.disconnect()

    def queued(self) -> int:
        """How many messages no worker has fetched yet."""
        return cast("int", self.client.llen(f"{self.namespace}:{QUEUE}"))


def make_broker(
    settings: Settings, middleware: Iterable[Middleware] = (), *, connections: int = CONNECTIONS
) -> DocumentBroker:
    """The broker of one process; opens no connection before its first command."""
    broker = DocumentBroker(  # type: ignore[no-untyped-call]
        client=connect(settings.queue_url, max_connections=connections),
        middleware=list(middleware),
        namespace=NAMESPACE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=MAINTENANCE_ALWAYS,
    )
    dispatch = dramatiq_redis._scripts["dispatch"].decode()  # noqa: SLF001 - wrapped, not changed
    broker.scripts["dispatch"] = broker.client.register_script(_EXPIRING % (dispatch, settings.job_ttl_s * 1000))
    return broker
