"""Rates: how many HTTP requests a key may make, in fixed windows of the clock.

The public service has windows of 10 seconds, 1 minute and 1 day from 00:00 UTC; so have we, all in step with
the UTC clock. Counts live in memory; those of the running day are put back after a start from the usage.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from tradewatch.access.plan import MAX_PLANS, Plan
from tradewatch.access.usage import DAY_S

#: The windows, in seconds, the shortest first.
SPANS_S = (10, 60, DAY_S)

#: Limit and span in seconds of each window that binds, the shortest first.
Policy = tuple[tuple[int, int], ...]


class Rate(NamedTuple):
    """What a request was told of its windows.

    Attributes:
        allowed: whether it may be answered.
        policy: the windows that bind; empty where none does.
        limit: of the window with the fewest requests left; of several, the longest.
        remaining: requests left in that window.
        reset_s: seconds until that window begins anew, rounded up.
    """

    allowed: bool
    policy: Policy = ()
    limit: int = 0
    remaining: int = 0
    reset_s: int = 0


UNLIMITED = Rate(allowed=True)


@dataclass(slots=True)
class _Tally:
    """The requests of one key: by span, those of the window that ran at `at_s`."""

    at_s: int
    counts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(SPANS_S, 0))


class Rates:
    """The counts of all keys: one entry for each that was used since the start.

    Attributes:
        refused: requests that were too many, ever.
    """

    def __init__(self) -> None:
        self.refused = 0
        self._tallies: dict[str, _Tally] = {}

    def take(self, key_id: str, plan: Plan, now_ns: int) -> Rate:
        """Count one request, unless it is one too many in any window; then nothing is counted."""
        policy = _policy(plan.requests_per_10_s, plan.requests_per_minute, plan.requests_per_day)
        if not policy:
            return UNLIMITED
        now_s = now_ns // 10**9
        counts = self._running(key_id, now_s)
        left, span_s, limit = _nearest(policy, counts)
        reset_s = span_s - now_s % span_s
        if left <= 0:
            self.refused += 1
            return Rate(allowed=False, policy=policy, limit=limit, remaining=0, reset_s=reset_s)
        for each_s in SPANS_S:
            counts[each_s] += 1
        return Rate(allowed=True, policy=policy, limit=limit, remaining=left - 1, reset_s=reset_s)

    def restore(self, key_id: str, requests: int, now_ns: int) -> None:
        """So many requests of the running day were made before this process began."""
        self._running(key_id, now_ns // 10**9)[DAY_S] += requests

    def _running(self, key_id: str, now_s: int) -> dict[int, int]:
        """The counts of the windows that run now, by span."""
        tally = self._tallies.get(key_id)
        if tally is None:
            tally = self._tallies[key_id] = _Tally(now_s)
        elif tally.at_s != now_s:
            for span_s in SPANS_S:
                if tally.at_s // span_s != now_s // span_s:
                    tally.counts[span_s] = 0
            tally.at_s = now_s
        return tally.counts


@lru_cache(maxsize=MAX_PLANS)
def _policy(*limits: int | None) -> Policy:
    return tuple((limit, span_s) for limit, span_s in zip(limits, SPANS_S, strict=True) if limit is not None)


def _nearest(policy: Policy, counts: dict[int, int]) -> tuple[int, int, int]:
    """What is left, span and limit of the window that is nearest to its end of requests."""
    left, negative_span_s, limit = min(
        (max(limit - counts[span_s], 0), -span_s, limit) for limit, span_s in policy
    )
    return left, -negative_span_s, limit
