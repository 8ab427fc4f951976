"""Forms whose parts fall anywhere come apart as they were sent; what has no end is not looked through."""

import pytest

from api.multipart import PART_HEAD_MAX_BYTES, PIECE_BYTES, Part, read_parts
from protocol.faults import MalformedBody

TYPE = "multipart/form-data; boundary=x"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
LAST = b"\r\n--x--\r\n"


def parts(body: bytes) -> dict[str, Part]:
    return read_parts(TYPE, body, ["file"])


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_a_part_comes_back_as_it_was_wherever_its_end_falls(pieces: int) -> None:
    for size in range(pieces * PIECE_BYTES - len(HEAD) - 2 * len(LAST), pieces * PIECE_BYTES + len(LAST)):
        content = (b"\r\n--" * size)[:size]
        assert parts(HEAD + content + LAST)["file"].content == content


@pytest.mark.parametrize(
    "body",
    [
        b"\r" * (PART_HEAD_MAX_BYTES + 2 * PIECE_BYTES) + HEAD + LAST,
        HEAD[:-2] + b"A: b\r\n" * PIECE_BYTES + b"\r\n" + LAST,
        HEAD + LAST + b"\r\n" * 2 * PIECE_BYTES,
    ],
    ids=["before the first part", "head of a part", "behind the last part"],
)
def test_words_around_the_parts_without_end_are_refused(body: bytes) -> None:
    """One look through 16 MiB of them would hold the whole process up for a second."""
    with pytest.raises(MalformedBody):
        parts(body)


def test_an_encoding_with_an_endless_name_is_cut() -> None:
    """It goes to a child as an argument, which must not be longer than 128 KiB."""
    head = HEAD[:-2] + b"Content-Type: text/csv; charset=" + b"a" * 60_000 + b"\r\n\r\n"
    assert len(parts(head + LAST)["file"].charset or "") <= 64
