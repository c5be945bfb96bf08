"""Usage: what keys have used, hour by hour in UTC."""

import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tradewatch.access.lags import Lags

HOUR_S = 3_600
DAY_S = 86_400


class Counts(NamedTuple):
    """What is simply added up. A connection is counted in the hour in which it was first seen.

    Attributes:
        connections: WebSocket connections opened.
        messages_in: whole messages received.
        bytes_in: bytes received over WebSocket.
        bytes_out: bytes sent over WebSocket.
        delivered: quotes sent.
        skipped: quotes that a client which was behind, or wanted the latest only, never got.
        requests: HTTP requests answered.
        rest_bytes_in: bytes of these requests, heads and bodies.
        rest_bytes_out: bytes of the answers, likewise.
    """

    connections: int = 0
    messages_in: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    delivered: int = 0
    skipped: int = 0
    requests: int = 0
    rest_bytes_in: int = 0
    rest_bytes_out: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts._make(map(operator.add, self, other))


NOTHING = Counts()


@dataclass(slots=True)
class Usage:
    """What was used in some time, by one key or by several; it grows.

    Attributes:
        counts: what is added up.
        peak_connections: the most connections that one key had open at one time at one gateway.
        lags: how late its quotes were: see `server.stream.usage_sweep`.
    """

    counts: Counts = NOTHING
    peak_connections: int = 0
    lags: Lags = field(default_factory=Lags)

    def count(self, counts: Counts, *, open_connections: int = 0, lag_us: int | None = None) -> None:
        """More was used: so much, with so many connections open, and one sample of the lag, if any."""
        self.counts = self.counts.plus(counts)
        self.peak_connections = max(self.peak_connections, open_connections)
        if lag_us is not None:
            self.lags.add(lag_us)

    def include(self, other: "Usage") -> None:
        """Take in what was used besides, at another time or by another key."""
        self.count(other.counts, open_connections=other.peak_connections)
        self.lags.include(other.lags)

    def copy(self) -> "Usage":
        """The same, apart."""
        return Usage(self.counts, self.peak_connections, self.lags.copy())

    @property
    def lag_p99_ms(self) -> float | None:
        """The lag that 99 in 100 samples did not exceed, or up to an eighth more; None without samples."""
        lag_us = self.lags.percentile_us(99)
        return None if lag_us is None else lag_us / 1_000


class UsageRow(NamedTuple):
    """What one key used in one hour at one gateway: the whole of it so far, never an increment.

    Attributes:
        key_id: whose it is.
        hour_s: when the hour began; Unix seconds.
        gateway: the name of the server process that counted it.
        usage: what was used.
    """

    key_id: str
    hour_s: int
    gateway: str
    usage: Usage


class Interval(NamedTuple):
    """A key and a span of time.

    Attributes:
        start_s: when it began; Unix seconds.
        key_id: whose usage.
    """

    start_s: int
    key_id: str


def hour_of(now_ns: int) -> int:
    """When the running hour began; Unix seconds."""
    return now_ns // (HOUR_S * 10**9) * HOUR_S


def start_of(time_s: int, interval_s: int) -> int:
    """When the interval began that a time is in: intervals of `HOUR_S` or `DAY_S`, in UTC."""
    return time_s - time_s % interval_s


def with_unflushed(stored: Iterable[UsageRow], unflushed: Iterable[UsageRow]) -> Iterator[UsageRow]:
    """Rows of the store, those in memory in place of theirs. Read memory first: what it flushes goes over."""
    rows = {row[:3]: row for row in stored}
    rows.update((row[:3], row) for row in unflushed)
    return iter(rows.values())


def summed(rows: Iterable[UsageRow], *, interval_s: int) -> dict[Interval, Usage]:
    """Usage by key and interval (`HOUR_S`, `DAY_S`), the oldest first; intervals without any are left out."""
    sums: dict[Interval, Usage] = {}
    for row in rows:
        interval = Interval(start_of(row.hour_s, interval_s), row.key_id)
        sums.setdefault(interval, Usage()).include(row.usage)
    return dict(sorted(sums.items()))
