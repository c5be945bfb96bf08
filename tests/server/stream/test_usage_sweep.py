"""The account of connections: what grew, what a last look finds, and how late they are."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tradewatch.access.lags import Lags
from tradewatch.access.usage import Counts, Usage
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import ManualClock
from tradewatch.server.stream import usage_sweep
from tradewatch.server.stream.usage_sweep import Spent, UsageSweep

HOUR_0_S = 1_767_387_600
NOW_NS = HOUR_0_S * 10**9


class StubConnection:
    """A connection whose numbers the test sets."""

    def __init__(self, key_id: str | None = "a") -> None:
        self.key_id = key_id
        self.spent = Spent(0, 100, 200, 0, 0)
        self.behind_since_s: float | None = None

    def spend(self, *more: int) -> None:
        self.spent = Spent(*map(sum, zip(self.spent, more, strict=True)))


class Rig(NamedTuple):
    """A sweep with what it looks at; quotes are 3 ms old whenever anything was flushed."""

    connections: list[StubConnection]
    clock: ManualClock
    meter: UsageMeter
    sweep: UsageSweep
    live_lags_us: list[int | None]

    def used(self, key_id: str = "a") -> list[Usage]:
        for hour_s in self.meter.hours_to_restore():
            self.meter.restore(hour_s, [])
        return [row.usage for row in self.meter.rows(key_id)]

    def leave(self, connection: StubConnection) -> None:
        self.connections.remove(connection)
        self.sweep.leaving(connection)


@pytest.fixture
def rig() -> Rig:
    connections: list[StubConnection] = []
    clock = ManualClock(now_ns=NOW_NS)
    meter = UsageMeter(gateway="g")
    live_lags_us: list[int | None] = [3_000]
    sweep = UsageSweep(connections, meter, clock=clock, live_lag_us=lambda: live_lags_us[-1])
    return Rig(connections, clock, meter, sweep, live_lags_us)


def test_what_grew_is_added_to_the_key(rig: Rig):
    first, second, other = (StubConnection(key_id) for key_id in ("a", "a", "b"))
    rig.connections.extend([first, second, other])
    rig.sweep.sweep()
    assert rig.used() == [Usage(Counts(2, 0, 200, 400, 0, 0), 2)]
    first.spend(1, 10, 20, 5, 2)
    rig.sweep.sweep()
    rig.sweep.sweep()
    assert rig.used() == [Usage(Counts(2, 1, 210, 420, 5, 2), 2, Lags([(75, 1)]))]
    assert rig.used("b") == [Usage(Counts(1, 0, 100, 200, 0, 0), 1)]


def test_the_last_look_finds_what_came_after_the_sweep(rig: Rig):
    connection = StubConnection()
    rig.connections.append(connection)
    rig.sweep.sweep()
    connection.spend(0, 0, 50, 1, 0)
    rig.leave(connection)
    rig.sweep.sweep()
    assert rig.used() == [Usage(Counts(1, 0, 100, 250, 1, 0), 1)]


def test_connections_that_no_sweep_saw_count_too(rig: Rig):
    connections = [StubConnection() for _ in range(3)]
    for connection in connections:
        rig.connections.append(connection)
        rig.sweep.entering(connection)
    connections[0].spend(1, 2, 3, 4, 5)
    for connection in connections:
        rig.leave(connection)
    assert rig.used() == [Usage(Counts(3, 1, 302, 603, 4, 5), 3)]


def test_connections_of_no_key_have_no_account(rig: Rig):
    rig.connections.extend([StubConnection(None), StubConnection("")])
    rig.sweep.sweep()
    for connection in list(rig.connections):
        rig.leave(connection)
    assert rig.meter.hours_to_restore() == []


def test_a_connection_is_looked_at_once_it_is_admitted(rig: Rig):
    connection = StubConnection(None)
    rig.connections.append(connection)
    rig.sweep.sweep()
    connection.key_id = "a"
    rig.sweep.sweep()
    assert rig.used() == [Usage(Counts(1, 0, 100, 200, 0, 0), 1)]


def test_a_look_between_two_sweeps_takes_no_sample(rig: Rig):
    connection = StubConnection()
    rig.connections.append(connection)
    rig.sweep.sweep()
    connection.spend(0, 0, 50, 1, 0)
    rig.sweep.look([connection])
    assert rig.used() == [Usage(Counts(1, 0, 100, 250, 1, 0), 1)]


def test_the_lag_of_who_hears_is_that_of_the_flushes_and_of_who_hears_nothing_none(rig: Rig):
    hears, idle = StubConnection("a"), StubConnection("b")
    rig.connections.extend([hears, idle])
    for live_lag_us in (3_000, None, 500):
        rig.live_lags_us.append(live_lag_us)
        hears.spend(0, 0, 1, 1, 0)
        rig.sweep.sweep()
    expected = Lags()
    expected.add(3_000)
    expected.add(500)
    assert [usage.lags for usage in rig.used("a")] == [expected]
    assert [usage.lags for usage in rig.used("b")] == [Lags()]


def test_the_lag_of_who_is_behind_is_how_long_whatever_is_flushed(rig: Rig):
    connection = StubConnection()
    rig.connections.append(connection)
    rig.sweep.sweep()
    connection.behind_since_s = rig.clock.monotonic_s()
    expected = Lags()
    for second in (1, 2, 3):
        rig.clock.advance(1)
        rig.sweep.sweep()
        expected.add(second * 1_000_000)
    connection.behind_since_s = None
    rig.sweep.sweep()
    assert [usage.lags for usage in rig.used()] == [expected]


def test_what_is_still_open_counts_in_the_next_hour(rig: Rig):
    first, second = StubConnection(), StubConnection()
    rig.connections.extend([first, second])
    rig.sweep.sweep()
    rig.leave(second)
    rig.clock.advance(3_600)
    rig.sweep.sweep()
    rig.sweep.sweep()
    assert rig.used() == [Usage(Counts(2, 0, 200, 400, 0, 0), 2), Usage(Counts(), 1)]


async def test_who_leaves_between_two_slices_is_not_counted_again(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usage_sweep, "_SLICE_CONNECTIONS", 1)

    class Registry(list[StubConnection]):
        """Walked as `Connections` is: as it was at the beginning."""

        def __iter__(self) -> Iterator[StubConnection]:
            return iter(self[:])

    connections = Registry(StubConnection() for _ in range(3))
    sweep = UsageSweep(connections, rig.meter, clock=rig.clock, live_lag_us=lambda: None)
    for connection in connections:
        sweep.entering(connection)
    slices = sweep._slices()
    next(slices)
    for gone in connections[:2]:  # one that this sweep has looked at, and one that it has not
        sweep.leaving(gone)
    assert not sweep.swept.is_set()
    for _ in slices:
        pass
    assert sweep.swept.is_set()
    assert rig.used() == [Usage(Counts(3, 0, 300, 600, 0, 0), 3)]


async def test_the_sweep_runs_by_itself(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usage_sweep, "_INTERVAL_S", 0.01)
    rig.connections.append(StubConnection())
    running = asyncio.create_task(rig.sweep.run())
    async with asyncio.timeout(10):
        for _ in range(2):
            await rig.sweep.swept.wait()
            rig.sweep.swept.clear()
    running.cancel()
    assert rig.used() == [Usage(Counts(1, 0, 100, 200, 0, 0), 1)]
