"""A model provider for tests and the bench: a real HTTP server that misbehaves on request.

    POST   /v1/chat/completions   answers tags that stand in the document's text, or fails as told
    GET    /v1/models             one model
    GET    /stats                 what was asked of it so far
    DELETE /stats                 forgets that
    POST   /control               JSON with fields of `Behaviour`: they hold from the next call on

It shares its cores with what is measured, so it is cheap: about 0.3 ms of CPU a call. What goes wrong is decided by
counting, never by chance: two runs with the same calls see the same.

    python -m bench.provider --port 9100 --latency-ms 200 --share 429=0.1 --share drop=0.02
"""

import argparse
import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import msgspec

from bench.conduct import Behaviour, Call, Conduct, Stats, document_hash, error, tags_of
from bench.wire import Connection, Request

__all__ = ["Behaviour", "Provider", "Stats", "document_hash", "in_thread", "tags_of"]

_MODELS = b'{"object":"list","data":[{"id":"mock","object":"model","created":0,"owned_by":"bench"}]}'


class Provider(Conduct):
    """The server. `async with Provider(Behaviour(latency_ms=20)) as provider: provider.base_url ...`

    `behaviour` may be changed at any time; `stats` and `seen` (the last calls, oldest first) be read.
    """

    def __init__(self, behaviour: Behaviour | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(behaviour or Behaviour())
        self._host, self._port = host, port
        self._connections: set[Connection] = set()
        self._in_flight: dict[Connection, asyncio.TimerHandle | None] = {}

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self._host}:{self._port}"

    @property
    def base_url(self) -> str:
        """What a client of OpenAI is given."""
        return f"{self.origin}/v1"

    async def __aenter__(self) -> Self:
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._server = await self._loop.create_server(lambda: Connection(self), self._host, self._port, backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()
        await self.until(lambda stats: stats.open_connections == 0)

    async def until(self, condition: Callable[[Stats], bool], timeout_s: float = 10.0) -> None:
        """Wait until the stats are so. Raises TimeoutError when they do not become so."""
        async with asyncio.timeout(timeout_s):
            while not condition(self.stats):
                self._changed.clear()
                await self._changed.wait()

    def wait(self, condition: Callable[[Stats], bool], timeout_s: float = 10.0) -> None:
        """`until` for other threads than the server's."""
        asyncio.run_coroutine_threadsafe(self.until(condition, timeout_s), self._loop).result(timeout_s + 1)

    def opened(self, connection: Connection) -> None:
        """Part of `Site`."""
        self._connections.add(connection)
        self.stats.connections += 1
        self.stats.open_connections += 1
        self._changed.set()

    def closed(self, connection: Connection) -> None:
        """Part of `Site`."""
        self._connections.discard(connection)
        self.stats.open_connections -= 1
        if connection in self._in_flight:
            self.stats.abandoned += 1
            self._landed(connection)
        self._changed.set()

    def asked(self, connection: Connection, request: Request) -> None:
        """Part of `Site`."""
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            status, page = self._page(request)
            connection.respond(status, {}, page)
            return
        try:
            call = msgspec.json.decode(request.body, type=Call)
        except (ValueError, RecursionError) as fault:
            connection.respond(400, {}, error(str(fault)))
            return
        call.authorization = request.header("authorization")
        self._fly(connection, call)

    def _fly(self, connection: Connection, call: Call) -> None:
        outcome = self.decide(call)
        delay_s = self.behaviour.latency_ms / 1000
        timer = None if outcome == "hang" else self._loop.call_later(delay_s, self._answer, connection, call, outcome)
        self._in_flight[connection] = timer
        self.stats.in_flight = len(self._in_flight)
        self.stats.max_in_flight = max(self.stats.max_in_flight, self.stats.in_flight)
        self._changed.set()

    def _landed(self, connection: Connection) -> None:
        timer = self._in_flight.pop(connection)
        if timer:
            timer.cancel()
        self.stats.in_flight = len(self._in_flight)
        self._changed.set()

    def _answer(self, connection: Connection, call: Call, outcome: str) -> None:
        self._landed(connection)
        if outcome == "drop":
            connection.close()
        elif outcome == "no-response-format":
            connection.respond(400, {}, error("'response_format' json_schema is not supported", self.behaviour.error))
        elif outcome == "401":
            connection.respond(401, {}, error(f"Incorrect key provided: {call.authorization}", self.behaviour.error))
        elif outcome.isdigit():
            headers = self.limits() | self.retry_after()
            connection.respond(int(outcome), headers, error("This fails as told", self.behaviour.error))
        else:
            body = self.completion(call, outcome)
            connection.respond(
                200, self.limits(), body[: len(body) // 2] if outcome == "truncated" else body, cut=outcome == "break"
            )

    def _page(self, request: Request) -> tuple[int, bytes]:
        match request.method, request.path:
            case "GET", "/stats":
                return 200, msgspec.json.encode(self.stats)
            case "DELETE", "/stats":
                self.stats = Stats(in_flight=self.stats.in_flight, open_connections=self.stats.open_connections)
                return 200, b"{}"
            case "POST", "/control":
                return self._control(request.body)
            case "GET", "/v1/models":
                return 200, _MODELS
        return 404, error("no such page")

    def _control(self, body: bytes) -> tuple[int, bytes]:
        try:
            wanted = msgspec.json.decode(body, type=dict[str, Any])
            self.behaviour = msgspec.convert({**msgspec.to_builtins(self.behaviour), **wanted}, Behaviour)
        except (ValueError, RecursionError) as fault:
            return 400, error(str(fault))
        return 200, msgspec.json.encode(self.behaviour)


@contextmanager
def in_thread(behaviour: Behaviour | None = None) -> Iterator[Provider]:
    """A provider on an event loop of its own, for code that has none."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="provider", daemon=True)
    thread.start()
    provider = Provider(behaviour)
    asyncio.run_coroutine_threadsafe(provider.__aenter__(), loop).result()
    try:
        yield provider
    finally:
        asyncio.run_coroutine_threadsafe(provider.__aexit__(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _arguments() -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m bench.provider", description="A mock model provider.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--share", action="append", default=[], metavar="OUTCOME=SHARE", help="429=0.1, drop=0.02 ...")
    parser.add_argument("--each-document", nargs="*", default=[], metavar="OUTCOME", help="of its first calls")
    parser.add_argument("--retry-after-s", type=float)
    parser.add_argument("--retry-after-form", choices=("seconds", "date", "ms"), default="seconds")
    parser.add_argument("--refuse-response-format", action="store_true")
    parser.add_argument("--key", action="append", dest="keys", help="refuse all other keys")
    return vars(parser.parse_args())


async def serve(behaviour: Behaviour, *, host: str, port: int) -> None:
    """Run until SIGINT or SIGTERM; the first line printed is the base URL."""
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with Provider(behaviour, host=host, port=port) as provider:
        print(provider.base_url, flush=True)
        await stop.wait()


def main() -> None:
    """The command line."""
    given = _arguments()
    host, port, shares = given.pop("host"), given.pop("port"), given.pop("share")
    given["shares"] = {outcome: float(share) for outcome, _, share in (each.partition("=") for each in shares)}
    asyncio.run(serve(msgspec.convert(given, Behaviour), host=host, port=port))


if __name__ == "__main__":
    main()
