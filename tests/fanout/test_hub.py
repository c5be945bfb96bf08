"""The hub: one flush a turn, everything in order, and the newest for whoever was behind."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.protocol.frames import parse_all
from tradewatch.fanout.hub import MAX_PENDING, Hub, pattern_mask
from tradewatch.fanout.member import Member, Sums
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record, side_flags
from tradewatch.protocol.dialect import Dialect
from tradewatch.protocol.v1 import V1
from tradewatch.protocol.v2.json import V2Json
from tradewatch.reference.catalogue import CANARY

EURUSD = Instrument(id=1, asset_class=AssetClass.CURRENCIES, symbol="EURUSD", decimals=5)
GBPUSD = Instrument(id=2, asset_class=AssetClass.CURRENCIES, symbol="GBPUSD", decimals=5)
BTCUSD = Instrument(id=3, asset_class=AssetClass.CRYPTO, symbol="BTCUSD", decimals=2)

V1_PLAIN, V1_SCOPED, V2 = V1(scoped=False), V1(scoped=True), V2Json(lambda number: None)
NAMES, LATEST_100 = (0, 0), (100, 0)
CURRENCIES = (0, pattern_mask([AssetClass.CURRENCIES]))


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

    def __init__(self, *, stalls: Callable[[], None] | None = None, takes_new: bool = True) -> None:
        self.writes: list[list[dict[str, Any]]] = []
        self.appearances: list[Instrument] = []
        self.stalls = stalls
        self._takes_new = takes_new

    def write(self, frames: bytes) -> None:
        payloads = [json.loads(bytes(frame.data)) for frame in parse_all(frames)]
        self.writes.append([each for one in payloads for each in (one if isinstance(one, list) else [one])])
        if self.stalls is not None:
            self.stalls()

    def appeared(self, instrument: Instrument) -> bool:
        self.appearances.append(instrument)
        return self._takes_new

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for write in self.writes for event in write]

    @property
    def heard(self) -> list[tuple[str, str]]:
        return [(event["symbol"], event["bid"]) for event in self.events]

    @property
    def steps(self) -> list[tuple[str, int, int]]:
        """Symbol, seq and skipped of every quote."""
        return [(event["symbol"], event["seq"], event.get("skipped", 0)) for event in self.events]


class Quotes:
    """A feed that numbers its quotes itself."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seqs: dict[int, int] = {}

    def quote(self, instrument: Instrument, bid: int, *, one_sided: bool = False) -> Record:
        seq = self._seqs[instrument.id] = self._seqs.get(instrument.id, 0) + 1
        ask = None if one_sided else Price(bid + 2, 0)
        time_ns = 1_767_389_239_253_999_000
        flags = side_flags(Price(bid, 0), ask)
        return Record(instrument, time_ns, 0, Price(bid, 0), ask, seq=seq, flags=flags)

    def offer(self, *quotes: tuple[Instrument, int], one_sided: bool = False) -> None:
        self._hub.offer([self.quote(instrument, bid, one_sided=one_sided) for instrument, bid in quotes])


@pytest.fixture
def turn() -> Turn:
    return Turn()


@pytest.fixture
def hub(turn: Turn) -> Hub:
    return Hub(call_soon=turn.call_soon, seed=1)


@pytest.fixture
def feed(hub: Hub) -> Quotes:
    return Quotes(hub)


def member(
    hub: Hub, *instruments: Instrument, dialect: Dialect = V1_PLAIN, leg: tuple[int, int] = NAMES
) -> tuple[Member, Client]:
    """A client that hears these from now on."""
    client = Client()
    made = hub.member(client, dialect)
    hub.join(made, leg, {instrument.id: hub.head(instrument) for instrument in instruments})
    return made, client


def test_a_quote_is_the_five_keys_of_the_reference_in_their_order(hub: Hub, turn: Turn, feed: Quotes) -> None:
    _, client = member(hub, EURUSD)
    _, root = member(hub, EURUSD, dialect=V1_SCOPED)
    feed.offer((EURUSD, 10))
    turn.end()
    five = {"symbol": "EURUSD", "timestamp": "1767389239253", "ask": "12", "bid": "10", "mid": "11"}
    assert list(client.writes[0][0].items()) == list(five.items())
    assert list(root.writes[0][0].items()) == [("asset_class", "currencies"), *five.items()]


