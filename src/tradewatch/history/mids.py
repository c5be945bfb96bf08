"""Mid prices of many quotes at once: what `model.price.mid` says of one, on columns."""

import numpy as np

from tradewatch.history.ticks import ABSENT

#: Sums of mantissas below it can be taken times ten in 64 bits.
_ROOM = 2**59


def mids(bid: np.ndarray, ask: np.ndarray, *, scale: int, decimals: int) -> tuple[np.ndarray, int]:
    """The mean of each bid and ask, rounded half to even, and the scale it is in.

    Args:
        bid: in units of 10 ** -`scale`; both sides are there.
        ask: likewise.
        scale: decimals of both.
        decimals: the fewest decimals to round to; where bid or ask of a row have more, theirs count.
    """
    small = bid.dtype != object and (
        not len(bid) or max(int(np.abs(bid).max()), int(np.abs(ask).max())) < _ROOM
    )
    total = bid + ask if small else bid.astype(object) + ask.astype(object)
    exact = total * 5
    if scale < decimals:
        return exact, scale + 1
    digits = np.maximum(decimals, np.maximum(_own_digits(bid, scale), _own_digits(ask, scale)))
    rounded = exact.copy()
    for own in np.unique(digits).tolist():
        rows = digits == own
        if not exact[rows].any():
            continue  # zeros, whose unit may lie beyond 64 bits
        unit = 10 ** (scale + 1 - own)
        rounded[rows] = _half_even(exact[rows], unit) * unit
    return rounded, scale + 1


def present(bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    """Whether both sides are there, row by row."""
    both: np.ndarray = (bid != ABSENT) & (ask != ABSENT)
    return both


def _half_even(numbers: np.ndarray, unit: int) -> np.ndarray:
    """How many units each number is, rounded half to even."""
    whole, rest = numbers // unit, numbers % unit
    up = (rest * 2 > unit) | ((rest * 2 == unit) & (whole % 2 == 1))
    units: np.ndarray = whole + up.astype(np.int64)
    return units


def _own_digits(mantissas: np.ndarray, scale: int) -> np.ndarray:
    """Decimals of each number in its shortest form."""
    digits = np.full(len(mantissas), scale, dtype=np.int64)
    left = np.arange(len(mantissas))
    numbers = mantissas
    for _ in range(scale):
        even = numbers % 10 == 0
        left, numbers = left[even], numbers[even] // 10
        if not len(left):
            break
        digits[left] -= 1
    return digits
