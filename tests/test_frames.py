"""Frames as they stand on either wire."""

import pytest
from websockets.extensions import Extension
from websockets.frames import Frame as Read
from websockets.frames import Opcode
from websockets.streams import StreamReader

from api.frames import PIECE_BYTES, Frame

NO_EXTENSIONS: list[Extension] = []


def read_back(wire: bytes) -> Read:
    """A frame as another implementation reads it from a server."""
    reader = StreamReader()
    reader.feed_data(wire)
    reader.feed_eof()
    reading = Read.parse(reader.read_exact, mask=False, extensions=NO_EXTENSIONS)
    try:
        while True:
            next(reading)
    except StopIteration as done:
        frame: Read = done.value
    assert not reader.buffer
    return frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, PIECE_BYTES, PIECE_BYTES + 1, 1_000_000])
def test_a_frame_of_any_size_is_one_text_frame(size: int) -> None:
    body = b"x" * size
    wire = b"".join(Frame(body).socket_pieces())
    assert wire == Frame(body).as_socket_frame
    frame = read_back(wire)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, body)


@pytest.mark.parametrize("size", [PIECE_BYTES, PIECE_BYTES + 1, 1_000_000])
def test_no_piece_is_large(size: int) -> None:
    frame = Frame(b"x" * size, "run.1-0")
    overhead = 64
    assert max(map(len, [*frame.socket_pieces(), *frame.event_pieces()])) <= PIECE_BYTES + overhead


@pytest.mark.parametrize("body", [b"{}", b"x" * (PIECE_BYTES + 1)])
def test_an_event_is_unnamed_and_has_the_cursor_for_its_id(body: bytes) -> None:
    assert b"".join(Frame(body, "run.1-0").event_pieces()) == b"id: run.1-0\ndata: " + body + b"\n\n"
    assert b"".join(Frame(body).event_pieces()) == b"data: " + body + b"\n\n"
