"""What flushes cost, and how old quotes are when they are written: counted per flush, read when asked."""

from bisect import bisect_left
from typing import NamedTuple

from tradewatch.clock import Clock


class Distribution(NamedTuple):
    """How often a duration was how long.

    Attributes:
        bounds_us: upper bounds in microseconds, ascending; one more count stands for all above the last.
        counts: durations in each, each counted once.
        sum_us: all durations together.
    """

    bounds_us: tuple[int, ...]
    counts: list[int]
    sum_us: int


_FINE_US = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000)
_BOUNDS_US = (*_FINE_US, 100_000, 250_000, 1_000_000, 5_000_000)


class _Durations:
    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS_US) + 1)
        self.sum_us = 0

    def add(self, duration_us: int) -> None:
        self.counts[bisect_left(_BOUNDS_US, duration_us)] += 1
        self.sum_us += duration_us

    @property
    def distribution(self) -> Distribution:
        return Distribution(_BOUNDS_US, list(self.counts), self.sum_us)


class FlushWatch:
    """Stands beside a hub and looks at the clock, before and after each flush.

    Args:
        clock: the one that records are stamped with when they are received.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun_s = 0.0
        self._highest_us: int | None = None
        self._ages = _Durations()
        self._costs = _Durations()

    def begun(self) -> None:
        """A flush begins."""
        self._begun_s = self._clock.monotonic_s()

    def ended(self, received_ns: int) -> None:
        """It has ended, and its oldest quote was received then; Unix time in nanoseconds."""
        age_us = max(0, (self._clock.now_ns() - received_ns) // 1_000)
        self._ages.add(age_us)
        self._costs.add(int((self._clock.monotonic_s() - self._begun_s) * 1e6))
        if self._highest_us is None or age_us > self._highest_us:
            self._highest_us = age_us

    @property
    def ages(self) -> Distribution:
        """The age of the oldest quote of each flush, when it was written."""
        return self._ages.distribution

    @property
    def costs(self) -> Distribution:
        """How long each flush took."""
        return self._costs.distribution

    def take_highest_age_us(self) -> int | None:
        """The highest age since the last call, in microseconds; None where there was no flush."""
        highest_us, self._highest_us = self._highest_us, None
        return highest_us
