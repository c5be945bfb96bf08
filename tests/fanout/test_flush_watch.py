"""The cost of flushes and the age of quotes at their end."""

from tradewatch.clock import ManualClock
from tradewatch.fanout.flush_watch import FlushWatch


def test_the_highest_age_since_it_was_asked_for():
    clock = ManualClock(now_ns=10_000_000)
    watch = FlushWatch(clock)
    assert watch.take_highest_age_us() is None
    for received_ns in (9_000_000, 7_000_000, 8_000_000):
        watch.begun()
        watch.ended(received_ns)
    assert watch.take_highest_age_us() == 3_000
    assert watch.take_highest_age_us() is None
    clock.advance(1)
    watch.ended(10_000_000)
    assert watch.take_highest_age_us() == 1_000_000


def test_ages_and_costs_are_counted_where_they_belong():
    clock = ManualClock(now_ns=0)
    watch = FlushWatch(clock)
    for cost_s in (0, 0.0004, 0.02):
        received_ns = clock.now_ns()
        clock.advance(1)
        watch.begun()
        clock.advance(cost_s)
        watch.ended(received_ns)
    costs, ages = watch.costs, watch.ages
    assert [bound for bound, count in zip(costs.bounds_us, costs.counts, strict=False) if count] == [
        100,
        500,
        25_000,
    ]
    assert abs(costs.sum_us - 20_400) <= 2
    assert [bound for bound, count in zip(ages.bounds_us, ages.counts, strict=False) if count] == [
        1_000_000,
        5_000_000,
    ]
    assert ages.counts[-1] == 0
    clock.advance(10)
    watch.begun()
    watch.ended(0)
    assert watch.ages.counts[-1] == 1
