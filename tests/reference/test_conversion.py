"""Conversions: exact along the path, the direct one first, and the same both ways."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.reference.conversion import Conversions, Rate, codes_of

CURRENCIES, CRYPTO = AssetClass.CURRENCIES, AssetClass.CRYPTO
CODES = ("AUD", "CHF", "EUR", "GBP", "JPY", "USD", "ZAR")


def pair(symbol: str, asset_class: AssetClass = CURRENCIES) -> Instrument:
    return Instrument(id=1, asset_class=asset_class, symbol=symbol, decimals=5)


class Quotes:
    """Pairs that are quoted at these mids; None for one that is known and not quoted."""

    def __init__(self, mids: dict[str, str | Fraction | None], crypto: dict[str, str] | None = None) -> None:
        self.conversions = Conversions()
        self.mids = {(CURRENCIES, symbol): mid for symbol, mid in mids.items()}
        self.mids |= {(CRYPTO, symbol): mid for symbol, mid in (crypto or {}).items()}
        for asset_class, symbol in self.mids:
            self.conversions.add(pair(symbol, asset_class))

    def rate(
        self, base: str, quote: str, classes: tuple[AssetClass, ...] = (CURRENCIES,)
    ) -> tuple[Fraction, list[str]] | None:
        rate: Rate | None = self.conversions.rate(base, quote, classes, self._mid)
        return None if rate is None else (rate.value, [each.symbol for each in rate.path])

    def _mid(self, instrument: Instrument) -> Fraction | None:
        mid = self.mids[instrument.asset_class, instrument.symbol]
        return None if mid is None else Fraction(mid)


def test_the_pair_itself_comes_first() -> None:
    quotes = Quotes({"EURUSD": "1.25", "USDEUR": "0.9", "EURGBP": "2", "GBPUSD": "2"})
    assert quotes.rate("EUR", "USD") == (Fraction("1.25"), ["EURUSD"])
    assert quotes.rate("USD", "EUR") == (Fraction("0.9"), ["USDEUR"])


def test_else_the_inverse_of_the_other_one() -> None:
    quotes = Quotes({"EURUSD": "1.2", "USDEUR": None, "USDJPY": "150"})
    assert quotes.rate("USD", "EUR") == (Fraction(5, 6), ["EURUSD"])
    assert quotes.rate("JPY", "USD") == (Fraction(1, 150), ["USDJPY"])


def test_else_through_one_currency_in_a_fixed_order() -> None:
    mids = {
        "CHFZAR": "20",
        "AUDCHF": "0.5",
        "EURAUD": "1.6",
        "EURZAR": "18",
        "USDZAR": "16",
        "AUDUSD": "0.65",
    }
    assert Quotes(mids).rate("AUD", "ZAR") == (Fraction("10.4"), ["AUDUSD", "USDZAR"])
    del mids["USDZAR"]
    assert Quotes(mids).rate("AUD", "ZAR") == (Fraction("11.25"), ["EURAUD", "EURZAR"])
    mids["EURZAR"] = "0"  # such a price leads nowhere
    assert Quotes(mids).rate("AUD", "ZAR") == (Fraction("10"), ["AUDCHF", "CHFZAR"])


def test_never_through_two() -> None:
    quotes = Quotes({"AUDUSD": "1", "USDEUR": "1", "EURZAR": "1"})
    assert quotes.rate("AUD", "ZAR") is None
    assert quotes.rate("AUD", "EUR") == (1, ["AUDUSD", "USDEUR"])


def test_the_same_currency_is_one() -> None:
    assert Quotes({"EURUSD": None}).rate("EUR", "EUR") == (1, [])


def test_classes_are_looked_at_in_their_order_step_by_step() -> None:
    quotes = Quotes({"EURUSD": "1.2", "BTCUSD": "7"}, {"BTCUSD": "60000", "ETHBTC": "0.05"})
    assert quotes.rate("BTC", "USD", (CRYPTO, CURRENCIES)) == (60_000, ["BTCUSD"])
    assert quotes.rate("BTC", "EUR", (CRYPTO, CURRENCIES)) == (50_000, ["BTCUSD", "EURUSD"])
    assert quotes.rate("ETH", "USD", (CRYPTO, CURRENCIES)) == (3_000, ["ETHBTC", "BTCUSD"])
    assert quotes.rate("BTC", "EUR", (CRYPTO,)) is None
    assert not quotes.conversions.knows("EUR", (CRYPTO,))
    assert quotes.conversions.knows("EUR", (CRYPTO, CURRENCIES))


@pytest.mark.parametrize(
    ("symbol", "codes"),
    [
        ("BTCUSD", ("BTC", "USD")),
        ("BTCUSDT", ("BTC", "USDT")),
        ("USDTUSD", ("USDT", "USD")),
        ("BNBUSD", ("BNB", "USD")),
        ("SHIBUSD", ("SHIB", "USD")),
        ("ETHBTC", ("ETH", "BTC")),
        ("1000PEPEUSDT", ("1000PEPE", "USDT")),
        ("SUSD", ("S", "USD")),
        ("USD", None),
        ("C00001", None),
    ],
)
def test_where_a_crypto_symbol_parts(symbol: str, codes: tuple[str, str] | None) -> None:
    assert codes_of(pair(symbol, CRYPTO)) == codes


def test_what_is_no_pair_has_no_codes() -> None:
    assert codes_of(pair("EURUSD")) == ("EUR", "USD")
    assert codes_of(pair("SYM00001")) is None
    assert codes_of(pair("SYM001")) is None
    assert codes_of(pair("GOLDUS", AssetClass.COMMODITIES)) is None


markets = st.dictionaries(
    st.tuples(st.sampled_from(CODES), st.sampled_from(CODES))
    .filter(lambda codes: codes[0] != codes[1])
    .map("".join),
    st.none() | st.fractions(Fraction(1, 10**6), 10**6),
)


@given(markets, st.sampled_from(CODES), st.sampled_from(CODES))
@settings(deadline=None)
def test_a_rate_is_the_product_of_its_path(mids: dict[str, Fraction | None], base: str, quote: str) -> None:
    found = Quotes(dict(mids)).rate(base, quote)
    if found is None:
        steps = {symbol for symbol, mid in mids.items() if mid is not None}
        linked = {code: {s.replace(code, "") for s in steps if code in s} for code in (base, quote)}
        assert quote not in linked[base]
        assert not linked[base] & linked[quote]
        return
    value, path = found
    code, product = base, Fraction(1)
    for symbol in path:
        mid = mids[symbol]
        assert mid is not None
        product *= mid if symbol.startswith(code) else 1 / mid
        code = symbol.replace(code, "")
    assert (code, value) == (quote, product)
    assert len(path) <= 2


@given(markets, st.sampled_from(CODES), st.sampled_from(CODES))
@settings(deadline=None)
def test_there_and_back_is_where_one_began_where_no_pair_is_quoted_both_ways(
    mids: dict[str, Fraction | None], base: str, quote: str
) -> None:
    one_way = {symbol: mid for symbol, mid in mids.items() if symbol < symbol[3:] + symbol[:3]}
    there, back = Quotes(dict(one_way)).rate(base, quote), Quotes(dict(one_way)).rate(quote, base)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there[0] * back[0] == 1
        assert sorted(there[1]) == sorted(back[1])
