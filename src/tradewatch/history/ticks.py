"""Ticks: quotes of one instrument as columns, the form in which the store keeps, reads and folds them.

Prices are integers, each with decimals of its own; no float anywhere. The store brings the prices of an
instrument to one scale where they fit, so a mantissa may well end in zeros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Stands for a side or a size that is missing; no mantissa of a record is as low.
ABSENT = -(2**63)
#: The most that a mantissa may be to be brought to a finer scale.
_ROOM = 2**62
_POWERS = 10 ** np.arange(19, dtype=np.int64)

#: Names and types of the columns, in the order in which they are stored.
DTYPES: dict[str, str] = {
    "event_ms": "<i8",
    "event_sub_ns": "<i4",
    "lag_us": "<i8",
    "epoch": "<i4",
    "seq": "<i8",
    "bid": "<i8",
    "bid_scale": "<i1",
    "ask": "<i8",
    "ask_scale": "<i1",
    "bid_size": "<i8",
    "bid_size_scale": "<i1",
    "ask_size": "<i8",
    "ask_size_scale": "<i1",
    "source": "<i4",
    "flags": "<i4",
    "kind": "<i1",
    "channel": "<i1",
    "reference": "<i8",
}


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """Rows of one instrument; all columns are as long.

    Attributes:
        event_ms: when it happened, by the source's clock; Unix time in whole milliseconds.
        event_sub_ns: nanoseconds besides, 0 to 999,999.
        lag_us: when it reached us, in microseconds since `event_ms`; may be negative.
        epoch: the number that the store has for the epoch.
        seq: its number in the epoch.
        bid: mantissa of the bid; `ABSENT` where the side is missing.
        bid_scale: its decimals.
        ask: mantissa of the ask; `ABSENT` where the side is missing.
        ask_scale: its decimals.
        bid_size: mantissa of the size at the bid; `ABSENT` where it is unknown.
        bid_size_scale: its decimals.
        ask_size: mantissa of the size at the ask; `ABSENT` where it is unknown.
        ask_size_scale: its decimals.
        source: the number that the store has for the source.
        flags: `Flags`.
        kind: `Kind`.
        channel: `Channel`.
        reference: what `kind` says it is.
    """

    event_ms: np.ndarray
    event_sub_ns: np.ndarray
    lag_us: np.ndarray
    epoch: np.ndarray
    seq: np.ndarray
    bid: np.ndarray
    bid_scale: np.ndarray
    ask: np.ndarray
    ask_scale: np.ndarray
    bid_size: np.ndarray
    bid_size_scale: np.ndarray
    ask_size: np.ndarray
    ask_size_scale: np.ndarray
    source: np.ndarray
    flags: np.ndarray
    kind: np.ndarray
    channel: np.ndarray
    reference: np.ndarray

    def __len__(self) -> int:
        return len(self.seq)

    @property
    def event_ns(self) -> np.ndarray:
        """When each happened; Unix time in nanoseconds."""
        times: np.ndarray = self.event_ms * 1_000_000 + self.event_sub_ns
        return times

    @property
    def received_ns(self) -> np.ndarray:
        """When each reached us; Unix time in nanoseconds, whole microseconds."""
        times: np.ndarray = (self.event_ms * 1_000 + self.lag_us) * 1_000
        return times

    def columns(self) -> dict[str, np.ndarray]:
        """The columns by name."""
        return {name: getattr(self, name) for name in DTYPES}

    def taken(self, rows: np.ndarray | slice) -> "Ticks":
        """These rows, by index or by mask."""
        return Ticks(*(getattr(self, name)[rows] for name in DTYPES))

    def ordered(self) -> "Ticks":
        """In the order of (event time, epoch, seq)."""
        return self if self._is_ordered() else self.taken(_order(self))

    def _is_ordered(self) -> bool:
        later = self.event_ns[1:] - self.event_ns[:-1]
        if not np.all(later >= 0):
            return False
        ties = np.flatnonzero(later == 0)
        epoch, seq = self.epoch, self.seq
        after = (epoch[ties + 1] > epoch[ties]) | (
            (epoch[ties + 1] == epoch[ties]) & (seq[ties + 1] > seq[ties])
        )
        return bool(np.all(after))


#: The columns without which there is no candle, and no page of JSON.
PRICES = ("event_ms", "event_sub_ns", "epoch", "seq", "bid", "bid_scale", "ask", "ask_scale")


def ticks_of(columns: Mapping[str, np.ndarray]) -> Ticks:
    """Rows of which some columns were read; the others are of zeros, sizes absent."""
    rows = len(columns["event_ms"])

    def column(name: str, dtype: str) -> np.ndarray:
        if name in columns:
            return np.asarray(columns[name], dtype=dtype)
        empty = ABSENT if name in {"bid_size", "ask_size"} else 0
        return np.broadcast_to(np.array(empty, dtype=dtype), (rows,))

    return Ticks(*(column(name, dtype) for name, dtype in DTYPES.items()))


NO_TICKS = Ticks(*(np.empty(0, dtype) for dtype in DTYPES.values()))


def joined(parts: Sequence[Ticks]) -> Ticks:
    """All rows of these, one behind the other."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else NO_TICKS
    return Ticks(*(np.concatenate([getattr(part, name) for part in filled]) for name in DTYPES))


def rescaled(mantissas: np.ndarray, scales: np.ndarray, scale: int) -> np.ndarray:
    """Mantissas as units of 10 ** -`scale`, which is no coarser than any of theirs; `ABSENT` stays.

    The answer is of 64-bit integers, or of Python's own where those are too small.
    """
    if not len(mantissas) or bool(np.all(scales == scale)):
        return mantissas
    wanted = np.full(len(mantissas), scale, dtype=np.int8)
    if mantissas.dtype != object:
        moved, reached = settled(mantissas, scales, wanted)
        if np.array_equal(reached, wanted):
            return moved
    finer = scale - scales.astype(np.int64)
    exact = [
        mantissa if mantissa == ABSENT else mantissa * 10**power
        for mantissa, power in zip(mantissas.tolist(), finer.tolist(), strict=True)
    ]
    return np.array(exact, dtype=object)


def settled(mantissas: np.ndarray, scales: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mantissas brought to the finer scale that is wanted for each, where they fit into 62 bits.

    Args:
        mantissas: a column; `ABSENT` stays.
        scales: the scale of each row.
        wanted: likewise, and at least as fine.

    Returns:
        The column, and the scale that each row has now.
    """
    finer = wanted.astype(np.int64) - scales
    possible = finer < len(_POWERS)
    power = _POWERS[np.where(possible, finer, 0)]
    bound = _ROOM // power
    absent = mantissas == ABSENT
    possible &= absent | ((mantissas <= bound) & (mantissas >= -bound))
    moved = np.where(possible & ~absent, mantissas * np.where(possible & ~absent, power, 1), mantissas)
    return moved, np.where(possible, wanted, scales).astype(np.int8)


def _order(ticks: Ticks) -> np.ndarray:
    return np.lexsort((ticks.seq, ticks.epoch, ticks.event_ns))
