"""Symbols, crypto exchanges, stocks and insights in the official client: all there are, each once."""

from typing import Any

import pytest
from tradewatch_io import CryptoExchangeItem, NewsOut, SymbolsOutFull, SymbolsOutFullStocks

from tests.system.official.conftest import Site, table

CLASSES = ("commodities", "crypto", "currencies", "indices", "stocks")


async def pages_of(method: Any, **options: Any) -> list[Any]:
    """All pages by their cursors, forward; backward they are the same."""
    pages = [await method(**options)]
    assert pages[0].previous_page is None
    while pages[-1].next_page is not None:
        pages.append(await method(cursor=pages[-1].next_page, **options))
    page = pages[-1]
    for earlier in reversed(pages[:-1]):
        page = await method(cursor=page.previous_page, **options)
        assert page == earlier
    assert {page.total for page in pages} == {sum(len(page.items) for page in pages)}
    return pages


@pytest.mark.parametrize("asset_class", CLASSES)
@pytest.mark.parametrize("size", [None, 37, 1_000])
async def test_every_symbol_of_the_catalogue_is_there_once(
    site: Site, async_api: Any, asset_class: str, size: int | None
) -> None:
    catalogue = site.catalogue(asset_class)
    pages = await pages_of(getattr(async_api, asset_class).get_symbols, size=size)
    assert {len(page.items) for page in pages[:-1]} <= {50 if size is None else size}
    shown = [item for page in pages for item in page.items]
    if asset_class == "stocks":
        assert shown == [
            SymbolsOutFullStocks(
                symbol=symbol, name=row["name"], country=row.get("country", ""), description=""
            )
            for symbol, row in catalogue.items()
        ]
    else:
        assert shown == [SymbolsOutFull(symbol=symbol, name=row["name"]) for symbol, row in catalogue.items()]


async def test_symbols_are_chosen_by_type_country_and_mode(site: Site, async_api: Any) -> None:
    types = [each.symbol for each in site.api.commodities.get_types().items]
    commodities = site.catalogue("commodities")
    assert set(types) == {row["type"] for row in commodities.values() if row.get("type")}
    for kind in types:
        pages = await pages_of(async_api.commodities.get_symbols, size=10, type=kind)
        shown = [item.symbol for page in pages for item in page.items]
        assert shown == [symbol for symbol, row in commodities.items() if row.get("type") == kind]
    every = site.api.commodities.get_symbols(size=1_000, type="all")
    assert [item.symbol for item in every.items] == list(commodities)

    stocks = site.catalogue("stocks")
    countries = [each.symbol for each in site.api.stocks.stock_get_countries().items]
    assert countries == sorted({row["country"] for row in stocks.values() if row["country"]})
    for country in countries:
        pages = await pages_of(async_api.stocks.get_symbols, size=100, country=country)
        shown = [item.symbol for page in pages for item in page.items]
        assert shown == [symbol for symbol, row in stocks.items() if row["country"] == country]
    assert site.api.stocks.get_symbols(country="aq").items == []

    for asset_class in CLASSES:
        room = getattr(site.api, asset_class)
        base, full = room.get_symbols(size=20, mode="base"), room.get_symbols(size=20, mode="full")
        assert [item.symbol for item in base.items] == [item.symbol for item in full.items]
        assert {item.name for item in base.items} == {""}
        assert full == room.get_symbols(size=20)


def test_crypto_exchanges_are_those_of_the_table(site: Site) -> None:
    assert site.api.crypto.get_exchanges().items == [
        CryptoExchangeItem(
            id=row["id"],
            name=row["name"],
            year_established=int(row["year_established"]) if row["year_established"] else None,
            country=row["country"] or None,
            website=row["website"],
        )
        for row in table("crypto_exchanges")
    ]


async def test_a_stock_is_shown_with_its_last_price(site: Site, async_api: Any) -> None:
    spy = site.recording("stocks")
    row, listed = spy.rows[-1], site.catalogue("stocks")["SPY"]
    known = {"name": listed["name"], "country": "us", "mic": "ARCX", "type": "", "description": ""}
    prices = {"ask": float(row.ask), "bid": float(row.bid), "mid": float(spy.mid(row))}
    wanted = {"symbol": "SPY", **known, **prices, "timestamp": row.ts_ms}
    assert site.api.stocks.get_stock_data("SPY").model_dump() == wanted
    assert (await async_api.stocks.get_stock_data("spy")).model_dump() == wanted
    apple = site.api.stocks.get_stock_data("AAPL").model_dump()
    assert (apple["name"], apple["mic"], "ask" in apple) == ("Apple Inc.", "XNAS", False)


@pytest.mark.parametrize("asset_class", CLASSES)
@pytest.mark.parametrize("size", [None, 2])
async def test_insights_are_those_imported_the_newest_first(
    site: Site, async_api: Any, asset_class: str, size: int | None
) -> None:
    pages = await pages_of(getattr(async_api, asset_class).get_insights, size=size)
    fields = ("timestamp", "content", "meta_data")
    assert [item for page in pages for item in page.items] == [
        NewsOut.model_validate({name: each[name] for name in fields})
        for each in site.insights
        if each["asset_class"] == asset_class
    ]
    assert len(pages) == (1 if size is None else 3)
