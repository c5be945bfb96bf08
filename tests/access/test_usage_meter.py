"""The usage meter: nothing lost, nothing twice, whatever happens between it and the store."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tradewatch.access.lags import Lags
from tradewatch.access.usage import HOUR_S, Counts, Usage, UsageRow, hour_of
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.access.usage_store import UsageStore

HOUR_0_S = 1_767_387_600  # 2026-01-02T21:00:00Z
NOW_NS = HOUR_0_S * 10**9
HOUR_NS = HOUR_S * 10**9


def meter_of(**options: Any) -> UsageMeter:
    return UsageMeter(gateway="g", **options)


def restored(meter: UsageMeter) -> UsageMeter:
    """As before a flush, where the store has nothing."""
    for hour_s in meter.hours_to_restore():
        meter.restore(hour_s, [])
    return meter


def row(key_id: str, hour_s: int, counts: Counts, *, peak: int = 0, lags: Lags | None = None) -> UsageRow:
    return UsageRow(key_id, hour_s, "g", Usage(counts, peak, lags or Lags()))


def test_what_a_key_used_in_each_hour():
    meter = meter_of()
    assert meter.add("a", NOW_NS, Counts(connections=1, bytes_in=10), open_connections=1, lag_us=5)
    assert meter.add("b", NOW_NS + 1, Counts(skipped=3))
    assert meter.add("a", NOW_NS + HOUR_NS - 1, Counts(bytes_in=20), open_connections=4)
    assert meter.add("a", NOW_NS + HOUR_NS, Counts(bytes_in=40), open_connections=2)
    restored(meter)
    a_first = row("a", HOUR_0_S, Counts(connections=1, bytes_in=30), peak=4, lags=Lags([(5, 1)]))
    a_second = row("a", HOUR_0_S + HOUR_S, Counts(bytes_in=40), peak=2)
    assert meter.rows("a") == [a_first, a_second]
    assert meter.take(10) == [a_first, row("b", HOUR_0_S, Counts(skipped=3)), a_second]


def test_only_what_changed_is_taken_and_in_portions():
    meter = meter_of()
    for key_id in "abc":
        meter.add(key_id, NOW_NS, Counts(1))
    restored(meter)
    assert [taken.key_id for taken in meter.take(2)] == ["a", "b"]
    meter.written()
    meter.add("a", NOW_NS, Counts(1))
    assert meter.take(2) == [row("c", HOUR_0_S, Counts(1)), row("a", HOUR_0_S, Counts(2))]
    meter.written()
    assert meter.take(2) == []


def test_what_was_put_back_is_taken_again_with_what_came_meanwhile():
    meter = meter_of()
    meter.add("a", NOW_NS, Counts(1))
    taken = restored(meter).take(10)
    meter.add("a", NOW_NS, Counts(2))
    assert taken == [row("a", HOUR_0_S, Counts(1))], "what was taken does not change any more"
    meter.put_back()
    assert meter.take(10) == [row("a", HOUR_0_S, Counts(3))]


def test_nothing_is_taken_while_something_is_under_way():
    meter = meter_of()
    meter.add("a", NOW_NS, Counts(1))
    restored(meter).take(10)
    with pytest.raises(RuntimeError):
        meter.take(10)


def test_an_hour_is_held_back_until_it_is_known_what_the_store_has_of_it():
    meter = meter_of()
    meter.add("a", NOW_NS, Counts(1), open_connections=1)
    assert meter.take(10) == []
    assert meter.rows("a") == []
    assert meter.hours_to_restore() == [HOUR_0_S]
    stored = [
        row("a", HOUR_0_S, Counts(5), peak=2, lags=Lags([(7, 1)])),
        row("b", HOUR_0_S, Counts(7)),
    ]
    for _ in range(2):  # the second time nothing happens
        meter.restore(HOUR_0_S, stored)
        assert meter.hours_to_restore() == []
        assert meter.rows("a") == [row("a", HOUR_0_S, Counts(6), peak=2, lags=Lags([(7, 1)]))]
    assert meter.rows("b") == [row("b", HOUR_0_S, Counts(7))]
    assert [taken.key_id for taken in meter.take(10)] == ["a"], "the store has the other"


def test_an_hour_that_is_over_leaves_memory_once_it_is_written():
    meter = meter_of()
    meter.add("a", NOW_NS, Counts(1))
    restored(meter).take(10)
    meter.add("a", NOW_NS + HOUR_NS, Counts(1))
    meter.put_back()
    assert len(restored(meter).take(10)) == 2
    meter.written()
    assert len(meter.rows("a")) == 2
    meter.take(10)
    assert meter.rows("a") == [row("a", HOUR_0_S + HOUR_S, Counts(1))]


def test_a_clock_that_is_set_back_asks_the_store_before_it_writes():
    meter = meter_of()
    meter.add("a", NOW_NS, Counts(1))
    (written,) = restored(meter).take(10)
    meter.written()
    meter.add("a", NOW_NS + HOUR_NS, Counts(1))
    restored(meter).take(10)
    meter.written()
    meter.add("a", NOW_NS, Counts(2))
    assert meter.hours_to_restore() == [HOUR_0_S]
    meter.restore(HOUR_0_S, [written])
    assert meter.take(10) == [row("a", HOUR_0_S, Counts(3))]


def test_without_a_store_the_oldest_hour_is_given_up_and_counted():
    meter = meter_of(max_waiting=4)
    for hour in range(2):
        for key_id in "ab":
            assert meter.add(key_id, NOW_NS + hour * HOUR_NS, Counts(1))
    assert meter.add("a", NOW_NS + HOUR_NS, Counts(1)), "a key that is there needs no room"
    assert meter.lost == 0
    assert meter.add("c", NOW_NS + 2 * HOUR_NS, Counts(1))
    assert (meter.lost, meter.uncounted) == (2, 0)
    assert meter.hours_to_restore() == [HOUR_0_S + HOUR_S, HOUR_0_S + 2 * HOUR_S]


def test_given_up_while_it_was_under_way_it_is_not_put_back():
    meter = meter_of(max_waiting=2)
    meter.add("a", NOW_NS, Counts(1))
    meter.add("b", NOW_NS, Counts(1))
    restored(meter).take(1)
    assert meter.add("a", NOW_NS + HOUR_NS, Counts(1))
    assert meter.lost == 2
    meter.put_back()
    assert restored(meter).take(10) == [row("a", HOUR_0_S + HOUR_S, Counts(1))]


def test_the_running_hour_is_never_given_up():
    meter = meter_of(max_waiting=2)
    assert meter.add("a", NOW_NS, Counts(1))
    assert meter.add("b", NOW_NS, Counts(1))
    assert not meter.add("c", NOW_NS, Counts(1))
    assert (meter.lost, meter.uncounted) == (0, 1)
    assert [taken.key_id for taken in restored(meter).take(10)] == ["a", "b"]


class MeterAndStore(RuleBasedStateMachine):
    """A server that counts, flushes, fails to flush, crashes and starts again, by a clock that is moved."""

    store: UsageStore

    def __init__(self) -> None:
        super().__init__()
        self.store.forget_before(2**62)
        self.now_ns = NOW_NS
        self.meter = meter_of()
        self.counted: Counter[tuple[str, int]] = Counter()  # since the last crash, and what survived it
        self.under_way: list[UsageRow] = []

    @rule(key_id=st.sampled_from("abc"), count=st.integers(0, 5))
    def count(self, key_id: str, count: int) -> None:
        lag_us = count * 1_000 if count else None
        assert self.meter.add(key_id, self.now_ns, Counts(delivered=count), lag_us=lag_us)
        self.counted[key_id, hour_of(self.now_ns)] += count

    @rule(minutes=st.sampled_from([1, 30, 60, 150, -40, -90]))
    def move_the_clock(self, minutes: int) -> None:
        self.now_ns += minutes * 60 * 10**9

    @rule()
    def restore(self) -> None:
        for hour_s in self.meter.hours_to_restore():
            self.meter.restore(hour_s, self.store.of_gateway("g", hour_s))

    @precondition(lambda self: not self.under_way)
    @rule(limit=st.integers(1, 4))
    def take(self, limit: int) -> None:
        self.under_way = list(self.meter.take(limit))

    @precondition(lambda self: self.under_way)
    @rule(arrives=st.booleans(), told=st.booleans())
    def finish(self, arrives: bool, told: bool) -> None:
        """Written or not, and where it was, the meter may take it for failed."""
        if arrives:
            self.store.write(self.under_way)
        if arrives and told:
            self.meter.written()
        else:
            self.meter.put_back()
        self.under_way = []

    @rule(arrives=st.booleans())
    def crash(self, arrives: bool) -> None:
        """What was not written is gone with the process; the next one goes on from the rest."""
        if arrives:
            self.store.write(self.under_way)
        self.under_way = []
        self.meter = meter_of()
        self.counted = self.stored()

    @precondition(lambda self: not self.under_way)
    @rule()
    def flush(self) -> None:
        self.restore()
        while rows := self.meter.take(2):
            self.store.write(rows)
            self.meter.written()
        assert self.stored() == +self.counted

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        assert self.stored() <= self.counted

    def stored(self) -> Counter[tuple[str, int]]:
        rows = self.store.read(0, 2**62)
        for key_id, _, gateway, usage in rows:
            assert (gateway, key_id in "abc") == ("g", True)
            samples = sum(count for _, count in usage.lags.counts)
            assert samples <= usage.counts.delivered <= 5 * samples
        return +Counter({(row.key_id, row.hour_s): row.usage.counts.delivered for row in rows})


@pytest.fixture
def machine() -> Iterator[type[MeterAndStore]]:
    with tempfile.TemporaryDirectory() as directory, UsageStore.open(Path(directory)) as store:
        yield type("MeterAndSQLite", (MeterAndStore,), {"store": store})


def test_over_any_history_nothing_is_lost_and_nothing_doubled(machine: type[MeterAndStore]):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
