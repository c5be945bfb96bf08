"""Looks at the machine's clocks."""

import ctypes
import itertools
import struct
import sys
import time

from tradewatch.clock import Clock
from tradewatch.diagnosis.clock import ClockFacts

_READINGS = 2_000
_SLEEP_S = 0.002

#: `int status` in Linux' `struct timex` where a long has 64 bits, and the bit that says: not synchronised.
_STATUS = struct.Struct("i")
_STATUS_OFFSET = 40
_STA_UNSYNC = 0x40
_TIMEX_BYTES = 512


def look(clock: Clock) -> ClockFacts:
    """Read the clocks, for some milliseconds."""
    begun_s = clock.monotonic_s()
    time.sleep(_SLEEP_S)
    return ClockFacts(
        now_ns=clock.now_ns(),
        elapsed_s=clock.monotonic_s() - begun_s,
        step_ns=_smallest_step_ns(clock),
        synchronised=_synchronised(),
    )


def _smallest_step_ns(clock: Clock) -> int:
    """The smallest difference between two readings that differ; 0 where none do."""
    readings = [clock.now_ns() for _ in range(_READINGS)]
    steps = (later - earlier for earlier, later in itertools.pairwise(readings))
    return min((step for step in steps if step > 0), default=0)


def _synchronised() -> bool | None:
    """What the kernel's own discipline says; a reading of it needs no right."""
    if sys.platform != "linux" or struct.calcsize("l") != 8:
        return None
    adjustment = ctypes.create_string_buffer(_TIMEX_BYTES)  # all zero: change nothing
    try:
        state: int = ctypes.CDLL(None).adjtimex(adjustment)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    (status,) = _STATUS.unpack_from(adjustment.raw, _STATUS_OFFSET)
    return not status & _STA_UNSYNC