def test_one_turn_is_one_write_in_the_order_of_arrival(hub: Hub, turn: Turn, feed: Quotes) -> None:
    _, client = member(hub, EURUSD, GBPUSD)
    feed.offer((EURUSD, 1), (GBPUSD, 2))
    feed.offer((EURUSD, 3), (BTCUSD, 4))
    assert client.writes == []
    turn.end()
    assert len(client.writes) == 1
    assert client.heard == [("EURUSD", "1"), ("GBPUSD", "2"), ("EURUSD", "3")]
    assert (hub.quotes_in, hub.quotes_out, hub.flushes) == (4, 3, 1)


def test_joining_starts_after_what_was_flushed_and_leaving_ends_after_it(
    hub: Hub, turn: Turn, feed: Quotes
) -> None:
    feed.offer((EURUSD, 1))
    hub.flush()
    one, client = member(hub, EURUSD, GBPUSD, dialect=V2)
    feed.offer((EURUSD, 2))
    hub.flush()
    assert hub.leave(one, NAMES, [EURUSD.id]) == {EURUSD.id: 2}
    feed.offer((EURUSD, 3), (GBPUSD, 4))
    turn.end()
    assert client.steps == [("EURUSD", 2, 0), ("GBPUSD", 1, 0)]
    assert hub.sums(one) == Sums(published=2, delivered=2, skipped=0, missing=0, pending=0)


def test_whoever_hears_the_same_shares_one_encoding_and_one_list(hub: Hub, turn: Turn, feed: Quotes) -> None:
    clients = [member(hub, EURUSD, GBPUSD, dialect=V2)[1] for _ in range(3)]
    _, other = member(hub, GBPUSD, dialect=V2)
    feed.offer((EURUSD, 1), (GBPUSD, 2), (EURUSD, 3))
    turn.end()
    assert [client.writes for client in clients] == [clients[0].writes] * 3
    assert clients[0].steps == [("EURUSD", 1, 0), ("GBPUSD", 1, 0), ("EURUSD", 2, 0)]
    assert other.steps == [("GBPUSD", 1, 0)]
    (lane,) = hub._lanes.values()
    assert (lane.bodies.encoded, len(lane._by_slot), lane.writes) == (3, 2, 4)


def test_a_snapshot_comes_first_and_is_the_newest(hub: Hub, turn: Turn, feed: Quotes) -> None:
    feed.offer((EURUSD, 1), (EURUSD, 2))
    turn.end()
    client = Client()
    one = hub.member(client, V2)
    hub.join(one, NAMES, {EURUSD.id: 1, GBPUSD.id: 0})
    feed.offer((EURUSD, 3))
    turn.end()
    assert client.steps == [("EURUSD", 2, 0), ("EURUSD", 3, 0)]
    assert [event.get("snapshot") for event in client.events] == [True, None]
    assert hub.sums(one) == Sums(published=2, delivered=2, skipped=0, missing=0, pending=0)


def test_the_latest_of_an_interval_comes_with_what_it_skipped(hub: Hub, turn: Turn, feed: Quotes) -> None:
    one, client = member(hub, EURUSD, GBPUSD, dialect=V2, leg=LATEST_100)
    for bid in (1, 2, 3):
        feed.offer((EURUSD, bid))
        turn.end()
    assert hub.sums(one) == Sums(published=3, delivered=0, skipped=0, missing=0, pending=3)
    hub.tick(250)
    assert client.writes == []
    hub.tick(100)
    hub.tick(100)
    assert client.steps == [("EURUSD", 3, 2)]
    assert hub.sums(one) == Sums(published=3, delivered=1, skipped=2, missing=0, pending=0)
    assert hub.quotes_skipped == 2


def test_a_one_sided_quote_is_not_sent_on_v1(hub: Hub, turn: Turn, feed: Quotes) -> None:
    _, client = member(hub, EURUSD)
    feed.offer((EURUSD, 1), one_sided=True)
    feed.offer((EURUSD, 2))
    turn.end()
    assert client.heard == [("EURUSD", "2")]


def test_behind_a_one_sided_quote_the_newest_is_still_the_one_before(
    hub: Hub, turn: Turn, feed: Quotes
) -> None:
    """The one-sided quote, which cannot be sent, hid the newest one that could."""
    slow, client = member(hub, EURUSD)
    feed.offer((EURUSD, 1))
    turn.end()
    hub.pause(slow)
    feed.offer((EURUSD, 2))
    feed.offer((EURUSD, 3), one_sided=True)
    turn.end()
    hub.resume(slow)
    assert client.heard == [("EURUSD", "1"), ("EURUSD", "2")]
    hub.show(slow, [EURUSD.id])
    assert client.heard[2:] == [("EURUSD", "2")]


