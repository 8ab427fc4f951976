"""boot(): wires one worker process. Nobody else in this room opens a connection or starts a thread."""

import asyncio
import logging
import os
import threading
import uuid
from dataclasses import dataclass
from typing import Any

import dramatiq
import redis
from dramatiq.worker import Worker

from actors.broker import ACTOR, QUEUE, DocumentBroker, make_broker
from actors.dispatch import Dispatcher
from actors.environment import BadSetting
from actors.fetch import Fetcher
from actors.governor import Governor
from actors.leases import Leases
from actors.process import Processor
from actors.records import Claim
from actors.retry import RowRetries
from actors.sandbox import Sandbox
from actors.schedule import Scheduler
from actors.seal import Seal
from actors.settings import Settings
from actors.store import JobStore, connect
from actors.tag import ModelTagger
from actors.wordlist import WordLists
from protocol.messages import Row

log = logging.getLogger(__name__)

IDLE_POLL_MS = 100
"""Consumers poll: by Dramatiq's default an idle worker notices a message after 0.3 s, with this after 0.04 s."""
RELEASE_S = 2.0
"""Of the time that a platform leaves after SIGTERM, what giving rows back may take."""
FAREWELL_S = 0.5
"""What telling Redis may take after that. While it is away there is nobody to tell: leases and scheduler mend it."""


@dataclass(slots=True)
class Running:
    """A worker process at work."""

    worker: Worker
    store: JobStore
    dispatcher: Dispatcher
    leases: Leases
    sandbox: Sandbox
    stopped: threading.Event
    settings: Settings

    def idle(self) -> bool:
        """Whether nothing is left to do: no job is active that is not paused, and no row is held here.

        Waiting rows count; while Redis is away, nobody knows.
        """
        try:
            return not self.leases.holding and self.store.load().jobs == 0
        except redis.RedisError as fault:
            log.warning("whether there is work is not known while Redis is away: %s", type(fault).__name__)
            return False

    def stop(self) -> None:
        """Let running rows end for `shutdown_s`, then give the rest back: no attempt, no death.

        Takes no longer than that and a moment, whatever Redis does.
        """
        for thread in self.worker.workers:
            thread.stop()  # first of all: else this very process takes again what it gives back
        grace_s = max(2 * IDLE_POLL_MS / 1000, self.settings.shutdown_s - RELEASE_S)  # until idle threads have ended
        give_back = threading.Timer(grace_s, self.leases.give_back, [self._release])
        give_back.daemon = True
        give_back.start()
        ending = threading.Thread(target=self._end, args=[grace_s + RELEASE_S], daemon=True)
        ending.start()
        ending.join(grace_s + RELEASE_S + FAREWELL_S)
        give_back.cancel()
        self.stopped.set()
        self.sandbox.close()

    def _end(self, limit_s: float) -> None:
        """Dramatiq's own end. It waits `limit_s` for its threads, and as long again for Redis, which may be away."""
        try:
            self.worker.stop(timeout=round(limit_s * 1000))
        except redis.RedisError as fault:
            log.warning("messages on hand are left to the queue: %s", fault)

    def _release(self, claim: Claim) -> None:
        row = Row.waiting(claim.row_id, claim.document.title, model_name=claim.model_name, id=claim.document.id)
        if address := self.store.release(claim, row):
            self.dispatcher.send([address])


def boot(settings: Settings) -> Running:
    """Open the connections, start the threads and children, and begin to work.

    Raises:
        BadSetting: the queue's Redis answers, but will not have us.
    """
    client = connect(settings.redis_url, max_connections=settings.worker_threads + 4)
    store = JobStore(client, settings)
    broker = make_broker(settings)
    dispatcher = Dispatcher(store, broker)
    _check(dispatcher)
    broker.add_middleware(RowRetries(store, dispatcher, settings))
    loop, stopped = _event_loop(), threading.Event()
    leases = Leases(store, loop, settings)
    sandbox = Sandbox(
        processes=settings.extract_processes or os.cpu_count() or 1,
        memory_mb=settings.extract_memory_mb,
        timeout_s=settings.extract_timeout_s,
        ocr_timeout_s=settings.ocr_timeout_s,
        ocr_languages=settings.ocr_languages,
    )
    sandbox.start()
    seal = Seal(settings.secret_key)
    processor = Processor(
        store,
        dispatcher,
        leases,
        Fetcher(settings, client),
        sandbox,
        ModelTagger(settings),
        Governor(client, seal, settings),
        seal,
        settings,
        WordLists(store, sandbox),
    )
    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(processor.process_document)
    name = f"{uuid.uuid4().hex[:12]}/{settings.worker_threads}"
    scheduler = Scheduler(store, broker, dispatcher, worker=name, lease_s=settings.lease_s)
    for work in (leases.renew_until, scheduler.run_until):
        threading.Thread(target=work, args=[stopped], daemon=True, name=work.__qualname__).start()
    worker = _worker(broker, settings.worker_threads)
    log.info("worker %s is ready", name)
    return Running(worker, store, dispatcher, leases, sandbox, stopped, settings)


def _check(dispatcher: Dispatcher) -> None:
    try:
        dispatcher.check()
    except redis.ResponseError as fault:
        raise BadSetting(f"TAGSTREAM_BROKER_URL (or REDIS_URL): the queue's database cannot be used: {fault}") from None
    except redis.RedisError as fault:
        log.warning("Redis is away; work begins when it is back: %s", fault)


def _worker(broker: DocumentBroker, threads: int) -> Worker:
    worker = Worker(broker, worker_timeout=IDLE_POLL_MS, worker_threads=threads)
    worker.start()
    return worker


def _event_loop() -> asyncio.AbstractEventLoop:
    """The process's one event loop, on which every row's HTTP runs: there it can be cancelled."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=_run, args=[loop], daemon=True, name="http").start()
    return loop


def _run(loop: asyncio.AbstractEventLoop) -> Any:
    asyncio.set_event_loop(loop)
    loop.run_forever()
