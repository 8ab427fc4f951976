"""create_app: routes, errors, and what lives as long as the process serves."""

import asyncio
from collections.abc import AsyncGenerator

from quart import Blueprint, Quart, Response, current_app, request
from redis import RedisError

from actors.settings import Settings
from api import batch, control, events, parts, paths, problems, results, single, sockets, template, uploads
from api.intake import Intake, StreamedBody, StreamedRequest
from api.parts import present
from api.problems import Problem
from api.results import answer
from api.transport import Conversation

BODY_MAX_BYTES = 16 * 1024 * 1024
READY_TIMEOUT_S = 2.0

routes = Blueprint("app", __name__)


def create_app(settings: Settings) -> Quart:
    """The API. Connections are opened when it begins to serve, and closed when it ends."""
    app = Quart(__name__, static_folder=None)
    app.asgi_websocket_class = Conversation
    app.asgi_http_class, app.request_class = Intake, StreamedRequest
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    for module in (batch, control, events, paths, results, single, sockets, template, uploads):
        app.register_blueprint(module.routes)
    app.register_blueprint(routes)
    problems.register(app)

    @app.while_serving
    async def lifespan() -> AsyncGenerator[None, None]:
        async with parts.opened(settings) as opened:
            parts.install(app, opened)
            yield

    @app.after_request
    async def complete(response: Response) -> Response:
        if isinstance(request.body, StreamedBody):
            request.body.drop()
        response.headers.setdefault("Cache-Control", "no-store")
        if response.status_code >= 400 and _has_body() and request.http_version == "1.1":
            # Refused before it was read whole: the rest of it cannot stand before another request.
            response.headers["Connection"] = "close"
        return response

    return app


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


@routes.get("/api/health")
async def health() -> Response:
    """Whether this process answers (public)."""
    return answer({"status": "alive"})


@routes.get("/api/ready")
async def ready() -> Response:
    """Whether Redis answers, for jobs and for the queue (public)."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await present().feed.reader.ping()
            await asyncio.to_thread(present().dispatcher.check)
    except (RedisError, TimeoutError):
        raise Problem(503, "Redis does not answer.", headers={"Retry-After": str(problems.RETRY_AFTER_S)}) from None
    return answer({"status": "ready"})


@routes.get("/openapi.json")
async def description() -> Response:
    """This description (public)."""
    from api import openapi  # noqa: PLC0415 - few ask for it, and it would slow every start

    return Response(openapi.document(current_app), content_type="application/json")


@routes.get("/asyncapi.json")
async def messages() -> Response:
    """The observer's messages, channels and closes, AsyncAPI 3.0 (public)."""
    from api import asyncapi  # noqa: PLC0415 - as above

    return Response(asyncapi.document(), content_type="application/json")


@routes.get("/schemas.json")
async def schemas() -> Response:
    """One JSON Schema, 2020-12, that every message to an observer satisfies (public)."""
    from api import asyncapi  # noqa: PLC0415 - as above

    return Response(asyncapi.schema(), content_type="application/schema+json")