def test_behind_a_one_sided_quote_nothing_is_sent_twice(hub: Hub, turn: Turn, feed: Quotes) -> None:
    """Where only one-sided quotes were missed, the whole one before them came once more."""
    slow, client = member(hub, EURUSD)
    feed.offer((EURUSD, 1))
    turn.end()
    hub.pause(slow)
    feed.offer((EURUSD, 2), one_sided=True)
    turn.end()
    hub.resume(slow)
    assert client.heard == [("EURUSD", "1")]


def test_a_one_sided_quote_is_forgotten_once_a_whole_one_follows(hub: Hub, turn: Turn, feed: Quotes) -> None:
    """A snapshot was the quote before the last one-sided quote, however old that was."""
    one, client = member(hub, EURUSD)
    feed.offer((EURUSD, 1))
    feed.offer((EURUSD, 2), one_sided=True)
    feed.offer((EURUSD, 3))
    turn.end()
    hub.show(one, [EURUSD.id])
    assert client.heard == [("EURUSD", "1"), ("EURUSD", "3"), ("EURUSD", "3")]


def test_what_is_shown_is_the_newest_of_what_was_ever_quoted(hub: Hub, turn: Turn, feed: Quotes) -> None:
    hub.restore([feed.quote(GBPUSD, 7)])
    feed.offer((EURUSD, 1), (EURUSD, 2))
    turn.end()
    one, client = member(hub, BTCUSD, GBPUSD, EURUSD)
    hub.show(one, [BTCUSD.id, GBPUSD.id, EURUSD.id])
    assert client.heard == [("GBPUSD", "7"), ("EURUSD", "2")]


def test_who_is_behind_gets_nothing_and_then_the_newest_of_what_moved(
    hub: Hub, turn: Turn, feed: Quotes
) -> None:
    slow, client = member(hub, EURUSD, GBPUSD, dialect=V2)
    _, fast = member(hub, EURUSD, GBPUSD, dialect=V2)
    feed.offer((EURUSD, 1), (GBPUSD, 2))
    turn.end()
    hub.pause(slow)
    for bid in range(10, 20):
        feed.offer((EURUSD, bid))
        turn.end()
    assert len(client.heard) == 2
    assert hub.sums(slow) == Sums(published=12, delivered=2, skipped=0, missing=0, pending=10)
    feed.offer((EURUSD, 20))
    hub.resume(slow)
    assert client.steps[2:] == [("EURUSD", 12, 10)], "GBPUSD has not moved meanwhile"
    assert len(fast.heard) == 13
    assert hub.quotes_skipped == 10
    feed.offer((EURUSD, 21))
    turn.end()
    assert client.steps[3:] == [("EURUSD", 13, 0)]
    assert hub.sums(slow) == Sums(published=14, delivered=4, skipped=10, missing=0, pending=0)


def test_what_is_behind_before_the_first_quote_still_gets_the_newest(
    hub: Hub, turn: Turn, feed: Quotes
) -> None:
    slow, client = member(hub, EURUSD)
    hub.pause(slow)
    feed.offer((EURUSD, 1), (EURUSD, 2))
    turn.end()
    hub.resume(slow)
    assert client.heard == [("EURUSD", "2")]


def test_a_client_that_falls_behind_within_a_flush_misses_nothing_of_it(
    hub: Hub, turn: Turn, feed: Quotes
) -> None:
    """It stands in two cohorts: the first fills its buffer, and the flush writes the second all the same."""
    stalled, client = member(hub, EURUSD, dialect=V2)
    _, twin = member(hub, EURUSD, dialect=V2)
    hub.join(stalled, CURRENCIES, {GBPUSD.id: 0})
    client.stalls = lambda: hub.pause(stalled)
    feed.offer((EURUSD, 1), (GBPUSD, 2), (EURUSD, 3))
    turn.end()
    assert sorted(client.steps) == [("EURUSD", 1, 0), ("EURUSD", 2, 0), ("GBPUSD", 1, 0)]
    feed.offer((EURUSD, 4))
    turn.end()
    client.stalls = None
    hub.resume(stalled)
    assert client.steps[3:] == [("EURUSD", 3, 0)]
    assert twin.steps == [("EURUSD", 1, 0), ("EURUSD", 2, 0), ("EURUSD", 3, 0)]


