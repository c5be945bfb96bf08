"""The law of positions, over any conversation: what the answers say is what a client then gets.

A client reads the answers, a listener carries the effects out as simply as can be, and a reckoner knows from
the messages alone what must be heard. The three never disagree.
"""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.delivery import Delivery, Every, Latest
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2.effects import (
    ChangeDelivery,
    ChangePatternDelivery,
    Effect,
    Send,
    Subscribe,
    SubscribePattern,
    Unsubscribe,
    UnsubscribePattern,
)
from tradewatch.protocol.v2.encoding import JSON, MSGPACK
from tradewatch.protocol.v2.session import V2Session
from tradewatch.reference.catalogue import Catalogue

NAMES = ["currencies:EURUSD", "currencies:GBPUSD", "crypto:BTCUSD", "crypto:GOLD", "commodities:GOLD"]
PATTERNS = ["*", "crypto:*", "currencies:*", "stocks:*"]
DELIVERIES = [{"mode": "every"}, *({"mode": "latest", "interval_ms": interval} for interval in (60, 300))]

names = st.lists(st.sampled_from([*NAMES, *PATTERNS, "NOPE"]), max_size=4)
subscribes = st.tuples(st.just("subscribe"), names, st.sampled_from(DELIVERIES), st.booleans())
unsubscribes = st.tuples(st.just("unsubscribe"), names)
#: Quotes of some symbols, and an instrument that is new.
quotes = st.tuples(st.just("quote"), st.lists(st.integers(0, 8), max_size=4))
arrivals = st.tuples(st.just("arrive"), st.sampled_from([AssetClass.CRYPTO, AssetClass.STOCKS]))
turns = st.lists(st.one_of(subscribes, unsubscribes, quotes, arrivals, arrivals), max_size=30)


class Reckoner:
    """What must be heard, from the protocol's words: the most specific of a set of patterns decides."""

    def __init__(self, catalogue: Catalogue, limit: int) -> None:
        self._catalogue = catalogue
        self._limit = limit
        self._asked: dict[str, Delivery] = {}
        self._weights: dict[str, int] = {}
        self._left_out: set[str] = set()

    def _keys(self) -> list[str]:
        return [each.key for asset_class in AssetClass for each in self._catalogue.members(asset_class)]

    def covers(self, pattern: str, key: str) -> bool:
        return pattern == "*" or (pattern.endswith("*") and key.startswith(pattern[:-1]))

    def via(self, key: str) -> str | None:
        """What decides about a symbol: itself, its class, everything."""
        candidates = [key, key.partition(":")[0] + ":*", "*"]
        if key in self._left_out:
            candidates = candidates[:1]
        return next((name for name in candidates if name in self._asked), None)

    def delivery(self, key: str) -> Delivery | None:
        name = self.via(key)
        return None if name is None else self._asked[name]

    def subscribe(self, wanted: list[str], delivery: Delivery) -> None:
        for name in dict.fromkeys(wanted):
            weight = 1
            if name.endswith("*"):
                members = [
                    each for asset_class in AssetClass for each in self._catalogue.members(asset_class)
                ]
                weight = sum(self.covers(name, each.key) for each in members)
            if name in self._asked or sum(self._weights.values()) + weight <= self._limit:
                self._weights.setdefault(name, weight)
                self._asked[name] = delivery

    def unsubscribe(self, wanted: list[str]) -> None:
        for name in wanted:
            if name in self._asked:
                del self._asked[name], self._weights[name]
        self._left_out = {
            key for key in self._left_out if any(self.covers(name, key) for name in self._asked)
        }

    def arrive(self, key: str) -> None:
        name = self.via(key)
        if name is None:
            return
        if sum(self._weights.values()) < self._limit:
            self._weights[name] += 1
        else:
            self._left_out.add(key)


class Client:
    """Reads what is sent, and knows the position of each symbol that it hears."""

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}

    def read(self, event: dict[str, Any]) -> None:
        if event["event"] not in {"subscribed", "unsubscribed"}:
            return
        told: dict[str, int] = {}
        for result in event["results"]:
            if "asset_class" not in result:
                continue
            key = f"{result['asset_class']}:{result['symbol']}"
            assert told.setdefault(key, result["seq"]) == result["seq"], "one answer, one position"
            if event["event"] == "unsubscribed":
                if key in self.positions:
                    assert result["seq"] == self.positions[key]
                if "delivery" not in result:
                    self.positions.pop(key, None)
            elif key in self.positions:
                assert result["seq"] == self.positions[key], "a second subscribe moves nothing"
        if event["event"] == "subscribed":
            self.positions.update(told)

    def quote(self, key: str, seq: int) -> None:
        assert seq == self.positions[key] + 1, "seq = previous + 1 + skipped"
        self.positions[key] = seq


