"""The public quickstart, with the plain `websockets` client, on replayed real ticks."""

import asyncio
import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from tests.system.server import receive

FILES = {
    "currencies": "currencies-EURUSD-20140508.csv.gz",
    "crypto": "crypto-BTCUSDT-20240808.csv.gz",
    "stocks": "stocks-SPY-20131007.csv.gz",
    "indices": "indices-ESU4-20240701.csv.gz",
    "commodities": "commodities-XAUUSD-20140509.csv.gz",
}
#: So fast that each file gives a few hundred quotes a second.
SPEEDS = {"currencies": 300, "crypto": 4, "stocks": 300, "indices": 30, "commodities": 300}
SYMBOLS = {
    "currencies": "EURUSD",
    "crypto": "BTCUSDT",
    "stocks": "SPY",
    "indices": "ESU4",
    "commodities": "XAUUSD",
}
OTHERS = {
    "currencies": "GBPUSD",
    "crypto": "ETHUSD",
    "stocks": "AAPL",
    "indices": "DJI",
    "commodities": "GOLD",
}


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def as_row(quote: dict[str, Any]) -> tuple[str, str, Decimal, Decimal]:
    return quote["symbol"], quote["timestamp"], Decimal(quote["bid"]), Decimal(quote["ask"])


def assert_same_run(quotes: list[dict[str, Any]], source: list[dict[str, str]]) -> None:
    """The quotes are consecutive rows of the source, value for value and in order."""
    wanted = [(row["symbol"], row["ts_ms"], Decimal(row["bid"]), Decimal(row["ask"])) for row in source]
    got = [as_row(quote) for quote in quotes]
    starts = [index for index, row in enumerate(wanted) if row == got[0]]
    assert any(wanted[start : start + len(got)] == got for start in starts), got[:3]


def expected_mid(quote: dict[str, Any], asset_class: str) -> Decimal:
    bid, ask = Decimal(quote["bid"]), Decimal(quote["ask"])
    places = max(8 if asset_class == "crypto" else 5, -bid.as_tuple().exponent, -ask.as_tuple().exponent)
    return ((bid + ask) / 2).quantize(Decimal(1).scaleb(-places))


async def say(stream: ClientConnection, action: str, *symbols: str) -> None:
    await stream.send(json.dumps({"action": action, "symbols": symbols}))


async def next_status(stream: ClientConnection, quotes: list[dict[str, Any]]) -> list[str]:
    """The next status; quotes on the way are kept."""
    while True:
        (message,) = await receive(stream)
        if message.get("event") == "status":
            return message["symbols"]
        quotes.append(message)


@pytest.fixture
def replaying(serve: Any, shared_data: Path) -> Any:
    feeds = [
        argument
        for asset_class, name in FILES.items()
        for argument in (
            "--feed",
            f"replay:{shared_data / name}?class={asset_class}&speed={SPEEDS[asset_class]}",
        )
    ]
    return serve(*feeds)


@pytest.mark.parametrize("asset_class", FILES)
async def test_a_class_path(replaying: Any, shared_data: Path, asset_class: str) -> None:
    symbol, other = SYMBOLS[asset_class], OTHERS[asset_class]
    quotes: list[dict[str, Any]] = []
    async with replaying.stream(f"/{asset_class}/quotes") as stream:
        assert await receive(stream) == [{"event": "status", "symbols": []}]
        await say(stream, "subscribe", symbol, other)
        assert await next_status(stream, quotes) == [symbol, other]
        assert quotes == []
        while len(quotes) < 200:
            quotes += await receive(stream)
        await say(stream, "unsubscribe", symbol)
        assert await next_status(stream, quotes) == [other]
        await stream.send('{"action": "ping"}')
        assert (await receive(stream))[0]["event"] == "pong", "no quote follows the status"
    assert_same_run(quotes, rows(shared_data / FILES[asset_class]))
    for quote in quotes:
        assert list(quote) == ["symbol", "timestamp", "ask", "bid", "mid"]
        assert Decimal(quote["mid"]) == expected_mid(quote, asset_class)
        for number in (quote["bid"], quote["ask"], quote["mid"]):
            assert "." not in number or number[-1] != "0"


async def test_all_classes_on_one_connection(replaying: Any, shared_data: Path) -> None:
    names = [f"{asset_class}:{symbol}" for asset_class, symbol in SYMBOLS.items()]
    quotes: list[dict[str, Any]] = []
    async with replaying.stream("/") as stream:
        assert await receive(stream) == [{"event": "status", "symbols": []}]
        await say(stream, "subscribe", *(name.lower() for name in names))
        assert await next_status(stream, quotes) == names
        while len(quotes) < 1_000:
            quotes += await receive(stream)
        await say(stream, "unsubscribe", "EURUSD")
        assert await next_status(stream, quotes) == names[1:]
    by_class: dict[str, list[dict[str, Any]]] = {}
    for quote in quotes:
        assert list(quote) == ["asset_class", "symbol", "timestamp", "ask", "bid", "mid"]
        by_class.setdefault(quote["asset_class"], []).append(quote)
    assert set(by_class) == set(FILES)
    for asset_class, heard in by_class.items():
        assert_same_run(heard, rows(shared_data / FILES[asset_class]))


async def test_every_row_of_a_recording_reaches_every_client(serve: Any, shared_data: Path) -> None:
    """Two clients, one whole file: each hears the same rows, and none twice."""
    name = "indices-DE30EUR-20190220.csv.gz"
    server = serve("--feed", f"replay:{shared_data / name}?class=indices&speed=20000&time=original&loop=true")
    wanted = [
        (r["symbol"], r["ts_ms"], Decimal(r["bid"]), Decimal(r["ask"])) for r in rows(shared_data / name)
    ]

    async def one_round(path: str) -> list[tuple[str, str, Decimal, Decimal]]:
        async with server.stream(path) as stream:
            await say(stream, "subscribe", "DE30EUR")
            await receive(stream, 2)
            heard = [as_row(quote) for quote in await receive(stream, 2 * len(wanted))]
        first = heard.index(wanted[0])
        return heard[first : first + len(wanted)]

    assert await asyncio.gather(one_round("/indices/quotes"), one_round("/")) == [wanted, wanted]


async def test_the_same_port_names_what_it_is_missing(serve: Any) -> None:
    server = serve("--feed", "simulated?symbols=5")
    response = server.get("/quotes")
    assert (response.status_code, response.json()["error"]["reason"]) == (426, "upgrade_required")
    response = server.get("/nowhere")
    assert (response.status_code, response.json()["error"]["reason"]) == (404, "not_found")
