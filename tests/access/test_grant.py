"""What may be published."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewatch.access.grant import EVERYTHING, MAX_PATTERNS, PublishGrant
from tradewatch.errors import KeyStoreError
from tradewatch.model.asset_class import AssetClass

CRYPTO, STOCKS = AssetClass.CRYPTO, AssetClass.STOCKS


def test_the_empty_grant_leaves_nothing_out():
    assert EVERYTHING.may_create
    assert all(EVERYTHING.allows(asset_class, "X") for asset_class in AssetClass)


def test_classes_and_symbols_must_both_fit():
    grant = PublishGrant(classes=frozenset({CRYPTO}), symbols=("BTC*", "ETHUSD"))
    assert grant.allows(CRYPTO, "BTCUSD")
    assert grant.allows(CRYPTO, "ETHUSD")
    assert not grant.allows(CRYPTO, "ETHEUR")
    assert not grant.allows(STOCKS, "BTCUSD")


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("*", ["A", "BTC-USD"], []),
        ("BTC*", ["BTC", "BTCUSD"], ["ABTC", "BT"]),
        ("*USD", ["USD", "BTCUSD"], ["USDT"]),
        ("B*.*D", ["B.D", "BRK.BD"], ["BD", "B.DE"]),
        ("BRK.B", ["BRK.B"], ["BRKXB", "BRK.BB"]),
        ("A-Z", ["A-Z"], ["M"]),
    ],
)
def test_only_the_star_is_a_wildcard(pattern: str, fitting: list[str], others: list[str]):
    grant = PublishGrant(symbols=(pattern,))
    assert [symbol for symbol in fitting + others if grant.allows(STOCKS, symbol)] == fitting


_SIGNS = "AB.-_"


@given(st.text(_SIGNS + "*", min_size=1, max_size=8), st.text(_SIGNS, min_size=1, max_size=12))
@settings(deadline=None)
def test_a_pattern_means_what_its_regular_expression_does(pattern: str, symbol: str):
    expression = ".*".join(map(re.escape, pattern.split("*")))
    allowed = PublishGrant(symbols=(pattern,)).allows(STOCKS, symbol)
    assert allowed == bool(re.fullmatch(expression, symbol))


def test_no_pattern_takes_long():
    grant = PublishGrant(symbols=("*A" * 15 + "*B",))
    start = time.perf_counter()
    assert not grant.allows(STOCKS, "A" * 32)
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("pattern", ["", "btc", "A?", "[A-Z]", "A B", "Ä", "A" * 33, "BTC\n"])
def test_what_is_no_pattern_is_refused(pattern: str):
    with pytest.raises(KeyStoreError, match="not a symbol pattern"):
        PublishGrant(symbols=("OK", pattern))


def test_patterns_are_limited():
    assert len(PublishGrant(symbols=("A",) * MAX_PATTERNS).symbols) == MAX_PATTERNS
    with pytest.raises(KeyStoreError, match="1,001 symbol patterns are more than 1,000"):
        PublishGrant(symbols=("A",) * (MAX_PATTERNS + 1))


BTC = PublishGrant(symbols=("BTC*",))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (EVERYTHING, BTC),
        (EVERYTHING, PublishGrant(may_create=False)),
        (EVERYTHING, PublishGrant(classes=frozenset({CRYPTO}))),
        (PublishGrant(classes=frozenset({CRYPTO, STOCKS})), PublishGrant(classes=frozenset({CRYPTO}))),
        (BTC, PublishGrant(symbols=("BTCUSD", "BTC*D"))),
        (PublishGrant(symbols=("*D", "A*")), PublishGrant(symbols=("A", "B*D"))),
        (PublishGrant(symbols=("A**",)), PublishGrant(symbols=("A*B*",))),
    ],
)
def test_a_grant_covers_a_narrower_one_and_not_the_other_way_round(wide: PublishGrant, narrow: PublishGrant):
    assert wide.covers(narrow)
    assert not narrow.covers(wide)
    assert wide.covers(wide)
    assert narrow.covers(narrow)


_GRANTS = st.builds(
    PublishGrant,
    classes=st.frozensets(st.sampled_from([CRYPTO, STOCKS])),
    symbols=st.lists(st.text("AB*", min_size=1, max_size=4), max_size=3).map(tuple),
    may_create=st.booleans(),
)


@settings(deadline=None, max_examples=500)
@given(_GRANTS, _GRANTS, st.sampled_from(AssetClass), st.text("AB", min_size=1, max_size=6))
def test_what_a_covered_grant_allows_its_cover_does(
    wide: PublishGrant, narrow: PublishGrant, asset_class: AssetClass, symbol: str
):
    if wide.covers(narrow):
        assert narrow.allows(asset_class, symbol) <= wide.allows(asset_class, symbol)
        assert narrow.may_create <= wide.may_create
