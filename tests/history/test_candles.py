import csv
import gzip
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.drawn import Quote, plain_prices, prices, quotes, ticks_of

from tradewatch.history.candles import NO_CANDLES, RESOLUTIONS_S, Candles, Folding
from tradewatch.history.ticks import Ticks
from tradewatch.model.price import Price, mid

S = 1_000_000_000

#: When it began; then open, high, low and close of bid, ask and mid.
Candle = tuple[int, list[list[Fraction]]]


def naive(found: Sequence[Quote], resolution_s: int, decimals: int) -> list[Candle]:
    """Candles as one would write them down, a quote at a time."""
    whole = [(quote.event_ns, quote.bid, quote.ask) for quote in found if quote.bid and quote.ask]
    candles = []
    for number, members in groupby(whole, key=lambda quote: quote[0] // (resolution_s * S)):
        sides = [(bid, ask, mid(bid, ask, decimals=decimals)) for _, bid, ask in members]
        columns = [[price.fraction for price in column] for column in zip(*sides, strict=True)]
        candles.append(
            (number * resolution_s, [[each[0], max(each), min(each), each[-1]] for each in columns])
        )
    return candles


def fractions(candles: Candles) -> list[Candle]:
    """Candles in the same form."""
    unit = 10**candles.scale
    columns = [
        [[Fraction(int(mantissa), unit) for mantissa in column] for column in prices]
        for prices in (candles.bid, candles.ask, candles.mid)
    ]
    return [
        (time_s, [[column[at] for column in each] for each in columns])
        for at, time_s in enumerate(candles.time_s.tolist())
    ]


def folded(windows: Sequence[Ticks], resolution_s: int, decimals: int) -> list[Candle]:
    """What `Folding` makes of some windows; each candle is there once, in order."""
    folding = Folding(resolution_s, mid_decimals=decimals)

    def found() -> Iterator[Candles]:
        for window in windows:
            yield from folding.feed(window)
        yield from folding.finish()

    candles = [candle for each in found() for candle in fractions(each)]
    assert not list(folding.finish())
    return candles


def cut(ticks: Ticks, cuts: Sequence[int]) -> list[Ticks]:
    bounds = [0, *sorted(cuts), len(ticks)]
    return [ticks.taken(slice(begin, end)) for begin, end in pairwise(bounds)]


@given(
    quotes(st.one_of(plain_prices, prices), within_ns=3 * 86_400 * S),
    st.sampled_from((5, 8)),
    st.sampled_from((None, 3, 9)),
    st.data(),
)
@settings(deadline=None)
def test_any_windows_fold_into_the_candles_of_a_naive_fold(
    found: list[Quote], decimals: int, scale: int | None, data: st.DataObject
) -> None:
    windows = cut(ticks_of(found, scale=scale), data.draw(st.lists(st.integers(0, len(found)), max_size=5)))
    for resolution_s in RESOLUTIONS_S:
        assert folded(windows, resolution_s, decimals) == naive(found, resolution_s, decimals)


@given(quotes(st.one_of(plain_prices, prices), within_ns=20 * S), st.data())
@settings(deadline=None)
def test_so_do_many_quotes_of_a_few_candles(found: list[Quote], data: st.DataObject) -> None:
    windows = cut(ticks_of(found), data.draw(st.lists(st.integers(0, len(found)), max_size=8)))
    for resolution_s in (5, 10):
        assert folded(windows, resolution_s, 5) == naive(found, resolution_s, 5)


@pytest.mark.parametrize(
    ("name", "decimals"),
    [
        ("commodities-XAUUSD-20140509", 5),
        ("crypto-BTCUSDT-20240808", 8),
        ("currencies-EURUSD-20140508", 5),
        ("indices-DE30EUR-20190220", 5),
        ("indices-ESU4-20240701", 5),
        ("stocks-SPY-20131007", 5),
    ],
)
def test_real_quotes_fold_into_the_candles_of_a_naive_fold(
    shared_data: Path, name: str, decimals: int
) -> None:
    with gzip.open(shared_data / f"{name}.csv.gz", "rt") as file:
        found = [
            Quote(int(row["ts_ms"]) * 1_000_000, Price.parse(row["bid"]), Price.parse(row["ask"]))
            for row in csv.DictReader(file)
        ][:4_000]
    ticks = ticks_of(found, scale=4)
    windows = cut(ticks, range(0, len(found), 901))
    for resolution_s in RESOLUTIONS_S:
        candles = folded(windows, resolution_s, decimals)
        assert candles
        assert candles == naive(found, resolution_s, decimals)


def test_an_interval_without_a_quote_has_no_candle() -> None:
    one = Price(1, 0)
    found = [Quote(0, one, one), Quote(5 * S, None, one), Quote(10 * S, one, None), Quote(15 * S, one, one)]
    assert [time_s for time_s, _ in folded([ticks_of(found)], 5, 5)] == [0, 15]
    assert folded([ticks_of(found[1:3])], 5, 5) == []
    assert folded([], 5, 5) == []


def test_the_last_candle_waits_for_what_may_still_come() -> None:
    folding = Folding(60, mid_decimals=5)
    first = ticks_of([Quote(0, Price(1, 0), Price(2, 0)), Quote(60 * S, Price(3, 0), Price(4, 0))])
    assert [candles.time_s.tolist() for candles in folding.feed(first)] == [[0]]
    assert list(folding.feed(ticks_of([Quote(61 * S, Price(2, 0), Price(9, -1))]))) == []
    (last,) = folding.finish()
    assert fractions(last) == [
        (
            60,
            [
                [3, 3, 2, 2],
                [4, 4, Fraction(9, 10), Fraction(9, 10)],
                [Fraction(7, 2)] * 2 + [Fraction(29, 20)] * 2,
            ],
        )
    ]


def test_candles_at_a_finer_scale_are_the_same_even_beyond_64_bits() -> None:
    most = Price(2**63 - 1, 0)
    (candles,) = _candles([Quote(0, most, most), Quote(1, Price(-1, 0), most)])
    finer = candles.at_scale(30)
    assert fractions(finer) == fractions(candles)
    assert candles.at_scale(candles.scale) is candles


def test_no_candles_can_be_shown_at_any_scale() -> None:
    assert len(NO_CANDLES.at_scale(7)) == 0
    assert NO_CANDLES.at_scale(7).scale == 7


def test_mantissas_are_integers_whatever_is_folded() -> None:
    tall, deep = Quote(0, Price(1, -36), Price(2**63 - 1, 0)), Quote(S, Price(1, 0), Price(2, 0))
    for candles in _candles([tall, deep]):
        for price in (candles.bid, candles.ask, candles.mid):
            for column in price:
                assert column.dtype == np.int64 or all(type(value) is int for value in column.tolist())


def _candles(found: list[Quote]) -> list[Candles]:
    folding = Folding(5, mid_decimals=5)
    return [*folding.feed(ticks_of(found)), *folding.finish()]
