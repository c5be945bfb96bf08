"""Candles and ticks of real files in the official client: every one of them, and no other."""

import inspect
from typing import Any

import pytest
from tradewatch_io import HistoricalOhlcCandle, HistoricalRawTick

from tests.system.official.conftest import Site
from tests.system.official.recordings import FILES, Candle, Recording, Tick

RESOLUTIONS_S = (5, 10, 30, 60, 600, 1_800, 3_600, 14_400, 43_200, 86_400)
DAY_S = 86_400
MOST_TICKS = 10_000
#: So many full pages are read backward; the client takes half a second for one.
MOST_BACKWARD = 3


@pytest.fixture(params=FILES)
def recording(request: pytest.FixtureRequest, site: Site) -> Recording:
    return site.recordings[request.param]


def as_candle(shown: HistoricalOhlcCandle) -> Candle:
    ask = (shown.open_ask, shown.high_ask, shown.low_ask, shown.close_ask)
    return (shown.time, *ask, shown.open_bid, shown.high_bid, shown.low_bid, shown.close_bid)


def as_tick(shown: HistoricalRawTick) -> Tick:
    return shown.time, shown.ask, shown.bid, shown.mid


def room_of(api: Any, recording: Recording) -> Any:
    return getattr(api, recording.asset_class)


@pytest.mark.parametrize("resolution_s", RESOLUTIONS_S)
async def test_candles_are_those_of_the_file(
    site: Site, async_api: Any, recording: Recording, resolution_s: int
) -> None:
    candles = recording.candles(resolution_s)
    times = [int(candle[0]) for candle in candles]
    early, late = times[len(times) // 3], times[2 * len(times) // 3]
    late = max(late, early + 1)
    first, end = recording.span
    start = first // DAY_S * DAY_S
    ranges = [
        (start, end),
        (early, late),  # begins with a candle, which is shown; ends with one, which is not
        (early + 1, late + 1),  # the other way round
        (end + DAY_S, end + 2 * DAY_S),
    ]
    rooms = [getattr(api, recording.asset_class) for api in (site.api, async_api)]
    for number, (start_s, end_s) in enumerate(ranges):
        options = {"resolution": str(resolution_s), "start": start_s, "end": end_s}
        shown = rooms[number % 2].get_historical_ohlc(recording.symbol, **options)
        if inspect.isawaitable(shown):
            shown = await shown
        assert (shown.symbol, shown.resolution) == (recording.symbol, str(resolution_s))
        wanted = [candle for candle in candles if start_s <= candle[0] < end_s]
        assert [as_candle(item) for item in shown.items] == wanted, options


async def test_ticks_are_the_rows_of_the_file_forward_and_backward(
    site: Site, async_api: Any, recording: Recording
) -> None:
    start, end = recording.span
    room = room_of(site.api, recording)
    pages: list[list[Tick]] = []
    cursor = last = None
    while True:
        page = room.get_historical_ticks(
            recording.symbol, start=start, end=end, limit=MOST_TICKS, cursor=cursor
        )
        assert (page.previous_page is None) == (not pages)
        pages.append([as_tick(item) for item in page.items])
        cursor, last = page.next_page, page
        if cursor is None:
            break
    assert {len(page) for page in pages[:-1]} <= {MOST_TICKS}
    assert [tick for page in pages for tick in page] == recording.ticks

    room = room_of(async_api, recording)
    cursor, number = last.previous_page, len(pages) - 1
    lowest = max(0, number - MOST_BACKWARD)
    while number > lowest:
        number -= 1
        page = await room.get_historical_ticks(
            recording.symbol, start=start, end=end, limit=MOST_TICKS, cursor=cursor
        )
        assert [as_tick(item) for item in page.items] == pages[number]
        assert page.next_page is not None
        cursor = page.previous_page
        assert (cursor is None) == (number == 0)


@pytest.mark.parametrize(
    ("name", "limit", "seconds"),
    [
        ("indices-DE30EUR-20190220", None, None),
        ("indices-DE30EUR-20190220", 997, None),
        ("indices-ESU4-20240701", None, None),
        ("indices-ESU4-20240701", 7, 10),
        ("stocks-SPY-20131007", 1, 12),
        ("crypto-BTCUSDT-20240808", 23, 3),  # many rows of one millisecond: pages end among them
    ],
)
def test_pages_of_any_size_lose_and_repeat_nothing(
    site: Site, name: str, limit: int | None, seconds: int | None
) -> None:
    recording = site.recordings[name]
    start, end = recording.span
    end = start + seconds if seconds else end
    wanted = [
        tick
        for tick, row in zip(recording.ticks, recording.rows, strict=True)
        if start * 1_000 <= row.ts_ms < end * 1_000
    ]
    size = 100 if limit is None else limit
    room, options = room_of(site.api, recording), {"start": start, "end": end, "limit": limit}
    page = room.get_historical_ticks(recording.symbol, **options)
    assert page.previous_page is None
    shown = [[as_tick(item) for item in page.items]]
    while page.next_page is not None:
        page = room.get_historical_ticks(recording.symbol, cursor=page.next_page, **options)
        shown.append([as_tick(item) for item in page.items])
    assert len(shown) > 1
    assert {len(each) for each in shown[:-1]} == {size}
    assert [tick for each in shown for tick in each] == wanted
    assert room.get_historical_ticks(recording.symbol, cursor=page.current_page, **options) == page
    for earlier in reversed(shown[:-1]):
        page = room.get_historical_ticks(recording.symbol, cursor=page.previous_page, **options)
        assert [as_tick(item) for item in page.items] == earlier
    assert page.previous_page is None


def test_the_first_second_is_in_a_range_and_the_last_is_not(site: Site) -> None:
    spy = site.recordings["stocks-SPY-20131007"]  # a row at each second sharp
    second = spy.rows[1_000].ts_ms // 1_000
    assert second * 1_000 == spy.rows[1_000].ts_ms
    ticks = dict(zip((row.ts_ms // 1_000 for row in spy.rows), spy.ticks, strict=True))
    for start, end in ((second, second + 1), (second - 1, second), (second, second + 3)):
        page = site.api.stocks.get_historical_ticks("spy", start=start, end=end)
        assert [as_tick(item) for item in page.items] == [
            ticks[at] for at in range(start, end) if at in ticks
        ]
        assert (page.next_page, page.previous_page) == (None, None)
