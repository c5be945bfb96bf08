"""Candles: quotes of one instrument folded into intervals of one length.

An interval without a quote has no candle. Only quotes with both sides count, in the order of (event time,
epoch, seq); an interval begins at a whole multiple of its length since 1970.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tradewatch.history.mids import mids, present
from tradewatch.history.ticks import Ticks, rescaled

#: The lengths of candles that there are, in seconds.
RESOLUTIONS_S = (5, 10, 30, 60, 600, 1_800, 3_600, 14_400, 43_200, 86_400)


class Prices(NamedTuple):
    """Open, high, low and close of one price: of bid, ask or mid; mantissas of the candles' scale."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Some candles, in order.

    Attributes:
        time_s: when each interval began; Unix time in seconds.
        scale: decimals of all mantissas.
        bid: the bids.
        ask: the asks.
        mid: the mids.
    """

    time_s: np.ndarray
    scale: int
    bid: Prices
    ask: Prices
    mid: Prices

    def __len__(self) -> int:
        return len(self.time_s)

    def at_scale(self, scale: int) -> "Candles":
        """The same in units of 10 ** -`scale`, which is no coarser."""
        if scale == self.scale:
            return self
        finer = (_finer(prices, self.scale, scale) for prices in (self.bid, self.ask, self.mid))
        return Candles(self.time_s, scale, *finer)

    def taken(self, rows: slice) -> "Candles":
        """These candles."""

        def some(prices: Prices) -> Prices:
            return Prices(*(column[rows] for column in prices))

        return Candles(self.time_s[rows], self.scale, some(self.bid), some(self.ask), some(self.mid))


def _finer(prices: Prices, scale: int, wanted: int) -> Prices:
    """Prices of one scale in units of 10 ** -`wanted`."""
    scales = np.full(len(prices.open), scale, dtype=np.int8)
    return Prices(*(rescaled(column, scales, wanted) for column in prices))


_NONE = Prices(*(np.empty(0, dtype=np.int64) for _ in Prices._fields))
NO_CANDLES = Candles(np.empty(0, dtype=np.int64), 0, _NONE, _NONE, _NONE)


class Folding:
    """Folds stretch after stretch of one instrument's quotes, in order; the last candle may still grow.

    Args:
        resolution_s: the length of a candle.
        mid_decimals: the fewest decimals to which a mid is rounded.
    """

    def __init__(self, resolution_s: int, *, mid_decimals: int) -> None:
        self._resolution_s = resolution_s
        self._mid_decimals = mid_decimals
        self._open: Candles | None = None

    def feed(self, ticks: Ticks) -> Iterator[Candles]:
        """The candles that are complete, now that quotes up to here are known."""
        both = present(ticks.bid, ticks.ask)
        whole = ticks if both.all() else ticks.taken(both)  # most are, and copies take as long as the fold
        if not len(whole):
            return
        candles = self._folded(whole)
        if self._open is not None:
            candles = _continued(self._open, candles)
        self._open = candles.taken(slice(-1, None))
        if len(candles) > 1:
            yield candles.taken(slice(None, -1))

    def finish(self) -> Iterator[Candles]:
        """The last candle, as far as it has come."""
        if self._open is not None:
            yield self._open
            self._open = None

    def _folded(self, ticks: Ticks) -> Candles:
        scale = max(int(ticks.bid_scale.max()), int(ticks.ask_scale.max()))
        bid = rescaled(ticks.bid, ticks.bid_scale, scale)
        ask = rescaled(ticks.ask, ticks.ask_scale, scale)
        mid, mid_scale = mids(bid, ask, scale=scale, decimals=self._mid_decimals)
        numbers = ticks.event_ms // (self._resolution_s * 1_000)
        starts = np.concatenate(([0], np.flatnonzero(numbers[1:] != numbers[:-1]) + 1))
        ends = np.concatenate((starts[1:], [len(numbers)])) - 1

        def prices(column: np.ndarray) -> Prices:
            return Prices(
                column[starts],
                np.maximum.reduceat(column, starts),
                np.minimum.reduceat(column, starts),
                column[ends],
            )

        return Candles(
            time_s=numbers[starts] * self._resolution_s,
            scale=mid_scale,
            bid=_finer(prices(bid), scale, mid_scale),
            ask=_finer(prices(ask), scale, mid_scale),
            mid=prices(mid),
        )


def _continued(before: Candles, candles: Candles) -> Candles:
    """Candles with the one before them, which may be the beginning of their first."""
    scale = max(before.scale, candles.scale)
    before, candles = before.at_scale(scale), candles.at_scale(scale)
    same = before.time_s[0] == candles.time_s[0]

    def prices(old: Prices, new: Prices) -> Prices:
        if not same:
            return Prices(*(np.concatenate(columns) for columns in zip(old, new, strict=True)))
        # Joined, not written into: the old ones may be too large for the integers of the new.
        return Prices(
            np.concatenate((old.open, new.open[1:])),
            np.concatenate((np.maximum(old.high, new.high[:1]), new.high[1:])),
            np.concatenate((np.minimum(old.low, new.low[:1]), new.low[1:])),
            new.close,
        )

    return Candles(
        time_s=candles.time_s if same else np.concatenate((before.time_s, candles.time_s)),
        scale=scale,
        bid=prices(before.bid, candles.bid),
        ask=prices(before.ask, candles.ask),
        mid=prices(before.mid, candles.mid),
    )
