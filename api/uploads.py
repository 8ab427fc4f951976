"""Take in files that batches then name."""

import asyncio
from collections.abc import AsyncIterator

from quart import Blueprint, Response, request
from werkzeug.exceptions import RequestTimeout

from api.intake import Part
from api.parts import present
from api.results import answer
from api.taking import Taking, Upload, parts_of

REQUEST_LIMIT_S = 900.0

routes = Blueprint("uploads", __name__)


@routes.post("/api/uploads")
async def upload() -> Response:
    """Take in PDFs, as multipart/form-data: all of them or none."""
    caller = present().door.admit_request(request)
    settings = present().settings
    parts = parts_of(request, most_bytes=settings.upload_body_max_bytes, parts_max=settings.uploads_per_caller)
    try:
        async with (
            asyncio.timeout(REQUEST_LIMIT_S),
            present().upload_rooms.enter(caller.subject),
            Taking(present().uploads, caller.subject) as taking,
        ):
            return answer(await _all(parts, taking), 201)
    except TimeoutError:
        raise RequestTimeout from None


async def _all(parts: AsyncIterator[Part], taking: Taking) -> list[Upload]:
    index = 0
    async for part in parts:
        await taking.add(f"files[{index}]", part)
        index += 1
    if not index:
        taking.faults.add("files", "is missing: the body holds no file")
    return await taking.keep()
