"""However a text is cut into fragments, it comes out whole."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from tradewatch.protocol.codes import CloseCode
from tradewatch.server.stream.reassembly import Reassembly


def fragments(payload: bytes, cuts: list[int]) -> list[Frame]:
    edges = [0, *sorted(cut % (len(payload) + 1) for cut in cuts), len(payload)]
    parts = [payload[start:end] for start, end in pairwise(edges)]
    return [
        Frame(Opcode.CONT if position else Opcode.TEXT, part, fin=position == len(parts) - 1)
        for position, part in enumerate(parts)
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(), st.lists(st.integers(0, 1_000), max_size=5)), max_size=4))
def test_texts_come_out_as_they_went_in(texts: list[tuple[str, list[int]]]) -> None:
    reassembly = Reassembly()
    frames = [frame for text, cuts in texts for frame in fragments(text.encode(), cuts)]
    outcomes = [reassembly.add(frame, binary=False) for frame in frames]
    assert [outcome for outcome in outcomes if outcome is not None] == [text.encode() for text, _ in texts]


@settings(deadline=None)
@given(st.binary(), st.lists(st.integers(0, 1_000), max_size=5))
def test_bytes_are_taken_exactly_where_they_are_utf8(payload: bytes, cuts: list[int]) -> None:
    reassembly = Reassembly()
    *_, outcome = [reassembly.add(frame, binary=False) for frame in fragments(payload, cuts)]
    try:
        payload.decode()
    except UnicodeDecodeError:
        assert outcome is CloseCode.INVALID_DATA
    else:
        assert outcome == payload


@pytest.mark.parametrize(("opcode", "binary"), [(Opcode.BINARY, False), (Opcode.TEXT, True)])
def test_the_other_kind_is_refused_with_its_first_fragment(opcode: Opcode, binary: bool) -> None:
    assert Reassembly().add(Frame(opcode, b"", fin=False), binary=binary) is CloseCode.UNSUPPORTED_DATA


def test_binary_messages_are_any_bytes() -> None:
    reassembly = Reassembly()
    assert reassembly.add(Frame(Opcode.BINARY, b"\xff", fin=False), binary=True) is None
    assert reassembly.add(Frame(Opcode.CONT, b"\xfe"), binary=True) == b"\xff\xfe"
