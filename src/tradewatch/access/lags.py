"""Lags: how late something came, many times over, in so little room that every key and hour can have its own.

Up to 8 µs each value has a slot; above that each doubling has eight. So what is read from a slot, its upper
end, is never below what was put in, and above it by less than an eighth.
"""

from collections.abc import Iterable
from typing import Self

#: What is longer counts as this: 71 minutes, in microseconds.
MAX_LAG_US = 2**32 - 1

_PER_DOUBLING = 8
_BITS = _PER_DOUBLING.bit_length()


class Lags:
    """How many samples fell into each slot; at most 240 slots.

    Args:
        counts: slots and how many samples each has, as `counts` gives them.
    """

    __slots__ = ("_counts",)

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self._counts = dict(counts)

    @property
    def counts(self) -> list[tuple[int, int]]:
        """The slots that have samples, with how many; for keeping."""
        return sorted(self._counts.items())

    def add(self, lag_us: int) -> None:
        """One sample, in microseconds; below zero (a clock was set back) it is none."""
        slot = _slot(min(max(lag_us, 0), MAX_LAG_US))
        self._counts[slot] = self._counts.get(slot, 0) + 1

    def include(self, other: "Lags") -> None:
        """Take in all samples of another."""
        for slot, count in other.counts:
            self._counts[slot] = self._counts.get(slot, 0) + count

    def copy(self) -> Self:
        """The same samples, apart."""
        return type(self)(self._counts.items())

    def percentile_us(self, percent: int) -> int | None:
        """What at least so many in a hundred samples did not exceed; microseconds, None without samples."""
        rank = -(-sum(self._counts.values()) * percent // 100)
        for slot, count in self.counts:
            rank -= count
            if rank <= 0:
                return _upper_end_us(slot)
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lags) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Lags({self.counts})"


def _slot(lag_us: int) -> int:
    """The slot of a lag: the number of its doubling, then its three bits below the highest."""
    shift = max(0, lag_us.bit_length() - _BITS)
    return shift * _PER_DOUBLING + (lag_us >> shift)


def _upper_end_us(slot: int) -> int:
    """The longest lag that falls into a slot."""
    if slot < 2 * _PER_DOUBLING:
        return slot
    shift = slot // _PER_DOUBLING - 1
    return ((slot - shift * _PER_DOUBLING + 1) << shift) - 1