def test_who_falls_behind_in_a_drain_goes_on_with_the_rest(
    hub: Hub, turn: Turn, feed: Quotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.fanout.standing._DRAIN_QUOTES", 2)
    slow, client = member(hub, EURUSD, GBPUSD, BTCUSD, dialect=V2)
    hub.pause(slow)
    feed.offer((EURUSD, 1), (GBPUSD, 2), (BTCUSD, 3))
    client.stalls = lambda: hub.pause(slow)
    hub.resume(slow)
    assert [step[0] for step in client.steps] == ["EURUSD", "GBPUSD"]
    feed.offer((GBPUSD, 4), (BTCUSD, 5))
    client.stalls = None
    hub.resume(slow)
    assert client.steps[2:] == [("BTCUSD", 2, 1), ("GBPUSD", 2, 0)]  # what waited longer goes first


def test_a_flood_is_flushed_before_the_turn_ends(hub: Hub, turn: Turn, feed: Quotes) -> None:
    _, client = member(hub, EURUSD)
    feed.offer(*((EURUSD, bid) for bid in range(1, MAX_PENDING + 1)))
    assert len(client.heard) == MAX_PENDING
    turn.end()


def test_a_new_instrument_is_heard_by_the_patterns_of_its_class(hub: Hub, turn: Turn, feed: Quotes) -> None:
    pattern, client = member(hub, EURUSD, dialect=V2, leg=CURRENCIES)
    behind, late = member(hub, EURUSD, dialect=V2, leg=CURRENCIES)
    full = hub.member(refuses := Client(takes_new=False), V2)
    hub.join(full, CURRENCIES, {EURUSD.id: 0})
    _, other = member(hub, BTCUSD, dialect=V2)
    hub.pause(behind)
    hub.appear(GBPUSD)
    assert [each.appearances for each in (client, late, refuses, other)] == [[GBPUSD]] * 3 + [[]]
    feed.offer((GBPUSD, 1), (EURUSD, 2))
    turn.end()
    hub.resume(behind)
    assert client.steps == [("GBPUSD", 1, 0), ("EURUSD", 1, 0)]
    assert sorted(late.steps) == [("EURUSD", 1, 0), ("GBPUSD", 1, 0)]
    assert refuses.steps == [("EURUSD", 1, 0)]
    assert other.writes == []
    assert hub.sums(pattern).published == 2
    assert hub.sums(full).published == 1


def test_the_canary_is_heard_by_whoever_joins_it_by_its_id(hub: Hub, turn: Turn, feed: Quotes) -> None:
    _, client = member(hub, EURUSD, leg=CURRENCIES)
    _, far_end = member(hub, CANARY, dialect=V1_SCOPED)
    feed.offer((CANARY, 1))
    turn.end()
    assert client.writes == []
    assert far_end.heard == [("~CANARY", "1")]


def test_who_lags_is_told_apart(hub: Hub, turn: Turn, feed: Quotes) -> None:
    """The positions that are not the hub's heads: of what is pending, and of all while behind."""
    one, _ = member(hub, EURUSD, dialect=V2)
    hub.join(one, LATEST_100, {GBPUSD.id: 0, BTCUSD.id: 0})
    feed.offer((EURUSD, 1), (GBPUSD, 2))
    turn.end()
    assert hub.lagging(one) == {GBPUSD.id: 0}
    hub.pause(one)
    assert hub.lagging(one) == {EURUSD.id: 1, GBPUSD.id: 0, BTCUSD.id: 0}
    hub.resume(one)
    assert hub.lagging(one) == {}


def test_a_member_that_is_gone_leaves_nothing_behind(hub: Hub, turn: Turn, feed: Quotes) -> None:
    gone, client = member(hub, EURUSD, GBPUSD)
    hub.join(gone, CURRENCIES, {BTCUSD.id: 0})
    hub.remove(gone)
    feed.offer((EURUSD, 1), (BTCUSD, 2))
    turn.end()
    assert client.writes == []
    (lane,) = hub._lanes.values()
    assert not any((lane._by_slot, lane._known, lane._patterns, lane._routes._slots, hub._members))
