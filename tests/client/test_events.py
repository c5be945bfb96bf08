"""Typed events: exact prices, and what a message brings."""

from decimal import Decimal

import msgspec
import pytest

from tests.client.messages import gap, message, quote, subscribed, welcome
from tradewatch.client.events import Gap, OtherEvent, Quote
from tradewatch.client.reading import read_events
from tradewatch.errors import ProtocolViolationError
from tradewatch.protocol.v2.events import Subscribed, Welcome


def read_quote(**fields: object) -> Quote:
    (read,) = read_events(message(quote(7, **fields)))
    assert isinstance(read, Quote)
    return read


def test_a_quote_is_exact_and_typed() -> None:
    read = read_quote(bid="61837.629999999999999999", bid_size="0.1", flags=["simulated"], skipped=3)
    assert read.bid == Decimal("61837.629999999999999999")
    assert (read.bid_text, read.ask, read.mid) == (
        "61837.629999999999999999",
        Decimal("7.2"),
        Decimal("7.15"),
    )
    assert (read.bid_size, read.ask_size, read.ask_size_text) == (Decimal("0.1"), None, None)
    assert (read.event_ns, read.received_ns) == (1767389239253000000, 1767389239254000000)
    assert (read.name, read.seq, read.skipped, read.flags) == ("crypto:BTCUSD", 7, 3, ("simulated",))
    assert (read.snapshot, read.replay, read.source) == (False, False, None)


def test_a_missing_side_is_none() -> None:
    read = read_quote(bid=None, mid=None, snapshot=True)
    assert (read.bid, read.mid, read.ask, read.snapshot) == (None, None, Decimal("7.2"), True)


def test_a_gap_keeps_what_the_server_says() -> None:
    told = gap(4, 9, next_epoch="x", fill="/crypto/BTCUSD/ticks?from=1", cause="one that is new")
    (read,) = read_events(message(told))
    assert isinstance(read, Gap)
    assert (read.name, read.from_seq, read.to_seq, read.next_epoch) == ("crypto:BTCUSD", 4, 9, "x")
    assert (read.cause, read.fill) == ("one that is new", "/crypto/BTCUSD/ticks?from=1")


def test_what_is_new_to_this_version_is_kept_beside_what_is_not() -> None:
    state = {"event": "state", "asset_class": "crypto", "symbol": "BTCUSD", "state": "quiet"}
    known = quote(7, a_new_field=[1])
    read = read_events(message(known, state, subscribed(new=1), welcome(new=3)))
    assert [type(each) for each in read] == [Quote, OtherEvent, Subscribed, Welcome]
    assert read[1] == OtherEvent(name="state", fields=state)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}",
        b"hello",
        b"[1]",
        b'[{"event":7}]',
        b'[{"symbol":"BTCUSD"}]',
        b"\xff",
        message({**quote(7), "bid": 1.5}),
        message({**quote(7), "seq": "7"}),
        message({"event": "subscribed"}),
        message({"event": "gap"}),
    ],
)
def test_what_positions_cannot_be_kept_with_is_no_message(broken: bytes) -> None:
    with pytest.raises(ProtocolViolationError, match="what is no message of the stream"):
        read_events(broken)


def test_events_are_values() -> None:
    read = read_quote()
    assert read == read_quote()
    with pytest.raises(AttributeError):
        read.seq = 8  # type: ignore[misc]
    assert msgspec.structs.replace(read, seq=8) != read
