"""The hub: one flush a turn, everything in order, and the newest for whoever was behind."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tradewatch.fanout.hub import MAX_PENDING, Hub, Seat
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.reference.catalogue import CANARY

EURUSD = Instrument(id=1, asset_class=AssetClass.CURRENCIES, symbol="EURUSD", decimals=5)
GBPUSD = Instrument(id=2, asset_class=AssetClass.CURRENCIES, symbol="GBPUSD", decimals=5)
BTCUSD = Instrument(id=3, asset_class=AssetClass.CRYPTO, symbol="BTCUSD", decimals=2)


class Turn:
    """The event loop's end of turn, by hand."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def end(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


class Client:
    """A listener that reads frames back; each write is kept apart."""

    def __init__(self) -> None:
        self.writes: list[list[dict[str, Any]]] = []

    def write(self, frames: bytes) -> None:
        messages = []
        while frames:
            size, head = frames[1], 2
            if size == 126:
                size, head = int.from_bytes(frames[2:4]), 4
            messages.append(json.loads(frames[head : head + size]))
            frames = frames[head + size :]
        self.writes.append(messages)

    @property
    def heard(self) -> list[tuple[str, str]]:
        return [(message["symbol"], message["bid"]) for write in self.writes for message in write]


@pytest.fixture
def turn() -> Turn:
    return Turn()


@pytest.fixture
def hub(turn: Turn) -> Hub:
    return Hub(call_soon=turn.call_soon)


def quote(instrument: Instrument, bid: int, *, ask: int | None = -1) -> Record:
    return Record(
        instrument=instrument,
        event_ns=1_767_389_239_253_999_000,
        received_ns=0,
        bid=Price(bid, 0),
        ask=None if ask is None else Price(bid + 2, 0),
    )


def seat(hub: Hub, *instruments: Instrument, scoped: bool = False) -> tuple[Seat, Client]:
    client = Client()
    taken = Seat(client, scoped=scoped)
    hub.join(taken, instruments)
    return taken, client


def test_a_quote_is_the_five_keys_of_the_reference_in_their_order(hub: Hub, turn: Turn) -> None:
    _, client = seat(hub, EURUSD)
    _, root = seat(hub, EURUSD, scoped=True)
    hub.offer([quote(EURUSD, 10)])
    turn.end()
    five = {"symbol": "EURUSD", "timestamp": "1767389239253", "ask": "12", "bid": "10", "mid": "11"}
    assert list(client.writes[0][0].items()) == list(five.items())
    assert list(root.writes[0][0].items()) == [("asset_class", "currencies"), *five.items()]


def test_one_turn_is_one_write_in_the_order_of_arrival(hub: Hub, turn: Turn) -> None:
    _, client = seat(hub, EURUSD, GBPUSD)
    hub.offer([quote(EURUSD, 1), quote(GBPUSD, 2)])
    hub.offer([quote(EURUSD, 3), quote(BTCUSD, 4)])
    assert client.writes == []
    turn.end()
    assert len(client.writes) == 1
    assert client.heard == [("EURUSD", "1"), ("GBPUSD", "2"), ("EURUSD", "3")]
    assert (hub.quotes_in, hub.quotes_out, hub.flushes) == (4, 3, 1)


def test_joining_starts_after_what_was_pending_and_leaving_ends_after_it(hub: Hub, turn: Turn) -> None:
    hub.offer([quote(EURUSD, 1)])
    one, client = seat(hub, EURUSD)
    hub.offer([quote(EURUSD, 2)])
    hub.leave(one, [EURUSD])
    hub.offer([quote(EURUSD, 3)])
    turn.end()
    assert client.heard == [("EURUSD", "2")]


def test_a_class_brings_every_instrument_once_and_those_to_come(hub: Hub, turn: Turn) -> None:
    one, client = seat(hub, EURUSD)
    hub.join_classes(one, [AssetClass.CURRENCIES])
    hub.offer([quote(EURUSD, 1), quote(GBPUSD, 2), quote(BTCUSD, 3)])
    turn.end()
    assert client.heard == [("EURUSD", "1"), ("GBPUSD", "2")]
    hub.leave_classes(one, [AssetClass.CURRENCIES])
    hub.offer([quote(EURUSD, 4), quote(GBPUSD, 5)])
    turn.end()
    assert client.heard[2:] == [("EURUSD", "4")]


