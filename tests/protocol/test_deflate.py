"""Compressed messages, as the extension of websockets reads them."""

import json
import random

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.frames import Opcode as WebsocketsOpcode

from tests.protocol.frames import parse
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.protocol.deflate import WINDOW_BITS, Deflated
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.frame import Opcode
from tradewatch.protocol.v2.events import Pong
from tradewatch.protocol.v2.json import V2Json
from tradewatch.protocol.v2.msgpack import V2Msgpack

EURUSD = Instrument(id=1, asset_class=AssetClass.CURRENCIES, symbol="EURUSD", decimals=5)


def quotes(count: int) -> list[Record]:
    draw = random.Random(7)
    return [
        Record(EURUSD, 10**18 + seq, 10**18, Price.of(draw.randrange(10**5), -5), Price(2, 0), seq=seq)
        for seq in range(1, count + 1)
    ]


def extension(window_bits: int) -> PerMessageDeflate:
    """The client's side, which agreed to this window."""
    return PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=window_bits,
        local_max_window_bits=15,
    )


@pytest.mark.parametrize("window_bits", WINDOW_BITS)
def test_each_message_is_compressed_by_itself_and_read_with_the_agreed_window(window_bits: int) -> None:
    inner = V2Json({}.get)
    dialect: Dialect = Deflated(inner, window_bits)
    bodies = [dialect.body(record) for record in quotes(3_000)]
    data = dialect.frames(bodies)
    assert len(data) < len(inner.frames(bodies)) / 4
    heard: list[int] = []
    frames = 0
    while data:
        assert data[0] == 0x80 | 0x40 | Opcode.TEXT
        frame, data = parse(data, [extension(window_bits)])
        heard += [event["seq"] for event in json.loads(bytes(frame.data))]
        frames += 1
    assert heard == list(range(1, 3_001))
    assert frames > 1


def test_it_is_the_inner_dialect_but_for_its_frames_and_its_name() -> None:
    inner = V2Msgpack({}.get)
    dialect = Deflated(inner, 12)
    (record,) = quotes(1)
    assert dialect.body(record) == inner.body(record)
    assert dialect.drained(inner.body(record), skipped=4, snapshot=False) == inner.drained(
        inner.body(record), skipped=4, snapshot=False
    )
    assert dialect.event(Pong(timestamp="1")) == inner.event(Pong(timestamp="1"))
    assert dialect.frames([]) == b""
    assert dialect.frames([b"\xc0"])[0] == 0x80 | 0x40 | Opcode.BINARY
    names = {inner.name, dialect.name, Deflated(inner, 9).name, Deflated(V2Json({}.get), 12).name}
    assert len(names) == 4


@pytest.mark.parametrize("window_bits", WINDOW_BITS)
def test_the_bytes_are_those_that_websockets_would_write(window_bits: int) -> None:
    inner = V2Json({}.get)
    bodies = [inner.body(record) for record in quotes(20)]
    server = PerMessageDeflate(
        remote_no_context_takeover=True,
        local_no_context_takeover=True,
        remote_max_window_bits=15,
        local_max_window_bits=window_bits,
    )
    expected = Frame(WebsocketsOpcode.TEXT, inner.array(bodies)).serialize(mask=False, extensions=[server])
    assert Deflated(inner, window_bits).frames(bodies) == expected


@pytest.mark.parametrize("window_bits", [8, 16, 0, -12])
def test_a_window_that_cannot_be_is_refused(window_bits: int) -> None:
    with pytest.raises(ValueError, match="9 to 15"):
        Deflated(V2Json({}.get), window_bits)
