"""Time as an argument: what needs the hour is given a clock, so that a test can be one."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: the wall's, for what people read, and the monotonic, for what waits."""

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, from an origin that means nothing."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class ManualClock:
    """A clock that stands until it is told to go on; for tests and for histories run without time."""

    def __init__(self, *, now_ns: int = 1_767_389_239_253_000_000) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        """Unix time in nanoseconds."""
        return self._now_ns

    def monotonic_s(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic_ns / 1e9

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        step = round(seconds * 1e9)
        self._now_ns += step
        self._monotonic_ns += step
