"""Whether the machine's clock can be believed: quotes are stamped with it."""

from datetime import UTC, datetime
from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, fault, ok, warning

CHECK = "clock"

#: No machine that runs this was before, or is after.
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_COARSE_NS = 1_000_000
_SYNCHRONISE = "run a time service: chrony, or systemd-timesyncd"


class ClockFacts(NamedTuple):
    """What was seen of the clocks.

    Attributes:
        now_ns: the wall clock; Unix time in nanoseconds.
        elapsed_s: what the monotonic clock made of a short sleep.
        step_ns: the smallest step of the wall clock that was seen.
        synchronised: whether a time service steers the wall clock; None where the system does not say.
    """

    now_ns: int
    elapsed_s: float
    step_ns: int
    synchronised: bool | None


def judge(clock: ClockFacts) -> list[Finding]:
    """The wall clock and the monotonic one."""
    now_s = clock.now_ns / 1e9
    if not _EARLIEST.timestamp() <= now_s < _LATEST.timestamp():
        return [fault(CHECK, f"it stands at {now_s:.0f} s of Unix time, which cannot be", _SYNCHRONISE)]
    if clock.elapsed_s <= 0:
        return [fault(CHECK, "the monotonic clock stands still", "nothing can time out: try another machine")]
    what = f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%dT%H:%M:%SZ}, in steps of {_step_text(clock.step_ns)}"
    if clock.synchronised is False:
        return [warning(CHECK, f"{what}; no time service steers it", _SYNCHRONISE)]
    state = "synchronised" if clock.synchronised else "whether it is synchronised is not known"
    if clock.step_ns > _COARSE_NS:
        return [warning(CHECK, f"{what}, which is coarse; {state}", "choose another clock source")]
    return [ok(CHECK, f"{what}; {state}")]


def _step_text(step_ns: int) -> str:
    return f"{step_ns} ns" if step_ns < 10_000 else f"{step_ns / 1_000:.0f} µs"
