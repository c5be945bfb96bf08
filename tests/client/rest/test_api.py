"""The API without an event loop, against a real server over real sockets."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.client.rest.fake_api import (
    ARROW,
    SIDES,
    TICK_SCHEMA,
    Answer,
    FakeApi,
    arrow,
    candle,
    refusal,
    said,
    tick,
)
from tradewatch.client import Api, Candle, LastQuote, NotFoundError, ProtocolViolationError, Symbol, Tick
from tradewatch.clock import ManualClock
from tradewatch.errors import UsageError


def test_quotes_are_exact_and_those_of_unquoted_symbols_are_left_out(api: Api, fake: FakeApi) -> None:
    quotes = api.quotes("Currencies", ["EURUSD", "NEVER", "GBPUSD", "EURUSD"])
    assert [quote.name for quote in quotes] == ["currencies:EURUSD", "currencies:GBPUSD"]
    assert quotes[0] == LastQuote(
        symbol="EURUSD",
        asset_class="currencies",
        bid=Decimal("61837.630000000001"),
        ask=Decimal("1.17174"),
        mid=Decimal("1e-8"),
        timestamp=7,
    )
    assert quotes[0].time == datetime(1970, 1, 1, 0, 0, 0, 7_000, UTC)
    (asked,) = fake.asked
    assert (asked.path, asked.query) == ("/currencies/quotes", {"symbols": "EURUSD,NEVER,GBPUSD"})


def test_more_quotes_than_a_request_takes(api: Api, fake: FakeApi) -> None:
    symbols = [f"S{number}" for number in range(2_001)]
    assert [quote.symbol for quote in api.quotes("crypto", symbols)] == symbols
    assert [asked.query["symbols"].count(",") + 1 for asked in fake.asked] == [1_000, 1_000, 1]
    assert api.quotes("crypto", []) == []
    assert len(fake.asked) == 3


def test_symbols_of_all_pages(api: Api, fake: FakeApi) -> None:
    symbols = api.symbols("crypto")
    assert [one.symbol for one in symbols] == [f"C{number:04}" for number in range(2_500)]
    assert symbols[7] == Symbol(symbol="C0007", name="c0007")
    assert [asked.query for asked in fake.asked] == [
        {"size": "1000"},
        {"size": "1000", "cursor": "1000"},
        {"size": "1000", "cursor": "2000"},
    ]


def test_symbols_that_were_searched_for(api: Api, fake: FakeApi) -> None:
    assert [one.symbol for one in api.symbols("crypto", search="C249")] == [f"C249{n}" for n in range(10)]
    api.symbols("stocks", country="us")
    api.symbols("commodities", kind="metal")
    assert fake.asked[1].query == {"size": "1000", "country": "us"}
    assert fake.asked[-1].query == {"size": "1000", "type": "metal", "cursor": "2000"}


def test_candles_one_by_one_are_exact(api: Api, fake: FakeApi) -> None:
    candles = list(api.candles("currencies:EURUSD", resolution="1m", start=0, end=1_200_001))
    assert len(candles) == 20_001
    assert candles == [Candle(**candle(time)) for time in range(0, 1_200_001, 60)]
    assert isinstance(candles[0].open_bid, Decimal)
    assert {asked.headers["accept"] for asked in fake.asked} == {"application/json"}
    assert [(asked.query["start"], asked.query["end"]) for asked in fake.asked] == [
        ("0", "600000"),
        ("600000", "1200000"),
        ("1200000", "1200001"),
    ]


def test_candles_into_pandas(api: Api, fake: FakeApi) -> None:
    """More than one request takes, joined without a seam; each float is the nearest to its decimal."""
    frame = api.candles("currencies:EURUSD", resolution=5, start=7, end=600_000).to_pandas()
    times = range(10, 600_000, 5)
    assert len(fake.asked) == 2
    assert {asked.path for asked in fake.asked} == {"/currencies/EURUSD/ohlc"}
    assert {asked.headers["accept"] for asked in fake.asked} == {"application/vnd.apache.arrow.stream"}
    assert list(frame.columns) == list(SIDES)
    assert frame.index.name == "time"
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert list(frame.index.astype("int64")) == [time * 10**9 for time in times]
    assert frame.index.is_unique
    assert all(dtype == np.float64 for dtype in frame.dtypes)
    assert list(frame["high_ask"]) == [float(candle(time)["high_ask"]) for time in times]


def test_candles_into_polars(api: Api) -> None:
    frame = api.candles("currencies:EURUSD", resolution="1m", start=0, end=600).to_polars()
    assert frame.schema["time"] == pl.Datetime("ns", "UTC")
    assert frame["low_bid"].to_list() == [float(candle(time)["low_bid"]) for time in range(0, 600, 60)]
    exact = api.candles("currencies:EURUSD", resolution="1m", start=0, end=600).to_polars(prices="decimal")
    assert exact["low_bid"].to_list() == [candle(time)["low_bid"] for time in range(0, 600, 60)]


def test_ticks_one_by_one_through_all_pages(api: Api, fake: FakeApi) -> None:
    ticks = list(api.ticks("currencies:EURUSD", start=1, end=20_005))
    assert len(ticks) == 20_004
    assert ticks[0] == Tick(
        time_text="1970-01-01T00:00:01.123456789Z",
        bid=Decimal("1.17001"),
        ask=Decimal("1.17002"),
        mid=Decimal("1.170015"),
        position="k0:2",
    )
    assert ticks[0].time == datetime(1970, 1, 1, 0, 0, 1, 123_456, UTC)
    assert (ticks[9].ask, ticks[9].mid) == (None, None)
    assert [tick.position for tick in ticks] == [f"k0:{second + 1}" for second in range(1, 20_005)]
    assert [asked.query.get("cursor") for asked in fake.asked] == [None, "10001", "20001"]
    assert {asked.query["limit"] for asked in fake.asked} == {"10000"}


def test_ticks_of_which_only_the_first_are_wanted(api: Api, fake: FakeApi) -> None:
    for number, _ in enumerate(api.ticks("currencies:EURUSD", start=0, end=10**6)):
        if number == 3:
            break
    assert len(fake.asked) == 1


def test_ticks_into_pandas(api: Api, fake: FakeApi) -> None:
    frame = api.ticks("currencies:EURUSD", start=0, end=1_000).to_pandas()
    rows = [tick(second) for second in range(1_000)]
    assert [asked.query for asked in fake.asked] == [{"start": "0", "end": "1000"}], "all in one answer"
    assert list(frame.index.astype("int64")) == [row["time"] for row in rows]
    assert list(frame["received"].astype("int64")) == [row["received"] for row in rows]
    assert list(frame["seq"]) == [row["seq"] for row in rows]
    assert frame["bid"].tolist() == [float(row["bid"]) for row in rows]
    assert frame["ask"].isna().tolist() == [row["ask"] is None for row in rows]
    assert set(frame["source"]) == {"fake"}
    exact = api.ticks("currencies:EURUSD", start=0, end=1_000).to_pandas(prices="decimal")
    assert exact["mid"].tolist() == [row["mid"] for row in rows]


def test_ticks_into_polars(api: Api) -> None:
    frame = api.ticks("currencies:EURUSD", start=0, end=1_000).to_polars(prices="decimal")
    rows = [tick(second) for second in range(1_000)]
    assert frame["time"].dt.epoch("ns").to_list() == [row["time"] for row in rows]
    for name in ("bid", "ask", "mid", "bid_size", "ask_size", "epoch", "seq", "flags", "source"):
        assert frame[name].to_list() == [row[name] for row in rows]


def test_candles_and_ticks_can_be_joined(api: Api) -> None:
    name = "currencies:EURUSD"
    ticks, candles = api.ticks(name, start=0, end=300), api.candles(name, start=0, end=300)
    joined = pd.merge_asof(ticks.to_pandas(), candles.to_pandas(), left_index=True, right_index=True)
    assert joined["open_bid"].iloc[59] == joined["bid"].iloc[0]
    assert joined["open_bid"].iloc[60] == joined["bid"].iloc[60]
    both = ticks.to_polars().join_asof(candles.to_polars(), on="time")
    assert both["open_bid"].to_list() == joined["open_bid"].tolist()


def test_no_rows_are_a_frame_with_columns(api: Api, fake: FakeApi) -> None:
    fake.next_answers = [Answer(kind=ARROW, body=arrow([], TICK_SCHEMA))] * 2
    history = api.ticks("currencies:EURUSD", start=0, end=1)
    frame = history.to_polars()
    assert frame.shape == (0, 11)
    assert frame.schema["bid"] == pl.Float64
    assert history.to_pandas().shape == (0, 10)


def test_the_end_is_now_without_one(fake: FakeApi) -> None:
    clock = ManualClock(now_ns=600 * 10**9 + 1)
    with Api(fake.url, clock=clock) as api:
        history = api.candles("currencies:EURUSD", start=datetime(1970, 1, 1, tzinfo=UTC))
        assert repr(history) == (
            "<candles of currencies:EURUSD in 60 s, 1970-01-01T00:00:00Z to 1970-01-01T00:10:01Z>"
        )
        assert fake.asked == [], "nothing is asked for before it is read"
        assert len(list(history)) == 11
    assert "api-key" not in fake.asked[0].headers


def test_a_history_may_be_read_again(api: Api) -> None:
    history = api.candles("currencies:EURUSD", start=0, end=300)
    assert list(history) == list(history)
    assert len(history.to_pandas()) == len(history.to_polars()) == 5


def test_symbols_with_signs_of_their_own(api: Api, fake: FakeApi) -> None:
    list(api.candles("stocks:BRK/B?#%", start=0, end=60))
    assert fake.asked[0].path == "/stocks/BRK%2FB%3F%23%25/ohlc"


def test_an_unknown_symbol_is_told_with_its_reason(api: Api, fake: FakeApi) -> None:
    fake.next_answers = [refusal(404, "unknown_symbol", "no symbol 'EURUSX' in currencies")] * 2
    history = api.candles("currencies:EURUSX", start=0, end=60)
    for read in (lambda: list(history), history.to_pandas):
        with pytest.raises(NotFoundError) as caught:
            read()
        assert str(caught.value) == "404 unknown_symbol: no symbol 'EURUSX' in currencies"


def test_a_page_that_leads_to_itself_is_not_followed(api: Api, fake: FakeApi) -> None:
    fake.next_answers = [said({"items": [], "next_page": "x"})] * 2
    with pytest.raises(ProtocolViolationError, match="the server's page leads to itself"):
        api.symbols("crypto")


@pytest.mark.parametrize("prices", ["exact", None])
def test_prices_are_floats_or_decimals(api: Api, prices: object, fake: FakeApi) -> None:
    history = api.candles("currencies:EURUSD", start=0, end=60)
    for frame in (history.to_pandas, history.to_polars):
        with pytest.raises(UsageError, match="prices are 'float' or 'decimal'"):
            frame(prices=prices)  # type: ignore[arg-type]
    assert fake.asked == []