def test_the_canary_is_in_no_class(hub: Hub, turn: Turn) -> None:
    one, client = seat(hub)
    hub.join_classes(one, list(AssetClass))
    _, far_end = seat(hub, CANARY, scoped=True)
    hub.offer([quote(CANARY, 1)])
    turn.end()
    hub.snapshot_classes(one, list(AssetClass))
    assert client.writes == []
    assert far_end.heard == [("~CANARY", "1")]


def test_a_one_sided_quote_is_not_sent_on_v1(hub: Hub, turn: Turn) -> None:
    _, client = seat(hub, EURUSD)
    hub.offer([quote(EURUSD, 1, ask=None), quote(EURUSD, 2)])
    turn.end()
    assert client.heard == [("EURUSD", "2")]


def test_behind_a_one_sided_quote_the_newest_is_still_the_one_before(hub: Hub, turn: Turn) -> None:
    """The one-sided quote, which cannot be sent, hid the newest one that could."""
    slow, client = seat(hub, EURUSD)
    hub.offer([quote(EURUSD, 1)])
    turn.end()
    hub.pause(slow)
    hub.offer([quote(EURUSD, 2), quote(EURUSD, 3, ask=None)])
    turn.end()
    hub.resume(slow)
    assert client.heard == [("EURUSD", "1"), ("EURUSD", "2")]
    hub.snapshot(slow, [EURUSD])
    assert client.heard[2:] == [("EURUSD", "2")]


def test_a_snapshot_is_the_newest_of_what_was_ever_quoted(hub: Hub, turn: Turn) -> None:
    hub.restore([quote(GBPUSD, 7)])
    hub.offer([quote(EURUSD, 1), quote(EURUSD, 2)])
    one, client = seat(hub, BTCUSD, GBPUSD, EURUSD)
    hub.snapshot(one, [BTCUSD, GBPUSD, EURUSD])
    assert client.heard == [("GBPUSD", "7"), ("EURUSD", "2")]
    hub.snapshot_classes(one, [AssetClass.CURRENCIES])
    assert sorted(client.heard[2:]) == [("EURUSD", "2"), ("GBPUSD", "7")]


def test_who_is_behind_gets_nothing_and_then_the_newest_of_what_moved(hub: Hub, turn: Turn) -> None:
    slow, client = seat(hub, EURUSD, GBPUSD)
    _, fast = seat(hub, EURUSD)
    hub.offer([quote(EURUSD, 1), quote(GBPUSD, 2)])
    turn.end()
    hub.pause(slow)
    for bid in range(10, 20):
        hub.offer([quote(EURUSD, bid)])
        turn.end()
    assert len(client.heard) == 2
    hub.offer([quote(EURUSD, 20)])
    hub.resume(slow)
    assert client.heard[2:] == [("EURUSD", "20")], "GBPUSD has not moved meanwhile"
    assert len(fast.heard) == 12
    assert hub.quotes_skipped == 10
    hub.offer([quote(EURUSD, 21)])
    turn.end()
    assert client.heard[3:] == [("EURUSD", "21")]


def test_what_is_behind_before_the_first_quote_still_gets_the_newest(hub: Hub, turn: Turn) -> None:
    slow, client = seat(hub, EURUSD)
    hub.pause(slow)
    hub.offer([quote(EURUSD, 1), quote(EURUSD, 2)])
    turn.end()
    hub.resume(slow)
    assert client.heard == [("EURUSD", "2")]


def test_a_client_that_falls_behind_within_a_flush_misses_nothing_of_it(hub: Hub, turn: Turn) -> None:
    class Stalling(Client):
        def write(self, frames: bytes) -> None:
            super().write(frames)
            hub.pause(stalled)

    client = Stalling()
    stalled = Seat(client, scoped=False)
    hub.join(stalled, [EURUSD])
    hub.offer([quote(EURUSD, 1), quote(EURUSD, 2)])
    turn.end()
    hub.resume(stalled)
    assert client.heard == [("EURUSD", "1"), ("EURUSD", "2")]


def test_a_flood_is_flushed_before_the_turn_ends(hub: Hub, turn: Turn) -> None:
    _, client = seat(hub, EURUSD)
    hub.offer([quote(EURUSD, bid) for bid in range(1, MAX_PENDING + 1)])
    assert len(client.heard) == MAX_PENDING
    turn.end()


def test_a_seat_that_is_gone_leaves_nothing_behind(hub: Hub, turn: Turn) -> None:
    gone, client = seat(hub, EURUSD, GBPUSD)
    hub.join_classes(gone, [AssetClass.CRYPTO])
    hub.remove(gone)
    hub.offer([quote(EURUSD, 1), quote(BTCUSD, 2)])
    turn.end()
    assert client.writes == []
    assert not hub._by_instrument
