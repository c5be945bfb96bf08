"""Rights: what both dialects let a connection hear, and whether it still fits when they change."""

import json

import pytest

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.rights import EVERYTHING_HEARD, Rights
from tradewatch.protocol.session import Join, Send, Session
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.protocol.v2 import effects
from tradewatch.protocol.v2.encoding import JSON
from tradewatch.protocol.v2.events import Subscribed
from tradewatch.protocol.v2.session import V2Session
from tradewatch.reference.catalogue import Catalogue

CRYPTO, STOCKS, INDICES = AssetClass.CRYPTO, AssetClass.STOCKS, AssetClass.INDICES
LIMITS = ConnectionLimits()
NOW_NS = 1_704_067_261_000_000_000

TWO_CLASSES = Rights(classes=(CRYPTO, STOCKS))
ONLY_B = Rights(wildcard=False, allows=lambda asset_class, symbol: symbol.startswith("B"))


def subscribe(*names: str) -> bytes:
    return json.dumps({"action": "subscribe", "symbols": list(names)}).encode()


class V1Client:
    """A v1 connection at `/`, without a socket.

    Attributes:
        joined: what it hears: the keys of symbols, the classes of patterns.
    """

    def __init__(self, catalogue: Catalogue, rights: Rights) -> None:
        self.session: Session | V2Session = Session(catalogue, scope=None, limits=LIMITS, rights=rights)
        self.joined: list[str] = []

    def subscribe(self, *names: str) -> dict[str, str]:
        """The codes of those names that cannot be heard."""
        refused: dict[str, str] = {}
        for effect in self.session.receive([subscribe(*names)], now_ns=NOW_NS):
            if isinstance(effect, Join):
                for interest in effect.interests:
                    self.joined += [interest.key] if isinstance(interest, Instrument) else interest.classes
            elif isinstance(effect, Send) and "code" in (event := json.loads(effect.payload)):
                refused |= dict.fromkeys(event["symbols"], event["code"])
        return refused


class V2Client(V1Client):
    """The same of v2."""

    def __init__(self, catalogue: Catalogue, rights: Rights) -> None:
        super().__init__(catalogue, rights)
        self.session = V2Session(
            catalogue,
            self,
            Suggestions(catalogue),
            name="s",
            epoch="0",
            scope=None,
            limits=LIMITS,
            encoding=JSON,
            heartbeat_s=5.0,
            rights=rights,
        )

    def head(self, instrument: Instrument) -> int:
        """Nothing was quoted yet."""
        return 0

    def subscribe(self, *names: str) -> dict[str, str]:
        refused: dict[str, str] = {}
        for effect in self.session.receive([subscribe(*names)], now_ns=NOW_NS):
            match effect:
                case effects.Subscribe(instruments, _, _):
                    self.joined += [instrument.key for instrument in instruments]
                case effects.SubscribePattern(classes, _, _):
                    self.joined += classes
                case effects.Send((Subscribed(results=results),)):
                    refused |= {result.symbol: result.code for result in results if result.code}
        return refused


@pytest.fixture
def catalogue() -> Catalogue:
    filled = Catalogue(limit=100)
    for asset_class, symbol in (
        (CRYPTO, "BTCUSD"),
        (CRYPTO, "ETHUSD"),
        (STOCKS, "BRK.B"),
        (STOCKS, "AAPL"),
        (INDICES, "DJI"),
        (CRYPTO, "GOLD"),
        (INDICES, "GOLD"),
    ):
        filled.add(asset_class, symbol, decimals=2)
    return filled


@pytest.fixture(params=[V1Client, V2Client])
def dialect(request: pytest.FixtureRequest) -> type[V1Client]:
    kind: type[V1Client] = request.param
    return kind


def test_a_class_that_is_not_included_is_no_unknown_symbol(
    catalogue: Catalogue, dialect: type[V1Client]
) -> None:
    client = dialect(catalogue, TWO_CLASSES)
    assert client.subscribe("crypto:BTCUSD", "AAPL", "indices:DJI", "DJI", "NONE") == {
        "indices:DJI": "symbol_not_included",
        "DJI": "symbol_not_included",
        "NONE": "unknown_symbol",
    }
    assert client.joined == ["crypto:BTCUSD", "stocks:AAPL"]


def test_a_bare_name_is_only_as_ambiguous_as_what_is_included(
    catalogue: Catalogue, dialect: type[V1Client]
) -> None:
    assert dialect(catalogue, EVERYTHING_HEARD).subscribe("GOLD") == {"GOLD": "ambiguous_symbol"}
    client = dialect(catalogue, TWO_CLASSES)
    assert client.subscribe("GOLD") == {}
    assert client.joined == ["crypto:GOLD"]


