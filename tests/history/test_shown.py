from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.history.drawn import Quote, plain_prices, prices, quotes, ticks_of

from tradewatch.history.candles import NO_CANDLES, Candles, Prices
from tradewatch.history.shown import Column, Columns, Form, shown_candles, shown_ticks
from tradewatch.history.ticks import NO_TICKS, Ticks
from tradewatch.model.position import epoch_text
from tradewatch.model.price import mid

EPOCHS = {1: 1_778_457_600_000, 2: 1_778_544_000_000}
SOURCES = {0: "", 1: "replay"}
NAMES = ["time", "ask", "bid", "mid", "ask_size", "bid_size", "received", "epoch", "seq", "flags", "source"]


def shown(ticks: Ticks, *, scale: int = 36, size_scale: int = 36) -> Columns:
    return shown_ticks(
        ticks,
        scale=scale,
        size_scale=size_scale,
        mid_decimals=5,
        epoch_ms=EPOCHS.__getitem__,
        source=SOURCES.__getitem__,
    )


def values(column: Column) -> list[Fraction | None]:
    missing = np.zeros(len(column.values), bool) if column.missing is None else column.missing
    return [
        None if gone else Fraction(mantissa, 10**column.scale)
        for gone, mantissa in zip(missing.tolist(), column.values.tolist(), strict=True)
    ]


@given(quotes(st.one_of(plain_prices, prices), within_ns=10**15, most=15))
@settings(deadline=None)
def test_ticks_are_shown_exactly_with_their_mids(found: list[Quote]) -> None:
    decimals = [
        max([0, *(price.decimals for quote in found for price in pair(quote) if price is not None)])
        for pair in (lambda quote: (quote.bid, quote.ask), lambda quote: (quote.bid_size, quote.ask_size))
    ]
    columns = {
        column.name: column for column in shown(ticks_of(found), scale=decimals[0], size_scale=decimals[1])
    }
    assert list(columns) == NAMES
    assert columns["time"].values.tolist() == [quote.event_ns for quote in found]
    for name in ("bid", "ask", "bid_size", "ask_size"):
        expected = [getattr(quote, name) for quote in found]
        assert values(columns[name]) == [price and price.fraction for price in expected]
    assert values(columns["mid"]) == [
        mid(quote.bid, quote.ask, decimals=5).fraction if quote.bid and quote.ask else None for quote in found
    ]


def test_epochs_and_sources_are_shown_by_their_names() -> None:
    ticks = ticks_of([Quote(0, None, None), Quote(1, None, None)])
    ticks = Ticks(**{**ticks.columns(), "epoch": np.array([2, 1]), "source": np.array([1, 0])})
    columns = {column.name: column.values.tolist() for column in shown(ticks)}
    assert columns["epoch"] == [epoch_text(EPOCHS[2]), epoch_text(EPOCHS[1])]
    assert columns["source"] == ["replay", ""]
    assert columns["seq"] == [1, 2]


def test_no_ticks_have_the_same_columns() -> None:
    none, some = shown(NO_TICKS), shown(ticks_of([Quote(0, None, None)]))
    assert [(*each[:2], each.scale) for each in none] == [(*each[:2], each.scale) for each in some]
    assert all(len(column.values) == 0 for column in none)


def test_candles_are_shown_with_the_prices_that_are_wanted() -> None:
    sides = [Prices(*(np.array([10 * side + at]) for at in range(4))) for side in (1, 2, 3)]
    candles = Candles(np.array([60]), 2, *sides)
    columns = shown_candles(candles, ("mid", "bid"), scale=4)
    assert [(column.name, column.form, column.scale, column.values.tolist()) for column in columns] == [
        ("time", Form.SECONDS, 0, [60]),
        *(
            (f"{name}_{price}", Form.DECIMAL, 4, [(10 * side + at) * 100])
            for price, side in (("bid", 1), ("mid", 3))
            for at, name in enumerate(("open", "high", "low", "close"))
        ),
    ]
    assert [column.name for column in shown_candles(NO_CANDLES, ("mid",), scale=4)] == [
        "time",
        "open_mid",
        "high_mid",
        "low_mid",
        "close_mid",
    ]
