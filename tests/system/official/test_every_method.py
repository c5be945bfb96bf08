"""Every method of the official client, found by reflection, against values known beforehand.

What each does in depth is in the modules beside this one; here none can be forgotten.
"""

import inspect
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
import tradewatch_io

from tests.system.official.conftest import Site, table
from tests.system.official.test_history import as_candle, as_tick
from tests.system.official.test_quotes import last_quote


def methods_of(api: Any) -> list[str]:
    """`room.method` of all rooms of a client."""
    rooms = [name for name, value in inspect.getmembers(type(api)) if isinstance(value, property)]
    return [
        f"{room}.{name}"
        for room in rooms
        for name, _ in inspect.getmembers(getattr(api, room), inspect.ismethod)
        if not name.startswith("_")
    ]


_NOWHERE: dict[str, Any] = {"api_key": "none", "base_url": "http://localhost"}
METHODS = methods_of(tradewatch_io.TradewatchApi(**_NOWHERE))


class Call(NamedTuple):
    """What a method is asked, and what of the answer is known: parts of it, and their values."""

    options: Callable[[Site, str], dict[str, Any]]
    parts: Callable[[Any], Any]
    wanted: Callable[[Site, str], Any]


def symbol_of(site: Site, room: str) -> dict[str, Any]:
    return {"symbol": site.recording(room).symbol}


def span_of(site: Site, room: str) -> dict[str, Any]:
    start, end = site.recording(room).span
    return {**symbol_of(site, room), "start": start // 86_400 * 86_400, "end": end}


def codes_of(site: Site, room: str) -> dict[str, Any]:
    base, quote = {"currencies": ("EUR", "USD"), "crypto": ("BTC", "USDT")}[room]
    return {"from_": base, "to": quote, "amount": 1, "precision": 8}


def mid_of(site: Site, room: str) -> Any:
    return last_quote(site.recording(room)).mid


def week(_site: Site, _room: str) -> dict[str, Any]:
    return {"mic": "XNYS", "start": date(2025, 11, 24), "end": date(2025, 11, 30)}


def moments(*hours: tuple[int, int, int]) -> list[tuple[datetime, datetime]]:
    """From 9:30 to an hour, in November 2025 in New York: day, hour, minute."""
    zone = ZoneInfo("America/New_York")
    return [
        (datetime(2025, 11, day, 9, 30, tzinfo=zone), datetime(2025, 11, day, hour, minute, tzinfo=zone))
        for day, hour, minute in hours
    ]


def nothing(_site: Site, _room: str) -> dict[str, Any]:
    return {}


SHARED = {
    "get_quote": Call(symbol_of, lambda quote: quote, lambda site, room: last_quote(site.recording(room))),
    "get_quotes": Call(
        lambda site, room: {"symbols": site.recording(room).symbol},
        lambda quotes: quotes.items,
        lambda site, room: [last_quote(site.recording(room))],
    ),
    "get_symbols": Call(
        lambda _site, _room: {"size": 3},
        lambda page: ([item.symbol for item in page.items], page.total),
        lambda site, room: (list(site.catalogue(room))[:3], len(site.catalogue(room))),
    ),
    "get_insights": Call(
        lambda _site, _room: {"size": 1},
        lambda page: ([item.content for item in page.items], page.total),
        lambda _site, room: ([f"{room} number 4"], 5),
    ),
    "get_historical_ohlc": Call(
        lambda site, room: {**span_of(site, room), "resolution": "3600"},
        lambda candles: (candles.symbol, candles.resolution, [as_candle(each) for each in candles.items]),
        lambda site, room: (site.recording(room).symbol, "3600", site.recording(room).candles(3_600)),
    ),
    "get_historical_ticks": Call(
        lambda site, room: {**span_of(site, room), "limit": 5},
        lambda page: [as_tick(item) for item in page.items],
        lambda site, room: site.recording(room).ticks[:5],
    ),
    "convert": Call(
        codes_of,
        lambda done: (done.query.from_, done.query.to, done.query.amount, done.query.precision, done.result),
        lambda site, room: (*codes_of(site, room).values(), mid_of(site, room)),
    ),
}
OWN = {
    "crypto.get_exchanges": Call(
        nothing,
        lambda exchanges: [each.id for each in exchanges.items],
        lambda _site, _room: [row["id"] for row in table("crypto_exchanges")],
    ),
    "commodities.get_types": Call(
        nothing,
        lambda types: [each.symbol for each in types.items],
        lambda _site, _room: ["agricultural", "energy", "metal"],
    ),
    "stocks.stock_get_countries": Call(
        nothing,
        lambda countries: [each.symbol for each in countries.items],
        lambda _site, _room: sorted({row["country"] for row in table("stocks")}),
    ),
    "stocks.get_stock_data": Call(
        symbol_of,
        lambda stock: (stock.symbol, stock.name, stock.ask, stock.bid, stock.mid),
        lambda site, room: ("SPY", "SPDR S&P 500 ETF Trust", 167.33, 167.27, mid_of(site, room)),
    ),
    "stocks.get_markets": Call(
        lambda _site, _room: {"mic": "XNYS"},
        lambda markets: [(each.mic, each.timezone, each.open_time, each.close_time) for each in markets],
        lambda _site, _room: [("XNYS", "America/New_York", "09:30", "16:00")],
    ),
    "stocks.get_market_status": Call(
        lambda _site, _room: {"mic": "XNYS"},
        lambda markets: [
            (each.mic, abs(datetime.now(UTC) - each.local_time).total_seconds() < 60) for each in markets
        ],
        lambda _site, _room: [("XNYS", True)],
    ),
    "stocks.get_trading_hours": Call(
        week,
        lambda days: [(each.open_time, each.close_time) for each in days],
        lambda _site, _room: moments((24, 16, 0), (25, 16, 0), (26, 16, 0), (28, 13, 0)),
    ),
    "stocks.get_market_holidays": Call(
        week,
        lambda days: [(each.date, each.is_business_day, each.is_early_close) for each in days],
        lambda _site, _room: [("2025-11-27", False, False), ("2025-11-28", True, True)],
    ),
    "account.get_usage": Call(
        lambda _site, _room: {"limit": 1, "interval": "1d"},
        lambda usage: [
            (
                int(start) % 86_400,
                each["requests"] > 0,
                each["data"]["request"] > 0,
                each["data"]["response"] > 0,
            )
            for start, each in usage.items()
        ],
        lambda _site, _room: [(0, True, True, True)],
    ),
}


def test_both_clients_have_the_same_methods() -> None:
    assert methods_of(tradewatch_io.AsyncTradewatchApi(**_NOWHERE)) == METHODS
    assert len(METHODS) >= 41, "what is found is what there is"
    assert {name for name in METHODS if name.partition(".")[2] not in SHARED} == set(OWN)


@pytest.mark.parametrize("name", METHODS)
async def test_a_method_answers_what_is_known(site: Site, async_api: Any, name: str) -> None:
    room, _, method = name.partition(".")
    call = OWN.get(name) or SHARED[method]
    options, wanted = call.options(site, room), call.wanted(site, room)
    assert call.parts(getattr(getattr(site.api, room), method)(**options)) == wanted
    assert call.parts(await getattr(getattr(async_api, room), method)(**options)) == wanted