def test_a_pattern_is_over_the_included_classes_only(catalogue: Catalogue, dialect: type[V1Client]) -> None:
    everything = dialect(catalogue, TWO_CLASSES)
    assert everything.subscribe("*") == {}
    assert everything.joined == [CRYPTO, STOCKS]
    one_class = dialect(catalogue, TWO_CLASSES)
    assert one_class.subscribe("indices:*", "crypto:*") == {"indices:*": "symbol_not_included"}
    assert one_class.joined == [CRYPTO]


def test_symbols_that_are_not_allowed(catalogue: Catalogue, dialect: type[V1Client]) -> None:
    client = dialect(catalogue, ONLY_B)
    assert client.subscribe("BTCUSD", "crypto:ETHUSD", "BRK.B", "*") == {
        "crypto:ETHUSD": "symbol_not_included",
        "*": "wildcard_not_included",
    }
    assert client.joined == ["crypto:BTCUSD", "stocks:BRK.B"]


def test_new_rights_and_limits_bind_from_the_next_message_on(
    catalogue: Catalogue, dialect: type[V1Client]
) -> None:
    client = dialect(catalogue, ONLY_B)
    client.subscribe("BTCUSD")
    assert client.session.rebind(ConnectionLimits(symbols=2), EVERYTHING_HEARD)
    assert client.subscribe("ETHUSD", "DJI") == {"indices:DJI": "too_many_symbols"}
    assert client.joined == client.session.names == ["crypto:BTCUSD", "crypto:ETHUSD"]


@pytest.mark.parametrize(
    ("subscribed", "rights", "symbols", "fits"),
    [
        (["BTCUSD", "BRK.B"], TWO_CLASSES, 100, True),
        (["BTCUSD", "BRK.B"], ONLY_B, 100, True),
        (["BTCUSD", "ETHUSD"], ONLY_B, 100, False),
        (["BTCUSD", "DJI"], TWO_CLASSES, 100, False),
        (["crypto:*"], TWO_CLASSES, 100, True),
        (["*"], TWO_CLASSES, 100, False),
        (["crypto:*"], Rights(wildcard=False), 100, False),
        (["BTCUSD", "ETHUSD"], EVERYTHING_HEARD, 2, True),
        (["BTCUSD", "ETHUSD", "DJI"], EVERYTHING_HEARD, 2, False),
        (["crypto:*"], EVERYTHING_HEARD, 3, True),
        (["crypto:*"], EVERYTHING_HEARD, 2, False),
        ([], Rights(classes=()), 1, False),
    ],
)
def test_what_is_subscribed_fits_new_rights_and_limits_or_not(
    catalogue: Catalogue,
    dialect: type[V1Client],
    subscribed: list[str],
    rights: Rights,
    symbols: int,
    fits: bool,
) -> None:
    client = dialect(catalogue, EVERYTHING_HEARD)
    assert client.subscribe(*subscribed) == {}
    assert client.session.rebind(ConnectionLimits(symbols=symbols), rights) is fits


def test_a_pattern_is_as_many_changes_as_it_has_members(
    catalogue: Catalogue, dialect: type[V1Client]
) -> None:
    """Or a client could make us answer with everything there is, a hundred times in ten seconds."""
    members = sum(catalogue.count(each) for each in AssetClass)
    client = dialect(catalogue, EVERYTHING_HEARD)
    limits = ConnectionLimits(symbol_changes_per_10_s=4 * members + 2)
    assert client.session.rebind(limits, EVERYTHING_HEARD)
    refusals = [client.subscribe("*") for _ in range(6)]
    assert refusals == [{}] * 4 + [{"*": "too_many_symbols"}] * 2
    assert client.session.names == ["*"]


def test_a_pattern_larger_than_all_changes_can_be_had(catalogue: Catalogue, dialect: type[V1Client]) -> None:
    client = dialect(catalogue, EVERYTHING_HEARD)
    assert client.session.rebind(ConnectionLimits(symbol_changes_per_10_s=4), EVERYTHING_HEARD)
    assert client.subscribe("*") == {}
    assert client.joined == list(AssetClass)


def test_everything_is_weighed_again_where_it_means_more(
    catalogue: Catalogue, dialect: type[V1Client]
) -> None:
    client = dialect(catalogue, TWO_CLASSES)
    client.subscribe("*")
    heard = list(client.joined)
    weight = sum(catalogue.count(AssetClass(each)) for each in heard)
    assert client.session.rebind(ConnectionLimits(symbols=weight), EVERYTHING_HEARD)
    assert client.subscribe("*") == {"*": "too_many_symbols"}
    assert client.joined == heard
    assert client.session.rebind(ConnectionLimits(), EVERYTHING_HEARD)
    assert client.subscribe("*") == {}
    assert {str(each) for each in client.joined} == set(AssetClass)
