"""The keeper with real children: killed, hung, or never begun, there is one again, and nothing is lost."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.store.quoting import Quoting

from tradewatch.clock import ManualClock
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.model.asset_class import AssetClass
from tradewatch.store.client import HistoryClient
from tradewatch.store.keeper import Keeper, StoredInstrument
from tradewatch.store.terms import StoreSettings
from tradewatch.tape.segments import SegmentLog

_WITHIN_S = 30.0


@dataclass
class House:
    """A log that grows, and the keeper of its history.

    Attributes:
        recorded: the offsets that the keeper was told of.
        known: the instruments likewise.
    """

    keeper: Keeper
    log: SegmentLog
    quoting: Quoting
    recorded: list[int] = field(default_factory=list)
    known: list[StoredInstrument] = field(default_factory=list)

    def append(self, count: int, symbol: str = "EURUSD") -> None:
        """Quotes go onto the log."""
        for number in range(count):
            self.quoting.quote(symbol, number)
        stretch = self.quoting.stretch()
        assert self.log.append(stretch.definitions + stretch.slots)

    @property
    def child(self) -> psutil.Process | None:
        """The store process that runs."""
        children = [
            each
            for each in psutil.Process().children()
            if each.status() != psutil.STATUS_ZOMBIE and "tradewatch.store.process" in each.cmdline()
        ]
        return children[0] if children else None

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(_WITHIN_S):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_recorded(self) -> psutil.Process:
        """Everything on the log is recorded, and the keeper knows it; the process that did it."""
        await self.until(lambda: self.recorded and self.recorded[-1] == self.log.next_offset)
        await self.until(lambda: self.keeper.status and not self.keeper.trouble)
        assert self.child is not None
        return self.child

    def rows(self) -> Any:
        totals = self.keeper.status["totals"]
        return totals["hot_rows"] + totals["rows"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewatch.store.keeper._LOOK_S", 0.02)
    monkeypatch.setattr("tradewatch.store.keeper._FIRST_WAIT_S", 0.01)


@pytest.fixture
def house(tmp_path: Path) -> House:
    log, _ = SegmentLog.open(tmp_path / "tape" / "0", clock=ManualClock(), boot_id="tests")
    log.begin(lambda: b"")
    settings = StoreSettings(
        history=str(tmp_path / "history"),
        tape=str(tmp_path / "tape" / "0"),
        memory_bytes=64 << 20,
        threads=1,
        retain_s={},
        cursor_secret=b"s" * 32,
    )
    (tmp_path / "history").mkdir()
    recorded: list[int] = []
    known: list[StoredInstrument] = []
    keeper = Keeper(
        settings, HistoryClient(tmp_path / "history"), recorded=recorded.append, known=known.append
    )
    quoting = Quoting(None)  # type: ignore[arg-type]
    return House(keeper, log, quoting, recorded, known)


@contextlib.asynccontextmanager
async def kept(house: House) -> AsyncIterator[None]:
    """While the keeper runs; afterwards no process of its is left."""
    running = asyncio.ensure_future(house.keeper.run())
    try:
        yield
    finally:
        if running.done():
            running.result()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        house.log.close()
        assert house.child is None
        assert house.keeper.trouble == "the store process does not answer"


async def test_what_the_log_takes_is_recorded_and_let_go(house: House) -> None:
    house.append(10)
    async with kept(house):
        await house.until_recorded()
        house.append(5, "USDJPY")
        await house.until_recorded()
        await house.until(lambda: len(house.known) == 2)
        assert house.rows() == 15
        assert house.keeper.starts == 1
    assert house.recorded == sorted(house.recorded)
    assert house.known == [
        StoredInstrument(AssetClass.CURRENCIES, "EURUSD", 5),
        StoredInstrument(AssetClass.CURRENCIES, "USDJPY", 5),
    ]


async def test_killed_again_and_again_it_has_every_record_once(house: House) -> None:
    async with kept(house):
        for number in range(3):
            house.append(2_000)
            await house.until(lambda: house.keeper.status)
            house.append(1_000)
            child = house.child
            assert child is not None
            child.kill()
            await house.until(lambda number=number: house.keeper.starts > number + 1)
        house.append(1)
        await house.until_recorded()
        assert house.rows() == 9_001
        totals = house.keeper.status["totals"]
        assert (totals["holes"], totals["missing"], totals["instruments"]) == (0, 0, 1)


async def test_once_its_stdin_ends_it_ends_by_itself(house: House) -> None:
    """As when the server was killed: nobody is left who could tell it anything."""
    house.append(100)
    async with kept(house):
        child = await house.until_recorded()
        for signal_number in (signal.SIGTERM, signal.SIGINT):  # which are for the server, and ignored here
            child.send_signal(signal_number)
        assert os.getpgid(child.pid) == child.pid
    assert not child.is_running()
    assert house.keeper.starts == 1


async def test_a_process_that_hangs_is_killed_and_begun_anew(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tradewatch.store.keeper._HUNG_S", 0.5)
    monkeypatch.setattr(
        house.keeper, "_looking", HistoryClient(house.keeper.client._path.parent, answer_s=0.3)
    )
    house.append(10)
    async with kept(house):
        child = await house.until_recorded()
        child.suspend()
        house.append(10)
        await house.until(lambda: house.keeper.trouble == "the store process does not answer")
        successor = await house.until_recorded()
        assert successor.pid != child.pid
        assert house.rows() == 20
    assert "the store process hangs, and is killed" in caplog.messages
    assert "the store process ended with code -9; it is begun anew in 0.0 s" in caplog.messages


async def test_what_the_child_logs_is_logged_here_with_level_and_name(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A history that is in use: each child says so and ends, the next one is begun later and later."""
    directory = house.keeper.client._path.parent
    other = DuckHistory(directory, memory_bytes=64 << 20, threads=1)
    house.append(10)
    async with kept(house):
        await house.until(lambda: house.keeper.starts == 4)
        other.close()
        await house.until_recorded()
    said = [record for record in caplog.records if "in use by another process" in record.getMessage()]
    assert len(said) >= 3
    assert {(record.levelno, record.name) for record in said} == {(logging.ERROR, "tradewatch.store")}
    ends = [message for message in caplog.messages if "ended with code 1" in message]
    assert [message.rpartition(" in ")[2] for message in ends[:3]] == ["0.0 s", "0.0 s", "0.1 s"]


async def test_where_no_process_can_be_begun_it_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.append(10)
    with monkeypatch.context() as patched:
        patched.setattr("tradewatch.store.keeper._PROGRAM", ("/nowhere/python",))
        async with kept(house):
            await house.until(lambda: house.keeper.starts == 3)
            patched.undo()
            await house.until_recorded()
    said = [message for message in caplog.messages if "cannot be started" in message]
    assert said[0].startswith("the store process cannot be started: No such file or directory; it is begun")


async def test_words_that_are_no_line_of_a_log_are_logged_as_they_are(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = "import sys; print('Fatal: \\xff', file=sys.stderr); print('x' * (3 << 20), file=sys.stderr);"
    program += "print('last', file=sys.stderr)"
    monkeypatch.setattr("tradewatch.store.keeper._PROGRAM", (sys.executable, "-c", program))
    async with kept(house):
        await house.until(lambda: "last" in caplog.messages)
    said = [record for record in caplog.records if record.getMessage() in ("Fatal: \xff", "last")]
    assert {(record.levelno, record.name) for record in said} == {(logging.WARNING, "tradewatch.store")}
