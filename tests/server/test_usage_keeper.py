"""The usage keeper: what it brings to the store, when that does not answer, and at the end."""

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tradewatch.access.usage import HOUR_S, Counts, Usage, UsageRow
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.access.usage_store import KEPT_S, UsageStore
from tradewatch.clock import ManualClock
from tradewatch.errors import KeyStoreError
from tradewatch.server.usage_keeper import UsageKeeper

HOUR_0_S = 1_767_387_600
NOW_NS = HOUR_0_S * 10**9


class FaultyStore(UsageStore):
    """A real store that is told when not to answer, and can be held up in its next write."""

    trouble = ""
    forgets = 0

    def __init__(self, engine) -> None:
        super().__init__(engine)
        self.hold = False
        self.held = threading.Event()
        self.released = threading.Event()

    def write(self, rows: Sequence[UsageRow]) -> None:
        if self.trouble:
            raise KeyStoreError(self.trouble)
        if self.hold:
            self.hold = False
            self.held.set()
            assert self.released.wait(10)
        super().write(rows)

    def forget_before(self, hour_s: int) -> int:
        self.forgets += 1
        return super().forget_before(hour_s)


class Rig(NamedTuple):
    clock: ManualClock
    meter: UsageMeter
    store: FaultyStore
    keeper: UsageKeeper
    swept: asyncio.Event

    def count(self, key_id: str, requests: int) -> None:
        assert self.meter.add(key_id, self.clock.now_ns(), Counts(requests=requests))

    def stored(self) -> dict[tuple[str, int], int]:
        rows = self.store.read(0, 2**62)
        return {(row.key_id, row.hour_s): row.usage.counts.requests for row in rows}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock, meter, swept = ManualClock(now_ns=NOW_NS), UsageMeter(gateway="g"), asyncio.Event()
    with FaultyStore.open(tmp_path) as store:
        yield Rig(clock, meter, store, UsageKeeper(meter, store, clock=clock, swept=swept), swept)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_more_keys_than_one_transaction_takes(rig: Rig):
    for number in range(250):
        rig.count(f"k{number}", number)
    assert await rig.keeper.flush()
    assert rig.stored() == {(f"k{number}", HOUR_0_S): number for number in range(250)}


async def test_after_a_restart_the_hour_goes_on(rig: Rig):
    rig.store.write([UsageRow("a", HOUR_0_S, "g", Usage(Counts(requests=40)))])
    rig.count("a", 2)
    assert await rig.keeper.flush()
    assert rig.stored() == {("a", HOUR_0_S): 42}


async def test_while_the_store_does_not_answer_it_is_kept_and_said_once(
    rig: Rig, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    rig.store.trouble = "access.db: database is locked"
    for _ in range(3):
        rig.count("a", 1)
        assert not await rig.keeper.flush()
        rig.clock.advance(HOUR_S)
    assert caplog.messages == ["usage is not written, and kept in memory: access.db: database is locked"]
    rig.store.trouble = ""
    rig.count("a", 5)
    assert await rig.keeper.flush()
    assert rig.stored() == {("a", HOUR_0_S + hour * HOUR_S): 5 if hour == 3 else 1 for hour in range(4)}
    assert caplog.messages[1:] == ["usage is written again; given up: 0 hours of keys"]


async def test_what_is_kept_long_enough_is_deleted_once_an_hour(rig: Rig):
    old, kept = (UsageRow("a", HOUR_0_S - KEPT_S - hour * HOUR_S, "g", Usage()) for hour in (1, 0))
    rig.store.write([old, kept])
    for _ in range(3):
        assert await rig.keeper.flush()
    assert rig.store.read(0, 2**62) == [kept]
    assert rig.store.forgets == 1
    rig.clock.advance(HOUR_S)
    assert await rig.keeper.flush()
    assert rig.store.read(0, 2**62) == []


async def test_each_sweep_is_written_and_what_came_last_at_the_end(rig: Rig):
    running = asyncio.create_task(rig.keeper.run())
    rig.count("a", 1)
    rig.swept.set()
    await until(lambda: rig.stored() == {("a", HOUR_0_S): 1})
    rig.count("a", 1)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert rig.stored() == {("a", HOUR_0_S): 2}


async def test_a_write_under_way_at_the_end_does_not_come_after_the_last(rig: Rig):
    running = asyncio.create_task(rig.keeper.run())
    rig.count("a", 1)
    rig.store.hold = True
    rig.swept.set()
    await until(rig.store.held.is_set)
    rig.count("a", 1)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=0.05)
    assert not done
    rig.store.released.set()
    await asyncio.wait([running], timeout=10)
    assert running.cancelled()
    assert rig.stored() == {("a", HOUR_0_S): 2}