class Listener:
    """Carries effects out: a dictionary for names, one for classes, and whoever was left out."""

    def __init__(self, catalogue: Catalogue, heads: dict[str, int], client: Client) -> None:
        self.catalogue = catalogue
        self.heads = heads
        self.client = client
        self.by_name: dict[str, Delivery] = {}
        self.by_class: dict[AssetClass, Delivery] = {}
        self.left_out: set[str] = set()

    def hears(self, instrument: Instrument) -> Delivery | None:
        if instrument.key in self.by_name:
            return self.by_name[instrument.key]
        return None if instrument.key in self.left_out else self.by_class.get(instrument.asset_class)

    def snapshot(self, instrument: Instrument) -> None:
        if head := self.heads.get(instrument.key):
            self.client.quote(instrument.key, head)

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(events):
                for event in events:
                    self.client.read(json.loads(msgspec.json.encode(event)))
            case Subscribe(instruments, delivery, snapshot):
                for instrument in instruments:
                    assert self.hears(instrument) is None
                    self.by_name[instrument.key] = delivery
                    if snapshot:
                        self.snapshot(instrument)
            case ChangeDelivery(instruments, delivery):
                for instrument in instruments:
                    assert self.hears(instrument) is not None
                    self.by_name[instrument.key] = delivery
            case Unsubscribe(instruments):
                for instrument in instruments:
                    del self.by_name[instrument.key]
            case _:
                self.carry_out_pattern(effect)

    def carry_out_pattern(self, effect: Effect) -> None:
        match effect:
            case SubscribePattern(classes, delivery, snapshot):
                assert not self.by_class.keys() & set(classes)
                fresh = [each for name in classes for each in self.catalogue.members(name)]
                fresh = [each for each in fresh if self.hears(each) is None]
                self.by_class |= dict.fromkeys(classes, delivery)
                if snapshot:
                    for instrument in fresh:
                        self.snapshot(instrument)
            case ChangePatternDelivery(classes, delivery):
                assert self.by_class.keys() >= set(classes)
                self.by_class |= dict.fromkeys(classes, delivery)
            case UnsubscribePattern(classes):
                for asset_class in classes:
                    del self.by_class[asset_class]
                    self.left_out = {key for key in self.left_out if not key.startswith(asset_class.value)}


class World:
    """A session, and the three who watch it."""

    def __init__(self, limit: int, *, packed: bool) -> None:
        self.catalogue = Catalogue(limit=1_000)
        for name in NAMES:
            class_name, _, symbol = name.partition(":")
            self.catalogue.add(AssetClass(class_name), symbol, decimals=2)
        self.heads: dict[str, int] = {}
        self.encoding = MSGPACK if packed else JSON
        self.session = V2Session(
            self.catalogue,
            self,
            Suggestions(self.catalogue),
            name="s",
            epoch="0mlcjp2x3",
            scope=None,
            limits=ConnectionLimits(symbols=limit),
            encoding=self.encoding,
            heartbeat_s=5.0,
        )
        self.client = Client()
        self.listener = Listener(self.catalogue, self.heads, self.client)
        self.reckoner = Reckoner(self.catalogue, limit)

    def head(self, instrument: Instrument) -> int:
        return self.heads.get(instrument.key, 0)

    def instruments(self) -> list[Instrument]:
        return [each for asset_class in AssetClass for each in self.catalogue.members(asset_class)]

    def take(self, turn: tuple[Any, ...]) -> None:
        match turn:
            case ("subscribe", wanted, delivery, snapshot):
                message = {
                    "action": "subscribe",
                    "symbols": wanted,
                    "delivery": delivery,
                    "snapshot": snapshot,
                }
                self.say(message)
                rounded = {60: Latest(100), 300: Latest(500)}
                effective = rounded.get(delivery.get("interval_ms"), Every())
                self.reckoner.subscribe([name for name in wanted if name != "NOPE"], effective)
            case ("unsubscribe", wanted):
                self.say({"action": "unsubscribe", "symbols": wanted})
                self.reckoner.unsubscribe(wanted)
            case ("quote", picked):
                instruments = self.instruments()
                for number in picked:
                    self.quote(instruments[number % len(instruments)])
            case ("arrive", asset_class):
                instrument = self.catalogue.add(asset_class, f"NEW{len(self.catalogue)}", decimals=2)
                self.reckoner.arrive(instrument.key)
                heard, events = self.session.appeared(instrument)
                if not heard:
                    self.listener.left_out.update([instrument.key] if self.listener.hears(instrument) else [])
                self.listener.carry_out(Send(events))

    def say(self, message: dict[str, Any]) -> None:
        for effect in self.session.receive([self.encoding.encode(message)], now_ns=0):
            self.listener.carry_out(effect)

    def quote(self, instrument: Instrument) -> None:
        self.heads[instrument.key] = self.head(instrument) + 1
        if self.listener.hears(instrument) is not None:
            self.client.quote(instrument.key, self.heads[instrument.key])

    def check(self) -> None:
        for instrument in self.instruments():
            expected = self.reckoner.delivery(instrument.key)
            assert self.session.delivery_of(instrument) == expected
            assert self.listener.hears(instrument) == expected
            assert (instrument.key in self.client.positions) == (expected is not None)
        for key, position in self.client.positions.items():
            assert position == self.heads.get(key, 0)


@settings(deadline=None, max_examples=600)
@given(turns, st.one_of(st.just(100), st.integers(1, 3), st.integers(5, 8)), st.booleans())
def test_whatever_is_said_the_client_knows_exactly_where_it_stands(
    conversation: list[tuple[Any, ...]], limit: int, packed: bool
) -> None:
    world = World(limit, packed=packed)
    for turn in conversation:
        world.take(turn)
        world.check()
