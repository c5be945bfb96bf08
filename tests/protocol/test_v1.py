"""Dialect v1 as the hub uses it."""

import json

import pytest

from tests.protocol.frames import parse, parse_all
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.frame import Opcode
from tradewatch.protocol.v1 import V1
from tradewatch.protocol.v2.events import Pong

EURUSD = Instrument(id=1, asset_class=AssetClass.CURRENCIES, symbol="EURUSD", decimals=5)
BITCOIN = Instrument(id=2, asset_class=AssetClass.CRYPTO, symbol="BTCUSD", decimals=2)


def quote(instrument: Instrument, bid: str | None, ask: str | None) -> Record:
    sides = (None if side is None else Price.parse(side) for side in (bid, ask))
    return Record(instrument, 1_767_389_239_253_123_456, 0, *sides, seq=9)


@pytest.mark.parametrize(
    ("scoped", "name", "expected"),
    [
        (
            False,
            "v1",
            '{"symbol":"EURUSD","timestamp":"1767389239253","ask":"1.17174","bid":"1.17164","mid":"1.17169"}',
        ),
        (
            True,
            "v1.scoped",
            (
                '{"asset_class":"currencies","symbol":"EURUSD","timestamp":"1767389239253",'
                '"ask":"1.17174","bid":"1.17164","mid":"1.17169"}'
            ),
        ),
    ],
)
def test_a_body_is_a_whole_frame(scoped: bool, name: str, expected: str) -> None:
    dialect: Dialect = V1(scoped=scoped)
    assert dialect.name == name
    for _ in range(2):  # the second time from what is kept
        frame, rest = parse(dialect.body(quote(EURUSD, "1.17164", "1.17174")))
        assert (frame.opcode, bytes(frame.data).decode(), rest) == (Opcode.TEXT, expected, b"")


def test_frames_are_the_bodies_in_their_order() -> None:
    dialect = V1(scoped=False)
    bodies = [dialect.body(quote(EURUSD, "1", "2")), dialect.body(quote(BITCOIN, "3", "4"))]
    bodies.append(dialect.event(Pong(timestamp="5")))
    messages = [json.loads(frame.data) for frame in parse_all(dialect.frames(bodies))]
    assert [message.get("symbol") for message in messages] == ["EURUSD", "BTCUSD", None]
    assert messages[-1] == {"event": "pong", "timestamp": "5"}
    assert dialect.frames([]) == b""


def test_what_v1_has_no_words_for_is_not_said() -> None:
    dialect = V1(scoped=False)
    assert dialect.body(quote(EURUSD, None, "1.17174")) == b""
    assert dialect.body(quote(EURUSD, "1.17164", None)) == b""
    body = dialect.body(quote(EURUSD, "1", "2"))
    assert dialect.drained(body, skipped=4, snapshot=True, replay=True) is body
