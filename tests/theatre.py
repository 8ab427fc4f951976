"""A server of sockets that plays what a test writes: it drops, repeats, restarts and refuses.

Requests that want no socket are refused as well: with 503, as of a server that is away.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from protocol.messages import Message, Refusal, to_json

Scene = Callable[[ServerConnection], Awaitable[None]] | HTTPStatus
"""What happens on one connection, or how its handshake is refused."""


class Theatre:
    """A server that plays one scene a connection, and remembers who came."""

    def __init__(self, scenes: tuple[Scene, ...]) -> None:
        self.scenes = list(scenes)
        self.requests: list[Request] = []
        self.url = ""
        self.http = HTTPStatus.SERVICE_UNAVAILABLE
        """The answer to what wants no socket."""

    @property
    def cursors(self) -> list[str | None]:
        """The cursor that each connection brought."""
        return [parse_qs(urlsplit(request.path).query).get("cursor", [None])[0] for request in self.requests]

    def admit(self, visitor: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" not in request.headers:
            return visitor.respond(self.http, "no")
        self.requests.append(request)
        scene = self.scenes[0]
        if isinstance(scene, HTTPStatus):
            self.scenes.pop(0)
            return visitor.respond(scene, "no")
        return None

    async def play(self, visitor: ServerConnection) -> None:
        scene = self.scenes.pop(0)
        assert not isinstance(scene, HTTPStatus)
        await scene(visitor)


@asynccontextmanager
async def theatre(*scenes: Scene) -> AsyncIterator[Theatre]:
    stage = Theatre(scenes)
    async with serve(stage.play, "127.0.0.1", 0, process_request=stage.admit) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        stage.url = f"http://127.0.0.1:{port}"
        yield stage


def says(*said: Message | Refusal, close: int = 1000, reason: str = "") -> Scene:
    """Says these and closes with that code; 1006 drops the connection without a word."""

    async def scene(visitor: ServerConnection) -> None:
        for each in said:
            await visitor.send(to_json(each).decode())
        if close == 1006:
            visitor.transport.abort()
        else:
            await visitor.close(close, reason)

    return scene
