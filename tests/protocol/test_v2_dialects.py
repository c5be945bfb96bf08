"""Dialect v2 as bytes: both notations say the same, whatever the quote."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.frames import parse_all
from tests.protocol.records import SOURCES, quotes
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price, mid
from tradewatch.model.record import Flags, Kind, Record
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.frame import Opcode
from tradewatch.protocol.v2.dialect import V2Dialect
from tradewatch.protocol.v2.events import Pong
from tradewatch.protocol.v2.json import V2Json
from tradewatch.protocol.v2.msgpack import V2Msgpack
from tradewatch.protocol.v2.portions import MESSAGE_BYTES

BITCOIN = Instrument(id=7, asset_class=AssetClass.CRYPTO, symbol="BTCUSD", decimals=2)


def both() -> tuple[V2Json, V2Msgpack]:
    return V2Json(SOURCES.get), V2Msgpack(SOURCES.get)


def decode(dialect: V2Dialect, data: bytes) -> Any:
    return json.loads(data) if dialect.name == "v2.json" else msgspec.msgpack.decode(data)


def quote(**fields: Any) -> Record:
    values: dict[str, Any] = {
        "instrument": BITCOIN,
        "event_ns": 1_767_389_239_253_123_456,
        "received_ns": 1_767_389_239_253_999_000,
        "bid": Price.parse("61837.63"),
        "ask": Price.parse("61837.64"),
        "seq": 41,
    }
    return Record(**(values | fields))


def described(record: Record) -> dict[str, Any]:
    """The quote event of a record, field by field in their order, by the model's own arithmetic."""
    bid, ask = record.bid, record.ask
    decimals = record.instrument.asset_class.mid_decimals
    event: dict[str, Any] = {
        "event": "quote",
        "asset_class": record.instrument.asset_class.value,
        "symbol": record.instrument.symbol,
        "seq": record.seq,
        "timestamp": str(record.event_ns // 10**6),
        "event_ns": str(record.event_ns),
        "received_ns": str(record.received_ns),
        "bid": bid and bid.text,
        "ask": ask and ask.text,
        "mid": None if bid is None or ask is None else mid(bid, ask, decimals=decimals).text,
    }
    if record.bid_size is not None:
        event["bid_size"] = record.bid_size.text
    if record.ask_size is not None:
        event["ask_size"] = record.ask_size.text
    if record.source in SOURCES:
        event["source"] = SOURCES[record.source]
    names = [flag.name.lower() for flag in Flags if flag.name and record.flags & flag]
    return event | ({"flags": names} if names else {})


@settings(deadline=None, max_examples=1_000)
@given(st.lists(quotes, min_size=1, max_size=3, unique_by=lambda record: record.instrument.id))
def test_both_notations_say_exactly_what_the_record_holds(records: list[Record]) -> None:
    for dialect in both():
        for record in records * 2:  # the second time from what is kept
            body = decode(dialect, dialect.body(record))
            assert list(body.items()) == list(described(record).items())


@settings(deadline=None, max_examples=300)
@given(quotes, st.one_of(st.just(0), st.integers(1, 2**40)), st.booleans(), st.booleans())
def test_what_a_drain_adds_stands_last_and_changes_nothing_else(
    record: Record, skipped: int, snapshot: bool, replay: bool
) -> None:
    added = {"skipped": skipped} if skipped else {}
    added |= {"snapshot": True} if snapshot else {}
    added |= {"replay": True} if replay else {}
    for dialect in both():
        body = dialect.body(record)
        drained = dialect.drained(body, skipped=skipped, snapshot=snapshot, replay=replay)
        assert list(decode(dialect, drained).items()) == [*described(record).items(), *added.items()]
        if not added:
            assert drained is body


def test_a_quote_as_a_client_reads_it() -> None:
    text, _ = both()
    record = quote(source=1, flags=Flags.SIMULATED | Flags.LATE, bid_size=Price.parse("0.50"))
    assert text.body(record).decode() == (
        '{"event":"quote","asset_class":"crypto","symbol":"BTCUSD","seq":41,"timestamp":"1767389239253",'
        '"event_ns":"1767389239253123456","received_ns":"1767389239253999000",'
        '"bid":"61837.63","ask":"61837.64","mid":"61837.635",'
        '"bid_size":"0.5","source":"kraken","flags":["simulated","late"]}'
    )
    drained = text.drained(text.body(quote()), skipped=3, snapshot=True, replay=True)
    assert drained.endswith(b'"mid":"61837.635","skipped":3,"snapshot":true,"replay":true}')


def test_a_missing_side_is_null_and_so_is_mid() -> None:
    for dialect in both():
        body = decode(dialect, dialect.body(quote(ask=None, flags=Flags.ONE_SIDED.value)))
        assert (body["bid"], body["ask"], body["mid"]) == ("61837.63", None, None)
        assert body["flags"] == ["one_sided"]


def test_a_source_that_is_named_later_is_said_from_then_on() -> None:
    names: dict[int, str] = {}
    for dialect in (V2Json(names.get), V2Msgpack(names.get)):
        names.clear()
        assert "source" not in decode(dialect, dialect.body(quote(source=5)))
        names[5] = "late"
        assert decode(dialect, dialect.body(quote(source=5)))["source"] == "late"
        assert "source" not in decode(dialect, dialect.body(quote(source=0)))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.QUOTE])
def test_what_is_no_quote_has_no_body_and_gets_none(kind: Kind) -> None:
    for dialect in both():
        assert dialect.body(quote(kind=kind.value)) == b""
        assert dialect.drained(b"", skipped=2, snapshot=True) == b""


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 40_000), max_size=40))
def test_messages_are_arrays_in_order_and_none_is_too_long(sizes: list[int]) -> None:
    """Events of every size, quotes among them, come back as they went in."""
    for dialect in both():
        dialects: list[Dialect] = [dialect]  # both are what the hub asks for
        events = [Pong(id=number, timestamp="9" * size) for number, size in enumerate(sizes)]
        bodies = [dialects[0].event(event) for event in events]
        bodies.append(dialect.body(quote()))
        frames = parse_all(dialect.frames(bodies))
        assert {frame.opcode for frame in frames} == {dialect.opcode}
        assert {frame.rsv1 for frame in frames} == {False}
        assert all(len(frame.data) <= MESSAGE_BYTES for frame in frames)
        messages = [decode(dialect, bytes(frame.data)) for frame in frames]
        heard = [event for message in messages for event in message]
        assert [(event.get("id"), event["timestamp"]) for event in heard[:-1]] == [
            (event.id, event.timestamp) for event in events
        ]
        assert heard[-1] == described(quote())
        # What begins a message would not have fitted into the one before it.
        begins = list(itertools.accumulate(map(len, messages)))[:-1]
        for frame, begin in zip(frames, begins, strict=False):
            assert len(frame.data) + len(bodies[begin]) > MESSAGE_BYTES - 5 - len(bodies)


def test_many_quotes_need_the_long_header_and_nothing_is_a_frame_of_its_own() -> None:
    text, binary = both()
    assert (text.opcode, binary.opcode) == (Opcode.TEXT, Opcode.BINARY)
    for dialect in both():
        assert dialect.frames([]) == b""
        (single,) = parse_all(dialect.frames([dialect.body(quote())]))
        assert decode(dialect, bytes(single.data)) == [described(quote())]
        small = dialect.event(Pong(timestamp="1"))
        assert decode(dialect, dialect.array([small] * 70_000)) == [decode(dialect, small)] * 70_000
