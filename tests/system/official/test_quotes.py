"""Quotes and conversions in the official client: the last rows of real files, and rates computed by hand."""

from decimal import Decimal
from typing import Any

import pytest
from tradewatch_io import LastQuote

from tests.system.official.conftest import Site
from tests.system.official.recordings import Recording, half_even

PRECISIONS = [None, *range(9)]


def last_quote(recording: Recording, precision: int | None = None) -> LastQuote:
    """What a client is to see of the last row of a file."""
    row = recording.rows[-1]
    prices = {"ask": row.ask, "bid": row.bid, "mid": recording.mid(row)}
    if precision is not None:
        prices["mid"] = (row.ask + row.bid) / 2
        prices = {name: half_even(price, precision) for name, price in prices.items()}
    shown = {name: float(price) for name, price in prices.items()}
    return LastQuote(symbol=recording.symbol, timestamp=row.ts_ms, **shown)


@pytest.mark.parametrize("precision", PRECISIONS)
async def test_a_quote_is_the_last_row_of_its_file(site: Site, async_api: Any, precision: int | None) -> None:
    for recording in site.recordings.values():
        wanted = last_quote(recording, precision)
        options: dict[str, Any] = {"symbol": recording.symbol, "precision": precision}
        assert getattr(site.api, recording.asset_class).get_quote(**options) == wanted
        assert await getattr(async_api, recording.asset_class).get_quote(**options) == wanted


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quotes_come_in_the_order_asked_for(site: Site, precision: int | None) -> None:
    ordered = [site.recordings[f"indices-{name}"] for name in ("ESU4-20240701", "DE30EUR-20190220")]
    for recordings in (ordered, ordered[::-1]):
        symbols = ", ".join(each.symbol.lower() for each in recordings)
        shown = site.api.indices.get_quotes(symbols=f"{symbols},VIX", precision=precision)  # VIX has none yet
        assert shown.items == [last_quote(each, precision) for each in recordings]


@pytest.mark.parametrize("precision", range(9))
def test_half_a_unit_goes_to_the_even_digit(site: Site, precision: int) -> None:
    for number, (bid, ask) in enumerate(
        [
            ("0.5", "1.5"),
            ("2.5", "2.5"),
            ("0.25", "0.35"),
            ("1.0005", "1.0015"),
            ("7.000000005", "7.000000015"),
            ("122.34565", "122.34575"),
        ]
    ):
        publish(site, "XRPUSD", bid, ask, timestamp=1_767_389_239_000 + 10 * precision + number)
        middle = (Decimal(bid) + Decimal(ask)) / 2
        shown = site.api.crypto.get_quote(symbol="XRPUSD", precision=precision)
        wanted = [float(half_even(price, precision)) for price in (Decimal(bid), Decimal(ask), middle)]
        assert [shown.bid, shown.ask, shown.mid] == wanted


def publish(
    site: Site,
    symbol: str,
    bid: str,
    ask: str,
    *,
    asset_class: str = "crypto",
    timestamp: int = 1_767_389_239_253,
) -> None:
    """Publish a quote; each is a batch of its own."""
    quote = {
        "asset_class": asset_class,
        "symbol": symbol,
        "timestamp": str(timestamp),
        "bid": bid,
        "ask": ask,
    }
    batch = {
        "action": "publish",
        "producer": f"{symbol}-{timestamp}",
        "batch": 1,
        "quotes": [quote],
    }
    answer = site.server.publish(batch).json()
    assert all("position" in result for result in answer["results"]), answer


