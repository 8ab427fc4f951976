"""Files on their way in, where the request that brings them comes to nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing, suppress

import pytest
import redis

from actors.settings import Settings
from actors.shelf import Uploads
from actors.store import connect
from api.intake import Part
from api.taking import Taking
from tests.jobs import OWNER, Bench
from tests.uploading import PDF, kept


async def content() -> AsyncGenerator[bytes, None]:
    yield PDF


@pytest.mark.parametrize(
    ("handed_over", "fault", "stay"),
    [
        (False, asyncio.CancelledError, 0),
        (False, redis.ConnectionError, 0),
        (True, asyncio.CancelledError, 1),
        (True, redis.ConnectionError, 1),
        (True, redis.ResponseError, 0),
    ],
)
async def test_files_stay_once_a_job_may_have_them(
    settings: Settings, bench: Bench, handed_over: bool, fault: type[BaseException], stay: int
) -> None:
    with closing(connect(settings.redis_url, max_connections=2)) as client, suppress(fault):
        async with Taking(Uploads(client, settings), OWNER) as taking:
            await taking.add("pdf_file", Part("pdf_file", "a.pdf", "application/pdf", None, content()))
            await taking.keep()
            if handed_over:
                taking.hand_over()
            raise fault
    assert len(kept(bench)) == stay
