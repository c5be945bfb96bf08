"""Our frames are what websockets' own parser and serialiser take them for."""

from collections.abc import Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.frames import Opcode as WebsocketsOpcode

from tradewatch.protocol.frame import PING_FRAME, Opcode, frame_header, text_frame

sizes_at_the_edges = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 65_537])


def parse(data: bytes) -> tuple[Frame, bytes]:
    """The first frame of some bytes, as a client reads it, and what is left."""
    position = 0

    def read_exact(count: int) -> Generator[None, None, bytes]:
        nonlocal position
        taken = data[position : position + count]
        assert len(taken) == count, "the header promises more than there is"
        position += count
        return taken
        yield

    parser = Frame.parse(read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parser)
    return done.value.value, data[position:]


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=300), sizes_at_the_edges.map(bytes)), st.sampled_from(Opcode))
def test_a_frame_is_read_back_as_what_it_was_made_of(payload: bytes, opcode: Opcode) -> None:
    if opcode is Opcode.PING:
        payload = payload[:125]
    frame, rest = parse(frame_header(len(payload), opcode) + payload + b"next")
    assert (frame.opcode, frame.data, frame.fin, frame.rsv1, rest) == (opcode, payload, True, False, b"next")


@settings(deadline=None)
@given(st.one_of(st.text(max_size=300).map(str.encode), sizes_at_the_edges.map(lambda size: b"x" * size)))
def test_a_text_frame_is_the_bytes_that_websockets_would_write(payload: bytes) -> None:
    assert text_frame(payload) == Frame(WebsocketsOpcode.TEXT, payload).serialize(mask=False)


def test_the_ping_is_two_bytes_and_carries_nothing() -> None:
    assert PING_FRAME == Frame(WebsocketsOpcode.PING, b"").serialize(mask=False) == b"\x89\x00"
