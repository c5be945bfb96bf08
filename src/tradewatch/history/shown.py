"""Shown columns: what a client sees of candles or ticks, whatever the format it is written in."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np

from tradewatch.history.candles import Candles, Prices
from tradewatch.history.mids import mids, present
from tradewatch.history.ticks import ABSENT, Ticks, rescaled
from tradewatch.model.position import epoch_text


class Form(Enum):
    """What the values of a column are."""

    SECONDS = "seconds"
    NANOSECONDS = "nanoseconds"
    DECIMAL = "decimal"
    INTEGER = "integer"
    TEXT = "text"


class Column(NamedTuple):
    """One column.

    Attributes:
        name: as clients know it.
        form: what the values are.
        values: integers (times since 1970, mantissas), or texts.
        scale: decimals of the mantissas.
        missing: where there is no value; None where there always is one.
    """

    name: str
    form: Form
    values: np.ndarray
    scale: int = 0
    missing: np.ndarray | None = None


Columns = Sequence[Column]


def shown_candles(candles: Candles, prices: Sequence[str], *, scale: int) -> Columns:
    """Candles as the API shows them.

    Args:
        candles: the candles.
        prices: `bid`, `ask`, `mid`: those wanted.
        scale: the decimals of all prices, no coarser than the candles'.
    """
    finer = candles.at_scale(scale)
    columns = [Column("time", Form.SECONDS, finer.time_s)]
    for price in ("ask", "bid", "mid"):
        if price in prices:
            found: Prices = getattr(finer, price)
            columns += [
                Column(f"{name}_{price}", Form.DECIMAL, getattr(found, name), scale)
                for name in ("open", "high", "low", "close")
            ]
    return columns


def shown_ticks(
    ticks: Ticks,
    *,
    scale: int,
    size_scale: int,
    mid_decimals: int,
    epoch_ms: Callable[[int], int],
    source: Callable[[int], str],
) -> Columns:
    """Ticks as the API shows them.

    Args:
        ticks: the ticks.
        scale: the decimals of bids and asks, no coarser than any of theirs; mids have one more.
        size_scale: likewise of sizes.
        mid_decimals: the fewest decimals to which a mid is rounded.
        epoch_ms: the Unix millisecond in which an epoch of the store began.
        source: what clients are told of a source of the store.
    """
    bid, ask = rescaled(ticks.bid, ticks.bid_scale, scale), rescaled(ticks.ask, ticks.ask_scale, scale)
    both = present(bid, ask)
    middle, mid_scale = mids(bid[both], ask[both], scale=scale, decimals=mid_decimals)
    mid = np.full(len(ticks), ABSENT, dtype=middle.dtype)
    mid[both] = middle
    bid_size = rescaled(ticks.bid_size, ticks.bid_size_scale, size_scale)
    ask_size = rescaled(ticks.ask_size, ticks.ask_size_scale, size_scale)
    epochs = {number: epoch_text(epoch_ms(number)) for number in np.unique(ticks.epoch).tolist()}
    sources = {number: source(number) for number in np.unique(ticks.source).tolist()}
    return [
        Column("time", Form.NANOSECONDS, ticks.event_ns),
        Column("ask", Form.DECIMAL, ask, scale, ask == ABSENT),
        Column("bid", Form.DECIMAL, bid, scale, bid == ABSENT),
        Column("mid", Form.DECIMAL, mid, mid_scale, ~both),
        Column("ask_size", Form.DECIMAL, ask_size, size_scale, ask_size == ABSENT),
        Column("bid_size", Form.DECIMAL, bid_size, size_scale, bid_size == ABSENT),
        Column("received", Form.NANOSECONDS, ticks.received_ns),
        Column("epoch", Form.TEXT, _named(ticks.epoch, epochs)),
        Column("seq", Form.INTEGER, ticks.seq),
        Column("flags", Form.INTEGER, ticks.flags.astype(np.int64)),
        Column("source", Form.TEXT, _named(ticks.source, sources)),
    ]


def _named(numbers: np.ndarray, names: dict[int, str]) -> np.ndarray:
    return np.array([names[number] for number in numbers.tolist()], dtype=object)
