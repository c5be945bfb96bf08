"""What is asked of a history: a stretch of time, or of positions, of one instrument."""

from typing import NamedTuple

#: Before and after everything, in milliseconds: quotes happen between 1970 and 2200.
FIRST_MS = 0
LAST_MS = 7_258_118_400_000


class Span(NamedTuple):
    """Which quotes of an instrument are wanted.

    Attributes:
        start_ms: of events; Unix milliseconds, inclusive.
        end_ms: likewise, exclusive.
        received_before_us: only what reached us before; Unix microseconds. None for all: a plan with a delay
            sets it.
        whole: only quotes with both sides.
        prices_only: only times, positions and prices need be read; the rest may be as of nothing.
    """

    start_ms: int = FIRST_MS
    end_ms: int = LAST_MS
    received_before_us: int | None = None
    whole: bool = True
    prices_only: bool = False


class Key(NamedTuple):
    """The place of a quote in the order of time.

    Attributes:
        event_ms: Unix milliseconds.
        event_sub_ns: nanoseconds besides.
        epoch: the number that the store has for the epoch.
        seq: its number in the epoch.
    """

    event_ms: int
    event_sub_ns: int
    epoch: int
    seq: int


class Place(NamedTuple):
    """The place of a quote in the order of positions: the store's number of the epoch, and the seq."""

    epoch: int
    seq: int
