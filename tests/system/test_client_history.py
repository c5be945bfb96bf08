"""The client's frames and rows of a real server: the same history, whichever way it is read."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd

from tests.system.server import Server
from tradewatch.client import Api, AsyncApi, Tick

NAME = "crypto:BTCUSD"
_DEADLINE_S = 30.0


def recorded(api: Api, span_s: int) -> tuple[int, int]:
    """A range of whole seconds, a multiple of 5, that is over and recorded."""
    start_s = int(time.time()) // 5 * 5
    end_s = start_s + span_s
    deadline = time.monotonic() + span_s + _DEADLINE_S
    while not any(True for _ in api.ticks(NAME, start=end_s, end=end_s + 60)):
        assert time.monotonic() < deadline, "nothing is recorded"
        time.sleep(0.2)
    return start_s, end_s


async def test_one_history_in_every_form(serve: Callable[..., Server]) -> None:
    server = serve("--feed", "simulated?symbols=2&rate=200&class=crypto")
    with Api(server.http, api_key=server.demo_key) as api:
        start, end = recorded(api, 10)
        ticks = api.ticks(NAME, start=start, end=end)
        rows = list(ticks)
        exact, floats = ticks.to_polars(prices="decimal"), ticks.to_pandas()
        candles = api.candles(NAME, resolution="5s", start=start, end=end)
        shown = candles.to_pandas()
        one_by_one = list(candles)
    async with AsyncApi(server.http, api_key=server.demo_key) as async_api:
        same = [row async for row in async_api.ticks(NAME, start=start, end=end)]
        frame = await async_api.candles(NAME, resolution="5s", start=start, end=end).to_pandas()

    assert len(rows) > 100
    assert all(isinstance(row, Tick) for row in rows)
    assert same == rows
    assert exact["bid"].to_list() == [row.bid for row in rows]
    assert exact["ask"].to_list() == [row.ask for row in rows]
    assert floats["mid"].tolist() == [float(str(row.mid)) for row in rows]
    assert all(start <= row.time.timestamp() < end for row in rows)

    folded = floats["bid"].resample("5s").ohlc()
    assert (
        shown[["open_bid", "high_bid", "low_bid", "close_bid"]].to_numpy().tolist()
        == folded.to_numpy().tolist()
    )
    assert list(shown.index) == [pd.Timestamp(at, unit="s", tz="UTC") for at in range(start, end, 5)]
    assert shown["close_ask"].tolist() == [float(str(candle.close_ask)) for candle in one_by_one]
    assert [datetime.fromtimestamp(candle.time, UTC) for candle in one_by_one] == list(shown.index)
    assert frame.equals(shown)
