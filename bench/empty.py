"""What a row costs when there is nothing to do in it, beside a bare Dramatiq message with one write to Redis.

    python -m bench.empty rows    a whole worker, but for a fetcher, a reader and a tagger that have nothing to do
    python -m bench.empty bare N  Dramatiq's own broker and worker; each message writes, and sends the next

Both work with as many threads, and keep as many messages out at a time. `REDIS_URL` says where; it says `up` when it
has started, and ends with its standard input.
"""

import io
import os
import sys
from itertools import count
from unittest import mock

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.worker import Worker

from actors import process, worker
from actors.blob import Blob
from actors.environment import from_environment
from actors.extract import Extraction
from actors.settings import Settings
from actors.store import connect
from actors.tag import Tagging

DONE = "bare:done"
"""A stream with an entry for each bare message that has ended."""
OUT_FOR_EACH_THREAD = 2
"""Messages on their way at a time, as many as a job that is alone has rows out."""


class _Nothing:
    """In place of what fetches, what reads and what asks a model: this row has no use for the last."""

    def __init__(self, *_: object, **__: object) -> None:
        self.start = self.close = lambda: None

    async def fetch(self, *_: object) -> Blob:
        return Blob(io.BytesIO(), 0)

    def extract(self, *_: object) -> Extraction:
        return Extraction([], 1, 1, {})


def work_on_rows(settings: Settings) -> None:
    """Start the worker."""
    mock.patch.object(process, "tag_locally", return_value=Tagging(["tag"], {})).start()
    with mock.patch.multiple(worker, Fetcher=_Nothing, Sandbox=_Nothing, ModelTagger=_Nothing):
        worker.boot(settings)


def work_on_messages(settings: Settings, messages: int) -> None:
    """Start Dramatiq and send the first messages."""
    writer = connect(settings.redis_url, max_connections=settings.worker_threads)
    broker = RedisBroker(url=settings.queue_url, middleware=[], namespace="bare")
    sent = count()

    @dramatiq.actor(broker=broker)
    def note(number: int) -> None:
        writer.xadd(DONE, {"number": number})
        send()

    def send() -> None:
        if (number := next(sent)) < messages:
            note.send(number)

    Worker(broker, worker_timeout=worker.IDLE_POLL_MS, worker_threads=settings.worker_threads).start()
    for _ in range(OUT_FOR_EACH_THREAD * settings.worker_threads):
        send()


def main() -> None:
    """Until standard input ends."""
    settings = from_environment()
    if sys.argv[1] == "rows":
        work_on_rows(settings)
    else:
        work_on_messages(settings, int(sys.argv[2]))
    print("up", flush=True)
    sys.stdin.read()
    os._exit(0)  # threads of both wait for messages that nobody sends any more


if __name__ == "__main__":
    main()