#: Published for the conversions: class, symbol, bid, ask, Unix milliseconds; the mids are in the comments.
QUOTES = [
    ("currencies", "GBPUSD", "1.25", "1.2504", 1_767_389_240_000),  # 1.2502
    ("currencies", "USDJPY", "149.99", "150.01", 1_767_389_230_000),  # 150
    ("currencies", "USDCHF", "0.79998", "0.80002", 1_767_389_250_000),  # 0.8
    ("crypto", "ETHUSDT", "2500", "2500.5", 1_767_389_260_000),  # 2500.25
    ("crypto", "BTCUSD", "61686", "61688", 1_767_389_270_000),  # 61687
]
#: Room, from, to, amount, precision; result, rate, and whose quote is the oldest one. EURUSD ends its file at
#: 1.38422 and 1.38431, so its mid is 1.38426; BTCUSDT at 61685.99 and 61686, 61685.995.
CONVERSIONS = [
    ("currencies", "GBP", "USD", None, None, "12.502", "1.2502", "GBPUSD"),
    ("currencies", "gbp", "usd", 3.7, 2, "4.63", "1.2502", "GBPUSD"),  # 4.62574
    ("currencies", "GBP", "USD", 0.01, 8, "0.012502", "1.2502", "GBPUSD"),
    ("currencies", "USD", "GBP", 100, None, "79.9872", "0.7998720205", "GBPUSD"),  # 0.79987202047672...
    ("currencies", "USD", "CHF", 12.5, 0, "10", "0.8", "USDCHF"),
    ("currencies", "CHF", "USD", 1, None, "1.25", "1.25", "USDCHF"),
    ("currencies", "EUR", "USD", 1_000, 5, "1384.26", "1.38426", "EURUSD"),
    ("currencies", "USD", "EUR", 10, 5, "7.22408", "0.7224076402", "EURUSD"),  # 0.72240764018320...
    ("currencies", "GBP", "JPY", 10, 2, "1875.3", "187.53", "USDJPY"),
    ("currencies", "JPY", "GBP", 10_000, 4, "53.3248", "0.005332480137", "USDJPY"),  # 0.00533248013651...
    ("currencies", "CHF", "GBP", 10, 6, "9.9984", "0.9998400256", "GBPUSD"),  # 0.99984002559590...
    ("currencies", "EUR", "CHF", 10, 5, "11.07408", "1.107408", "EURUSD"),
    ("currencies", "JPY", "JPY", 12.345, 2, "12.34", "1", None),  # half to even
    ("crypto", "BTC", "USDT", None, None, "616859.95", "61685.995", "BTCUSDT"),
    ("crypto", "BTC", "USDT", 1e-8, None, "0.00061686", "61685.995", "BTCUSDT"),  # 0.00061685995
    (
        "crypto",
        "USDT",
        "BTC",
        1_000,
        None,
        "0.01621114",
        "0.00001621113512",
        "BTCUSDT",
    ),  # 0.01621113512070...
    ("crypto", "ETH", "BTC", 2, 4, "0.0811", "0.04053189059", "BTCUSDT"),  # 0.04053189058553...
    ("crypto", "BTC", "USD", 0.5, 2, "30843.5", "61687", "BTCUSD"),
    ("crypto", "BTC", "EUR", 1, 3, "44563.16", "44563.1600999812", "EURUSD"),  # 44563.16009998121...
    ("crypto", "BTC", "BTC", 1, None, "1", "1", None),
]


async def test_conversions_are_those_computed_by_hand(site: Site, async_api: Any) -> None:
    for asset_class, symbol, bid, ask, timestamp in QUOTES:
        publish(site, symbol, bid, ask, asset_class=asset_class, timestamp=timestamp)
    quoted = {symbol: timestamp for _, symbol, _, _, timestamp in QUOTES}
    quoted |= {each.symbol: each.rows[-1].ts_ms for each in site.recordings.values()}
    for room, base, quote, amount, precision, result, rate, oldest in CONVERSIONS:
        options: dict[str, Any] = {"amount": amount, "precision": precision}
        shown = getattr(site.api, room).convert(base, quote, **options)
        said = (room, base, quote, shown)
        assert (shown.result, shown.info.rate) == (float(result), float(rate)), said
        if oldest:
            assert shown.info.timestamp == quoted[oldest], said
        again = await getattr(async_api, room).convert(base, quote, **options)
        assert (again.query, again.info.rate, again.result) == (shown.query, shown.info.rate, shown.result)
        assert (shown.query.from_, shown.query.to) == (base.upper(), quote.upper())
        assert shown.query.amount == (10 if amount is None else amount)
        assert shown.query.precision == ((8 if room == "crypto" else 5) if precision is None else precision)
