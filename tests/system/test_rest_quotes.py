"""Quotes, symbols and conversions over HTTP: real quotes are published, and read as clients read them."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.server import Server, receive
from tests.system.test_publish import batch
from tests.system.test_quickstart import rows

FILES = {
    "commodities": "commodities-XAUUSD-20140509.csv.gz",
    "crypto": "crypto-BTCUSDT-20240808.csv.gz",
    "currencies": "currencies-EURUSD-20140508.csv.gz",
    "indices": "indices-DE30EUR-20190220.csv.gz",
    "stocks": "stocks-SPY-20131007.csv.gz",
}


@pytest.fixture
def market(serve: Any, shared_data: Path) -> Iterator[tuple[Server, dict[str, dict[str, str]]]]:
    """A server to which the last row of each file was published, and these rows by class."""
    server = serve("--feed", "none")
    last: dict[str, dict[str, str]] = {}
    for number, (asset_class, name) in enumerate(FILES.items(), 1):
        ticks = rows(shared_data / name)[:200]
        answer = server.publish(batch(number, ticks, asset_class=asset_class))
        assert all("position" in result for result in answer.json()["results"]), answer.text
        last[asset_class] = ticks[-1]
    return server, last


def exact(server: Server, path: str, **parameters: Any) -> Any:
    """The answer with every number as the decimal that it is."""
    response = httpx.get(
        server.http + path, params=parameters, headers={"api-key": server.demo_key}, timeout=10
    )
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal, parse_int=Decimal)


def test_what_was_published_is_read_to_the_last_digit(market: Any) -> None:
    server, last = market
    for asset_class, tick in last.items():
        bid, ask = Decimal(tick["bid"]), Decimal(tick["ask"])
        quote = exact(server, f"/{asset_class}/quote", symbol=tick["symbol"])
        assert quote == {
            "symbol": tick["symbol"],
            "ask": ask,
            "bid": bid,
            "mid": (bid + ask) / 2,
            "timestamp": int(tick["ts_ms"]),
        }
        assert exact(server, f"/{asset_class}/quotes", symbols=tick["symbol"]) == {"items": [quote]}


def test_the_official_client_reads_every_answer(market: Any) -> None:
    official = pytest.importorskip("tradewatch_io")
    server, last = market
    client = official.TradewatchApi(api_key=server.demo_key, base_url=server.http)
    for asset_class, tick in last.items():
        room = getattr(client, asset_class)
        quote = room.get_quote(symbol=tick["symbol"])
        assert (quote.symbol, quote.timestamp) == (tick["symbol"], int(tick["ts_ms"]))
        assert (quote.bid, quote.ask) == (float(tick["bid"]), float(tick["ask"]))
        assert quote.bid <= quote.mid <= quote.ask
        assert room.get_quotes(symbols=tick["symbol"]).items == [quote]
        assert room.get_quote(symbol=tick["symbol"], precision=1).ask == float(round(Decimal(tick["ask"]), 1))
        page = room.get_symbols(size=20)
        assert (len(page.items), page.previous_page) == (20, None)
        following = room.get_symbols(size=20, cursor=page.next_page)
        assert page.items[-1].symbol < following.items[0].symbol
        assert room.get_symbols(size=20, cursor=following.previous_page) == page
    assert {each.symbol for each in client.commodities.get_types().items} == {
        "agricultural",
        "energy",
        "metal",
    }
    countries = {each.symbol for each in client.stocks.stock_get_countries().items}
    assert {"us", "de"} <= countries
    assert all(stock.country == "de" for stock in client.stocks.get_symbols(country="de", size=1_000).items)
    assert client.stocks.get_stock_data(last["stocks"]["symbol"]).ask == float(last["stocks"]["ask"])


def test_the_official_client_converts(market: Any) -> None:
    official = pytest.importorskip("tradewatch_io")
    server, last = market
    client = official.TradewatchApi(api_key=server.demo_key, base_url=server.http)
    mid = {
        each: (Decimal(last[each]["bid"]) + Decimal(last[each]["ask"])) / 2
        for each in ("currencies", "crypto")
    }
    euros = client.currencies.convert("EUR", "USD", amount=12.5, precision=3)
    assert Decimal(str(euros.result)) == round(mid["currencies"] * Decimal("12.5"), 3)
    assert (euros.query.from_, euros.query.to, euros.query.amount, euros.query.precision) == (
        "EUR",
        "USD",
        12.5,
        3,
    )
    assert euros.info.timestamp == int(last["currencies"]["ts_ms"])
    coins = client.crypto.convert("BTC", "USDT", amount=1e-8)
    assert Decimal(str(coins.result)) == round(mid["crypto"] * Decimal("1e-8"), 8)


def test_the_official_client_is_told_what_is_wrong(market: Any) -> None:
    official = pytest.importorskip("tradewatch_io")
    server, _ = market
    client = official.TradewatchApi(api_key=server.demo_key, base_url=server.http)
    with pytest.raises(official.errors.UnprocessableEntityError) as invalid:
        client.currencies.get_quotes(symbols=",".join(f"S{number}" for number in range(1_001)))
    assert invalid.value.body["detail"][0]["loc"] == ["query", "symbols"]
    with pytest.raises(official.core.api_error.ApiError) as unknown:
        client.stocks.get_quote(symbol="EURUSD")
    assert (unknown.value.status_code, unknown.value.body["error"]["reason"]) == (404, "unknown_symbol")
    with pytest.raises(official.core.api_error.ApiError) as refused:
        official.TradewatchApi(api_key="no", base_url=server.http).stocks.stock_get_countries()
    assert refused.value.status_code == 401


async def test_the_same_path_is_the_stream_and_the_answer(market: Any, shared_data: Path) -> None:
    server, _ = market
    async with server.stream("/crypto/quotes") as stream:
        await stream.send('{"action": "subscribe", "symbols": ["BTCUSDT"]}')
        await receive(stream, 2)
        tick = rows(shared_data / FILES["crypto"])[200]
        await asyncio.to_thread(server.publish, batch(9, [tick]))
        (heard,) = await receive(stream)
    (quote,) = exact(server, "/crypto/quotes", symbols="BTCUSDT")["items"]
    assert {name: Decimal(text) for name, text in heard.items() if name != "symbol"} == {
        name: value for name, value in quote.items() if name != "symbol"
    }
