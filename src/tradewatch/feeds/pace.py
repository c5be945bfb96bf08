"""A source's schedule: where it should be by now, and how far it is behind."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tradewatch.clock import Clock
from tradewatch.feeds.source import SourceState

_logger = logging.getLogger("tradewatch.feeds.pace")

Sleep = Callable[[float], Awaitable[object]]

#: Later than this is worth a line in the log, once in `REPORTED_EVERY_S`.
TOLERATED_S = 1.0
REPORTED_EVERY_S = 10.0

#: When the wall's clock and the schedule part by more (the machine slept, somebody set the clock), the wall's
#: clock is right.
_TOLERATED_DRIFT_NS = 1_000_000_000


class Pace:
    """Time since a source began, on the monotonic clock, in nanoseconds; the wall's time to go with it."""

    def __init__(self, name: str, state: SourceState, *, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        """Begin now.

        Args:
            name: the feed's name, for the log.
            state: where `quotes` and `behind_s` are kept.
            clock: both clocks.
            sleep: waits so many seconds; 0 lets the loop turn.
        """
        self._name = name
        self._state = state
        self._clock = clock
        self._sleep = sleep
        self._start_s = clock.monotonic_s()
        self._start_wall_ns = clock.now_ns()
        self._reported_s: float | None = None

    def elapsed_ns(self) -> int:
        """Nanoseconds since the beginning."""
        elapsed_ns = round((self._clock.monotonic_s() - self._start_s) * 1e9)
        wall_ns = self._clock.now_ns() - elapsed_ns
        if abs(wall_ns - self._start_wall_ns) > _TOLERATED_DRIFT_NS:
            self._start_wall_ns = wall_ns
        return elapsed_ns

    def wall_ns(self, elapsed_ns: int) -> int:
        """What the wall's clock shows so many nanoseconds after the beginning; Unix time in nanoseconds."""
        return self._start_wall_ns + elapsed_ns

    async def wait_until(self, due_ns: int) -> None:
        """Wait for a moment of the schedule; where it has passed, let the loop turn all the same."""
        await self._sleep(max(0.0, (due_ns - self.elapsed_ns()) / 1e9))

    def handed_over(self, quotes: int, *, due_ns: int | None) -> None:
        """Take note of a batch, and say so where its oldest quote was due long ago.

        Args:
            quotes: how many records it has.
            due_ns: when the oldest was due; None where nothing is ever due.
        """
        now_s = self._clock.monotonic_s()
        behind_s = 0.0 if due_ns is None else max(0.0, now_s - self._start_s - due_ns / 1e9)
        self._state.quotes += quotes
        self._state.behind_s = behind_s
        if behind_s > TOLERATED_S and (
            self._reported_s is None or now_s - self._reported_s >= REPORTED_EVERY_S
        ):
            self._reported_s = now_s
            _logger.warning("feed %s is %.1f s behind its schedule", self._name, behind_s)
