"""Listening: an instrument is heard by one leg at most, and goes on where it stood when it moves."""

from tests.fanout.virtual import Buffer, V2Client, World
from tradewatch.fanout.hub import Hub, pattern_mask
from tradewatch.fanout.listening import Listening
from tradewatch.fanout.member import Member
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.protocol.v2.json import V2Json
from tradewatch.reference.catalogue import CANARY_ID, Catalogue

CURRENCIES = pattern_mask([AssetClass.CURRENCIES])


class Connection:
    """One connection that reads nothing: what it hears is looked up in the hub."""

    def __init__(self) -> None:
        self.writes = 0
        self.catalogue = Catalogue(limit=10)
        self.eurusd = self.catalogue.add(AssetClass.CURRENCIES, "EURUSD", decimals=5)
        self.gbpusd = self.catalogue.add(AssetClass.CURRENCIES, "GBPUSD", decimals=5)
        self.btcusd = self.catalogue.add(AssetClass.CRYPTO, "BTCUSD", decimals=2)
        self.hub = Hub(call_soon=lambda callback: None)
        self.catalogue.watch(self.hub.appear)
        self.member: Member = self.hub.member(self, V2Json(lambda number: None))
        self.listening = Listening(self.hub, self.member, self.catalogue)
        self._seq = 0

    def write(self, frames: bytes) -> None:
        self.writes += 1

    def appeared(self, instrument: Instrument) -> bool:
        return True

    def quote(self, instrument: Instrument) -> None:
        self._seq += 1
        self.hub.offer([Record(instrument, 0, 0, Price(1, 0), Price(2, 0), seq=self._seq)])
        self.hub.flush()

    @property
    def legs(self) -> dict[tuple[int, int], list[str]]:
        """By interval and pattern the symbols that are heard."""
        return {
            leg_name: [self.catalogue.by_id(i).symbol for i in leg.instrument_ids]
            for leg_name, leg in self.member.legs.items()
        }


def test_names_are_in_the_leg_of_their_delivery() -> None:
    one = Connection()
    one.listening.hear([one.eurusd, one.btcusd])
    one.listening.hear([one.gbpusd], interval_ms=100)
    assert one.legs == {(0, 0): ["EURUSD", "BTCUSD"], (100, 0): ["GBPUSD"]}
    one.listening.hear([one.eurusd], interval_ms=100)
    assert one.legs == {(0, 0): ["BTCUSD"], (100, 0): ["EURUSD", "GBPUSD"]}
    one.listening.forget([one.btcusd, one.eurusd, one.gbpusd])
    assert one.legs == {}


def test_a_class_is_a_leg_of_its_own_and_grows() -> None:
    one = Connection()
    one.listening.hear([one.eurusd], interval_ms=250)
    one.listening.hear_class(AssetClass.CURRENCIES)
    one.catalogue.add(AssetClass.CURRENCIES, "USDJPY", decimals=3)
    one.catalogue.add(AssetClass.CRYPTO, "ETHUSD", decimals=2)
    assert one.legs == {(250, 0): ["EURUSD"], (0, CURRENCIES): ["GBPUSD", "USDJPY"]}
    one.listening.change_class(AssetClass.CURRENCIES, interval_ms=100)
    assert one.legs == {(250, 0): ["EURUSD"], (100, CURRENCIES): ["GBPUSD", "USDJPY"]}
    one.listening.forget_class(AssetClass.CURRENCIES)
    assert one.legs == {(250, 0): ["EURUSD"]}


def test_no_class_has_the_canary() -> None:
    one = Connection()
    for asset_class in AssetClass:
        one.listening.hear_class(asset_class)
    assert one.hub.leg_of(one.member, CANARY_ID) is None


def test_a_class_without_members_grows_too() -> None:
    one = Connection()
    stocks = pattern_mask([AssetClass.STOCKS])
    one.listening.hear_class(AssetClass.STOCKS, interval_ms=100)
    assert one.legs == {(100, stocks): []}
    one.catalogue.add(AssetClass.STOCKS, "AAPL", decimals=2)
    assert one.legs == {(100, stocks): ["AAPL"]}


def test_a_name_that_is_forgotten_goes_back_to_its_pattern() -> None:
    one = Connection()
    one.listening.hear_class(AssetClass.CURRENCIES)
    one.listening.hear([one.eurusd], interval_ms=100)
    assert one.legs == {(0, CURRENCIES): ["GBPUSD"], (100, 0): ["EURUSD"]}
    one.listening.forget([one.eurusd])
    assert one.legs == {(0, CURRENCIES): ["EURUSD", "GBPUSD"]}


def test_a_name_that_its_pattern_left_out_is_not_heard_any_more() -> None:
    """An instrument that had appeared past the limit was heard by its pattern after all, once it had been
    asked for by name and given up again: quotes came after `unsubscribed`."""
    world = World()
    world.appear("crypto:BTCUSD")
    world.appear("currencies:EURUSD")
    client = V2Client(world, Buffer(1 << 20, 1 << 10), binary=False, symbols=2)
    world.clients.append(client)
    client.say({"action": "subscribe", "symbols": ["crypto:*", "EURUSD"]})
    world.appear("crypto:SOLUSD")
    for action, symbol in (("unsubscribe", "EURUSD"), ("subscribe", "SOLUSD"), ("unsubscribe", "SOLUSD")):
        client.say({"action": action, "symbols": [symbol]})
    world.publish(*world.instruments)
    world.quiet()
    assert list(client.ledger.accounts) == ["crypto:BTCUSD"]


def test_what_moves_to_another_delivery_goes_on_where_it_stood() -> None:
    one = Connection()
    one.quote(one.eurusd)
    one.listening.hear([one.eurusd], interval_ms=100, snapshot=True)
    assert one.writes == 1
    one.quote(one.eurusd)
    one.quote(one.eurusd)
    assert one.writes == 1
    one.listening.hear([one.eurusd], snapshot=True)
    assert one.writes == 2, "what was pending, and no second snapshot"
    one.quote(one.eurusd)
    assert one.writes == 3
    sums = one.hub.sums(one.member)
    assert (sums.published, sums.delivered, sums.skipped, sums.pending) == (4, 3, 1, 0)


def test_what_moves_while_behind_takes_its_position_along() -> None:
    one = Connection()
    one.listening.hear([one.eurusd, one.gbpusd])
    one.hub.pause(one.member)
    one.quote(one.eurusd)
    one.listening.hear([one.eurusd], interval_ms=100)
    one.quote(one.eurusd)
    assert one.hub.lagging(one.member) == {one.eurusd.id: 0, one.gbpusd.id: 0}
    one.hub.resume(one.member)
    sums = one.hub.sums(one.member)
    assert (sums.published, sums.delivered, sums.skipped, sums.pending) == (2, 1, 1, 0)
