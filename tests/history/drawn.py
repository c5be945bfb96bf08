"""Prices and ticks as hypothesis draws them: mixed decimals, negatives, the largest mantissas, ties."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from tradewatch.history.ticks import ABSENT, DTYPES, Ticks, settled
from tradewatch.model.price import MAX_DECIMALS, MAX_MANTISSA, Price

mantissas = st.one_of(
    st.integers(-MAX_MANTISSA, MAX_MANTISSA),
    st.integers(-1_000_000, 1_000_000),
    st.integers(0, 63).map(lambda bits: min(2**bits, MAX_MANTISSA)),
    st.integers(0, 18).map(lambda power: -(10**power)),
)
prices = st.builds(
    lambda mantissa, scale: Price.of(mantissa, -scale), mantissas, st.integers(0, MAX_DECIMALS)
)
plain_prices = st.builds(
    lambda mantissa, scale: Price.of(mantissa, -scale), st.integers(-(10**7), 10**7), st.integers(0, 7)
)


class Quote(NamedTuple):
    """A quote in plain values."""

    event_ns: int
    bid: Price | None
    ask: Price | None
    bid_size: Price | None = None
    ask_size: Price | None = None


def ticks_of(quotes: list[Quote], *, scale: int | None = None) -> Ticks:
    """Ticks with these quotes, whose seqs count from 1; with `scale` at no coarser one, where they fit."""
    numbers = np.arange(1, len(quotes) + 1)
    values = {name: np.zeros(len(quotes), dtype) for name, dtype in DTYPES.items()}
    values["event_ms"], values["event_sub_ns"] = np.divmod(
        np.array([quote.event_ns for quote in quotes], dtype=np.int64), 1_000_000
    )
    values["seq"], values["epoch"] = numbers, np.ones(len(quotes), np.int64)
    for side in ("bid", "ask", "bid_size", "ask_size"):
        found = [getattr(quote, side) for quote in quotes]
        column = np.array([ABSENT if price is None else price.mantissa for price in found], np.int64)
        scales = np.array([0 if price is None else price.decimals for price in found], np.int8)
        if scale is not None:
            column, scales = settled(column, scales, np.maximum(scales, np.int8(scale)))
        values[side], values[f"{side}_scale"] = column, scales
    return Ticks(**{name: values[name].astype(dtype) for name, dtype in DTYPES.items()})


def quotes(
    prices: st.SearchStrategy[Price], *, within_ns: int, most: int = 40
) -> st.SearchStrategy[list[Quote]]:
    """Quotes in the order of time, some with one side."""
    side = st.one_of(prices, prices, prices, st.none())
    return st.lists(
        st.builds(Quote, st.integers(0, within_ns), side, side, side, side), min_size=0, max_size=most
    ).map(lambda found: sorted(found, key=lambda quote: quote.event_ns))
