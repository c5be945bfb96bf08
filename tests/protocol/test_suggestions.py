"""Suggestions for names that nobody has."""

import pytest

from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.suggestions import Suggestions
from tradewatch.reference.builtin import builtin_listings
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.listing import Listings

ALL = tuple(AssetClass)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    filled = Catalogue(limit=20_000, listings=Listings(builtin_listings()))
    filled.add_listed()
    return filled


@pytest.fixture(scope="module")
def suggestions(catalogue: Catalogue) -> Suggestions:
    return Suggestions(catalogue)


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("EURUSX", "currencies:EURUSD"),
        ("ERUUSD", "currencies:EURUSD"),
        ("eurusx", "currencies:EURUSD"),
        ("EUR/USD", "currencies:EURUSD"),
        ("BTC", "crypto:BTCUSD"),
        ("BTC-USD", "crypto:BTCUSD"),
        ("AAPL.US", "stocks:AAPL"),
        ("GOOGLE", "stocks:GOOGL"),
    ],
)
def test_the_one_that_was_meant_comes_first(suggestions: Suggestions, mistyped: str, meant: str) -> None:
    close = [instrument.key for instrument in suggestions.close_to(mistyped, ALL)]
    assert close[0] == meant
    assert len(close) <= 3
    assert len(set(close)) == len(close)


@pytest.mark.parametrize("nonsense", ["", "%%%%", "€€€€", "A" * 33, "EURUSD" * 100_000])
def test_nothing_is_suggested_where_nothing_is_alike(suggestions: Suggestions, nonsense: str) -> None:
    assert suggestions.close_to(nonsense, ALL) == []


def test_only_the_classes_asked_for_are_searched(suggestions: Suggestions) -> None:
    close = suggestions.close_to("EURUSX", [AssetClass.CRYPTO])
    assert {instrument.asset_class for instrument in close} <= {AssetClass.CRYPTO}


def test_instruments_that_come_later_are_found() -> None:
    catalogue = Catalogue(limit=20_000)
    suggestions = Suggestions(catalogue)
    assert suggestions.close_to("WIDGETS", ALL) == []
    for number in range(2_500):
        catalogue.add(AssetClass.STOCKS, f"Q{number}", decimals=2)
    catalogue.add(AssetClass.STOCKS, "WIDGET", decimals=2)
    # A bounded number is taken in at a time, so the last of many may need a second look.
    suggestions.close_to("WIDGETS", ALL)
    assert [instrument.symbol for instrument in suggestions.close_to("WIDGETS", ALL)] == ["WIDGET"]
