"""The bench's own reader of WebSocket frames, against frames made by a library."""

import pytest
from websockets.frames import Frame as Sent
from websockets.frames import Opcode

from bench.crowd import number_of
from bench.rfc6455 import CLOSE, KEPT_BYTES, LARGE_BYTES, TEXT, Frame, Frames
from protocol.messages import Catchup, JobState, Progress, Row, to_json
from protocol.words import JobStatus

SIZES = [0, 1, 125, 126, 65_535, 65_536, LARGE_BYTES + 1, 3 * LARGE_BYTES]


def bytes_of(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    return Sent(opcode, payload).serialize(mask=False)


def fed(frames: Frames, data: bytes, step: int) -> list[Frame]:
    return [frame for start in range(0, len(data), step) for frame in frames.feed(data[start : start + step])]


@pytest.mark.parametrize("step", [1, 7, 4_096, 10_000_000], ids=lambda step: f"{step} bytes at a time")
def test_frames_come_out_whole_however_their_bytes_come_in(step: int) -> None:
    payloads = [bytes([65 + place]) * size for place, size in enumerate(SIZES)]
    found = fed(Frames(), b"".join(map(bytes_of, payloads)), step)
    assert [(frame.opcode, frame.size_bytes) for frame in found] == [(TEXT, size) for size in SIZES]
    for frame, payload in zip(found, payloads, strict=True):
        assert payload[:KEPT_BYTES].startswith(frame.beginning)
        assert frame.size_bytes > LARGE_BYTES or frame.beginning == payload[:KEPT_BYTES]


def test_of_a_large_frame_no_more_is_kept_than_its_beginning() -> None:
    frames = Frames()
    data = bytes_of(b"x" * (8 * LARGE_BYTES))
    assert fed(frames, data[:-1], 1_000) == []
    assert len(frames._buffer) == 0
    (frame,) = frames.feed(data[-1:] + bytes_of(b"")[:1])
    assert frame.size_bytes == 8 * LARGE_BYTES
    assert len(frames._buffer) == 1


def test_a_close_is_told_from_text() -> None:
    (frame,) = Frames().feed(bytes_of(b"\x03\xe8", Opcode.CLOSE))
    assert frame.opcode == CLOSE


def test_events_are_numbered_by_row_and_whether_it_begins_or_ends() -> None:
    rows = [Row.processing(0, "a"), Row.success(0, "a", tags=["x"]), Row.processing(11, "b")]
    assert [number_of(to_json(Progress.of("j", row, 0.5, "r.1-0"))) for row in rows] == [0, 1, 22]


def test_a_catchup_is_no_event() -> None:
    state = JobState(status=JobStatus.PROCESSING, progress=0.0, processed_count=0, failed_count=0, total=2)
    assert number_of(to_json(Catchup(job_id="j", state=state, results=[Row.success(7, "a", tags=["x"])]))) is None
