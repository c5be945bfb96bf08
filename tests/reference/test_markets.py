"""Markets: sound rows, and a calendar for each."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.builtin import builtin_listings
from tradewatch.reference.calendar import calendar_of
from tradewatch.reference.markets import Market, builtin_markets

MARKETS = list(builtin_markets().values())
MAY_BE_EMPTY = {"acronym", "lei", "url"}


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.mic)
def test_every_market_is_sound(market: Market):
    said = msgspec.structs.asdict(market)
    assert {name for name, value in said.items() if not value} <= MAY_BE_EMPTY
    assert re.fullmatch("[A-Z]{4}", market.mic)
    assert re.fullmatch("[A-Z0-9]{18}[0-9]{2}|", market.lei)
    assert re.fullmatch("https?://[^ ]+|", market.url)
    assert re.fullmatch("[A-Z]{2}", market.country_code)
    assert re.fullmatch("[A-Z]{3}", market.currency_code)
    assert len(market.flag) == 2
    assert datetime.now(UTC).astimezone(ZoneInfo(market.timezone)).tzname()
    assert calendar_of(market.calendar).first.year in {1995, 1997, 2017, 2021}


def test_the_great_ones_are_there():
    markets = builtin_markets()
    assert list(markets) == sorted(markets)
    assert len(markets) >= 75
    assert len({market.calendar for market in MARKETS}) == 68
    london = markets["XLON"]
    assert (london.exchange, london.acronym, london.lei) == (
        "London Stock Exchange",
        "LSE",
        "213800D1EI4B9WTWWD28",
    )
    assert (london.city, london.country, london.flag) == ("London", "United Kingdom", "🇬🇧")
    assert (london.currency_code, london.currency_name, london.currency_symbol) == (
        "GBP",
        "British Pound",
        "£",
    )
    assert [markets[mic].calendar for mic in ("XNAS", "ARCX", "XSHE", "XNSE")] == [
        "XNYS",
        "XNYS",
        "XSHG",
        "XBOM",
    ]


def test_a_legal_entity_has_its_number_right():
    """ISO 17442: the number read with letters as 10 to 35 is 1 modulo 97."""
    leis = [market.lei for market in MARKETS if market.lei]
    wrong = [lei for lei in leis if int("".join(str(int(digit, 36)) for digit in lei)) % 97 != 1]
    assert wrong == []
    assert len(leis) > 50


def test_built_in_stocks_are_listed_at_markets_that_are_known():
    mics = {row.mic for row in builtin_listings() if row.asset_class is AssetClass.STOCKS and row.mic}
    assert mics <= set(builtin_markets())
