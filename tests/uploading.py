"""Sending files, and what of them is in Redis."""

import httpx2

from tests.jobs import Bench
from tests.served import Served

UPLOADS = "/api/uploads"
PDF = b"%PDF-1.7 small"


def files(*bodies: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    """The parts of a request."""
    return [("files", (f"{number}.pdf", body, "application/pdf")) for number, body in enumerate(bodies)]


async def post(api: Served, *bodies: bytes, subject: str = "alice") -> httpx2.Response:
    async with api.client(subject) as client:
        return await client.post(UPLOADS, files=files(*bodies))


def kept(bench: Bench) -> list[str]:
    """The keys of all uploads; each has a time to live."""
    keys: list[str] = bench.redis.keys("*upload*")
    for key in keys:
        assert bench.redis.pttl(key) != -1, key  # -2: it has just gone
    return [key for key in keys if key.startswith("upload:")]


def counted(bench: Bench, subject: str = "alice") -> int:
    """How many bytes count for a caller."""
    return int(bench.redis.hget(f"owner:{{{subject}}}:uploads", "") or 0)
