"""No name gets as far as TLS that is none."""

import pytest

from actors.errors import SourceRefused
from protocol.words import ErrorCode
from tests.hosts import host, refusal, says


@pytest.mark.parametrize("name", ["a.test..", ".a.test", "a..test", ".", "a" * 64 + ".test"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_with_an_empty_or_endless_part_is_refused(scheme: str, name: str) -> None:
    """Some resolvers know `a.test..`; TLS would raise what no route expects."""
    error = await refusal(f"{scheme}://{name}/a.pdf")
    assert (type(error), error.code) == (SourceRefused, ErrorCode.ADDRESS_REFUSED)


async def test_a_redirect_to_such_a_name_is_refused() -> None:
    async with host(says(b"", "302 Found", Location="https://a.test../")) as there:
        assert (await refusal(there.url())).code is ErrorCode.ADDRESS_REFUSED
