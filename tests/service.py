"""What workers need around them: a store, a queue, documents in a folder, and settings with short waits."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from actors.broker import make_broker
from actors.dispatch import Dispatcher
from actors.settings import Settings
from bench.documents import text_pdf
from bench.provider import Provider
from tests.jobs import Bench, new_job
from tests.processes import process

MODEL = {"model_name": "mock/model", "api_key_from": "server"}
SERVER_KEY = "the-servers-own-key"


class Service:
    """A store, a queue and what starts jobs, as the API has them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bench = Bench(settings)
        self.broker = make_broker(settings)
        self.dispatcher = Dispatcher(self.bench.store, self.broker)

    def close(self) -> None:
        """Let go of the connections."""
        self.bench.close()
        self.broker.close()

    def start(self, rows: int = 10, **changes: Any) -> None:
        """Create a job and send its first messages."""
        self.bench.store.create(new_job("job", rows, **changes))
        self.dispatcher.refill("job")

    def results(self) -> dict[int, Any]:
        """The rows that have ended."""
        return {event.told.row_id: event.told for event in self.bench.events() if event.row and event.told.status.final}

    @contextmanager
    def worker(self) -> Iterator[Any]:
        """A real worker process."""
        with process(self.settings, "actors") as running:
            yield running


def quick(settings: Settings, folder: Path, provider: Provider, **changes: Any) -> Settings:
    """Settings with short leases and waits, of a server with a key of its own; documents lie in `folder`."""
    known: dict[str, Any] = {
        "local_root": folder,
        "provider_base_url": provider.base_url,
        "provider_api_key": SERVER_KEY,
        "worker_threads": 4,
        "extract_processes": 1,
        "lease_s": 1.0,
        "backoff_min_ms": 20,
        "backoff_max_ms": 100,
    }
    return replace(settings, **known | changes)


@contextmanager
def serving(settings: Settings, documents: int) -> Iterator[Service]:
    """A service whose folder holds so many documents, as the rows of `new_job` name them."""
    assert settings.local_root is not None
    for number in range(documents):
        (settings.local_root / f"{number}.pdf").write_bytes(text_pdf(number, pages=1))
    with closing(Service(settings)) as service:
        yield service
