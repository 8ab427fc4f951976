"""Rows → messages. A message carries ids only: no payload, no secret."""

import logging
from collections.abc import Iterable

import redis
from dramatiq import Message
from dramatiq.errors import BrokerError

from actors.broker import ACTOR, QUEUE, DocumentBroker
from actors.records import RowAddress
from actors.store import JobStore

log = logging.getLogger(__name__)


class Dispatcher:
    """Sends rows to the workers, a chunk of each job at a time.

    A message that cannot be sent is not lost: its row is marked as sent, and the scheduler sends it again.
    """

    def __init__(self, store: JobStore, broker: DocumentBroker) -> None:
        self._store = store
        self._broker = broker

    def check(self) -> None:
        """Raises redis.RedisError where the queue cannot be used."""
        self._broker.queued()

    def refill(self, job_id: str) -> None:
        """Send as many new rows of the job as its chunk has room for."""
        self.send(self._store.refill(job_id))

    def send(self, addresses: Iterable[RowAddress]) -> None:
        """Send the messages of rows that the store has just marked as sent."""
        for address in addresses:
            try:
                self._broker.enqueue(message(address))
            except (redis.RedisError, BrokerError) as fault:
                log.warning("row %d of job %s will be sent again: %s", address.row_id, address.job_id, fault)
                return


def message(address: RowAddress) -> Message[None]:
    """The queue message of a row."""
    return Message(
        queue_name=QUEUE,
        actor_name=ACTOR,
        args=(),
        kwargs={"job_id": address.job_id, "run": address.run, "row_id": address.row_id},
        options={},
    )
