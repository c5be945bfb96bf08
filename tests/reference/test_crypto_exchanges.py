"""Crypto exchanges: sound rows, nothing made up."""

import re

from tradewatch.reference.crypto_exchanges import builtin_crypto_exchanges


def test_every_exchange_is_sound():
    exchanges = builtin_crypto_exchanges()
    assert [each.id for each in exchanges] == sorted({each.id for each in exchanges})
    assert len(exchanges) > 100
    for each in exchanges:
        assert re.fullmatch("[a-z0-9]+", each.id)
        assert each.name.strip() == each.name != ""
        assert re.fullmatch("https://[^ ]+", each.website)
        assert each.country is None or len(each.country) > 3
        assert each.year_established is None or 2009 <= each.year_established <= 2026


def test_what_is_known_and_what_is_not():
    known = {each.id: each for each in builtin_crypto_exchanges()}
    kraken, binance = known["kraken"], known["binance"]
    assert (kraken.name, kraken.year_established, kraken.country) == ("Kraken", 2011, "United States")
    assert binance.country is None
    assert known["bybiteu"].country is None  # the European Union is none
    assert known["foxbit"].country == "Brazil"
    assert known["alpaca"].year_established is None
