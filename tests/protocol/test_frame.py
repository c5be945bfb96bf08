"""Our frames are what websockets' own parser and serialiser take them for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.frames import Opcode as WebsocketsOpcode

from tests.protocol.frames import parse
from tradewatch.protocol.frame import PING_FRAME, Opcode, frame_header, text_frame

sizes_at_the_edges = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 65_537])


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=300), sizes_at_the_edges.map(bytes)), st.sampled_from(Opcode))
def test_a_frame_is_read_back_as_what_it_was_made_of(payload: bytes, opcode: Opcode) -> None:
    if opcode is Opcode.PING:
        payload = payload[:125]
    frame, rest = parse(frame_header(len(payload), opcode) + payload + b"next")
    assert (frame.opcode, frame.data, frame.fin, frame.rsv1, rest) == (opcode, payload, True, False, b"next")


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_compressed_frame_says_so_in_one_bit(size: int) -> None:
    plain, compressed = (frame_header(size, compressed=compressed) for compressed in (False, True))
    assert compressed == bytes([plain[0] | 0x40]) + plain[1:]


@settings(deadline=None)
@given(st.one_of(st.text(max_size=300).map(str.encode), sizes_at_the_edges.map(lambda size: b"x" * size)))
def test_a_text_frame_is_the_bytes_that_websockets_would_write(payload: bytes) -> None:
    assert text_frame(payload) == Frame(WebsocketsOpcode.TEXT, payload).serialize(mask=False)


def test_the_ping_is_two_bytes_and_carries_nothing() -> None:
    assert PING_FRAME == Frame(WebsocketsOpcode.PING, b"").serialize(mask=False) == b"\x89\x00"
