"""`/stocks/{symbol}`: a stock and its price, beside the other paths of stocks."""

import pytest
from tests.server.rest.market import Market, fault, reason

from tradewatch.model.asset_class import AssetClass
from tradewatch.reference.listing import Listing

STOCKS = AssetClass.STOCKS


@pytest.fixture
def market() -> Market:
    return Market(
        Listing(asset_class=STOCKS, symbol="AAPL", decimals=2, name="Apple Inc.", country="us", mic="XNAS"),
        Listing(asset_class=STOCKS, symbol="QUOTES", decimals=2, name="A stock of an awkward name"),
    )


async def test_before_the_first_quote_there_is_no_price(market: Market) -> None:
    assert (await market.get("/stocks/aapl")).json() == {
        "symbol": "AAPL",
        "name": "Apple Inc.",
        "country": "us",
        "mic": "XNAS",
        "type": "",
        "description": "",
    }


async def test_a_price_stands_flat_beside_the_rest(market: Market) -> None:
    market.quote(STOCKS, "AAPL", "265.001", "265.0201")
    text = (await market.get("/stocks/AAPL")).text
    assert text.endswith(
        '"description":"","ask":265.0201,"bid":265.001,"mid":265.01055,"timestamp":1767389239253}'
    )
    assert '"ask":265.02,"bid":265,"mid":265.01,' in (await market.get("/stocks/AAPL?precision=2")).text
    assert "ask" not in (await market.get("/stocks/AAPL", plan="late")).json()


async def test_the_other_paths_of_stocks_are_no_stocks_though_added_later(market: Market) -> None:
    assert fault(await market.get("/stocks/quotes"))[0] == ["query", "symbols"]
    assert "items" in (await market.get("/stocks/symbols")).json()
    assert "items" in (await market.get("/stocks/countries")).json()
    assert reason(await market.get("/stocks/markets")) == (404, "not_found")
    assert (await market.get("/stocks/QUOTES")).json()["name"] == "A stock of an awkward name"


async def test_what_is_no_stock_is_named(market: Market) -> None:
    answer = await market.get("/stocks/nothing")
    assert reason(answer) == (404, "unknown_symbol")
    assert "'nothing' in stocks" in answer.json()["error"]["message"]
    assert fault(await market.get("/stocks/AAPL?precision=x"))[0] == ["query", "precision"]


async def test_who_may_not(market: Market) -> None:
    assert reason(await market.get("/stocks/AAPL", plan="nobody")) == (401, "key_unknown")
    assert reason(await market.get("/stocks/AAPL", plan="coins")) == (403, "plan_without_class")
