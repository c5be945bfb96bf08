"""Usage: how it adds up over keys, hours and gateways."""

from tradewatch.access.lags import Lags
from tradewatch.access.usage import (
    DAY_S,
    HOUR_S,
    Counts,
    Interval,
    Usage,
    UsageRow,
    hour_of,
    summed,
    with_unflushed,
)

HOUR_0_S = 1_767_387_600  # 2026-01-02T21:00:00Z


def row(key_id: str, hour_s: int, *, gateway: str = "g", bytes_out: int = 1, peak: int = 0) -> UsageRow:
    return UsageRow(key_id, hour_s, gateway, Usage(Counts(bytes_out=bytes_out), peak, Lags([(7, 1)])))


def test_the_hour_of_a_time():
    assert hour_of(HOUR_0_S * 10**9) == HOUR_0_S
    assert hour_of((HOUR_0_S + HOUR_S) * 10**9 - 1) == HOUR_0_S


def test_what_is_counted_is_added_up_and_the_peak_stays():
    usage = Usage()
    usage.count(Counts(1, 2, 3, 4, 5, 6, 7, 8, 9), open_connections=3, lag_us=2_000)
    usage.count(Counts(9, 8, 7, 6, 5, 4, 3, 2, 1), open_connections=2)
    assert usage == Usage(Counts(*[10] * 9), 3, Lags([(71, 1)]))
    assert usage.lag_p99_ms == 2.047
    assert Usage().lag_p99_ms is None


def test_usages_do_not_share_what_grows():
    first, second = Usage(), Usage()
    first.count(Counts(1), lag_us=1)
    assert second == Usage()
    copy = first.copy()
    copy.count(Counts(1), lag_us=1)
    assert first == Usage(Counts(1), 0, Lags([(1, 1)]))


def test_hours_and_days_of_each_key_over_all_gateways_the_oldest_first():
    rows = [
        row("b", HOUR_0_S + 3 * HOUR_S, bytes_out=8),  # on the next day
        row("a", HOUR_0_S, gateway="g", bytes_out=1, peak=2),
        row("a", HOUR_0_S, gateway="h", bytes_out=2, peak=3),
        row("a", HOUR_0_S - HOUR_S, bytes_out=4, peak=1),
    ]
    hours = summed(rows, interval_s=HOUR_S)
    assert list(hours) == [
        Interval(HOUR_0_S - HOUR_S, "a"),
        Interval(HOUR_0_S, "a"),
        Interval(HOUR_0_S + 3 * HOUR_S, "b"),
    ]
    assert hours[Interval(HOUR_0_S, "a")] == Usage(Counts(bytes_out=3), 3, Lags([(7, 2)]))
    day_s = HOUR_0_S - 21 * HOUR_S
    days = summed(rows, interval_s=DAY_S)
    assert days == {
        Interval(day_s, "a"): Usage(Counts(bytes_out=7), 3, Lags([(7, 3)])),
        Interval(day_s + DAY_S, "b"): Usage(Counts(bytes_out=8), 0, Lags([(7, 1)])),
    }
    assert rows[1].usage == Usage(Counts(bytes_out=1), 2, Lags([(7, 1)])), "the rows are left alone"


def test_what_is_in_memory_stands_in_place_of_what_is_stored():
    stored = [row("a", HOUR_0_S), row("a", HOUR_0_S, gateway="h"), row("b", HOUR_0_S)]
    unflushed = [row("a", HOUR_0_S, bytes_out=5), row("a", HOUR_0_S + HOUR_S)]
    assert list(with_unflushed(stored, unflushed)) == [unflushed[0], *stored[1:], unflushed[1]]
