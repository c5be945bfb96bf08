"""The recorder: what the log took is recorded once, whatever the disk says meanwhile."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.store.conftest import wait_until
from tests.store.quoting import FIRST_EPOCH_MS, Quoting

from tradewatch.clock import ManualClock
from tradewatch.errors import HistoryError, TapeError
from tradewatch.history.archive import Recorded
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.store.recorder import Recorder
from tradewatch.tape.follower import NOTHING, Stretch
from tradewatch.tape.layout import SLOT_BYTES


class Tail:
    """What a log has, read from an offset on; it fails as often as it is told to."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.faults: list[Exception] = []
        self.begun: list[tuple[int | None, int | None]] = []
        self.limits: list[int] = []
        self.closed = 0

    def follow(self, offset: int | None, epoch_ms: int | None) -> "Tail":
        self.begun.append((offset, epoch_ms))
        self._next = offset or 0
        return self

    def read(self, limit_bytes: int) -> Stretch:
        self.limits.append(limit_bytes)
        if self.faults:
            raise self.faults.pop()
        for stretch in self.stretches:
            if stretch.next_offset > self._next:
                self._next = stretch.next_offset
                return stretch
        return NOTHING

    def close(self) -> None:
        self.closed += 1


class Failing:
    """An archive on a disk that refuses as often as it is told to."""

    def __init__(self, archive: DuckHistory) -> None:
        self.refusals = 0
        self.recorded = 0
        self._archive = archive

    @property
    def next_offset(self) -> int | None:
        return self._archive.next_offset

    @property
    def epoch_ms(self) -> int | None:
        return self._archive.epoch_ms

    def record(self, stretch: Stretch, *, now_ms: int) -> Recorded:
        if self.refusals:
            self.refusals -= 1
            raise HistoryError("No space left on device")
        self.recorded += 1
        return self._archive.record(stretch, now_ms=now_ms)


@contextmanager
def recording(archive: object, tail: Tail, clock: ManualClock | None = None) -> Iterator[Recorder]:
    recorder = Recorder(archive, tail.follow, clock=clock or ManualClock())  # type: ignore[arg-type]
    thread = threading.Thread(target=recorder.run)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewatch.store.recorder._LOOK_S", 0.005)
    monkeypatch.setattr("tradewatch.store.recorder._RETRY_S", 0.005)


def test_what_comes_is_recorded_and_said(archive: DuckHistory, quoting: Quoting) -> None:
    tail, clock = Tail(), ManualClock()
    quoting.quote("EURUSD", 0)
    tail.stretches.append(quoting.stretch())
    with recording(archive, tail, clock) as recorder:
        wait_until(lambda: recorder.status()["rows"] == 1)
        quoting.quote("EURUSD", 1)
        quoting.quote("EURUSD", 2)
        tail.stretches.append(quoting.stretch())
        wait_until(lambda: recorder.status()["behind_ms"] == 0 and recorder.status()["rows"] == 3)
        assert recorder.status() == {
            "recorded_offset": quoting.next_offset,
            "behind_ms": 0,
            "rows": 3,
            "batches": 2,
            "failures": 0,
            "lossy_epochs": 0,
            "trouble": "",
        }
    assert tail.begun == [(None, None)]
    assert tail.closed == 1
    assert set(tail.limits) == {1 << 20}
    assert archive.totals().hot_rows == 3
    with recording(archive, tail) as recorder:
        assert recorder.status()["recorded_offset"] == quoting.next_offset
        wait_until(lambda: len(tail.begun) == 2)
    assert tail.begun[1] == (quoting.next_offset, FIRST_EPOCH_MS)


def test_what_a_full_disk_refused_is_recorded_once_it_can_be(
    archive: DuckHistory, quoting: Quoting, caplog: pytest.LogCaptureFixture
) -> None:
    tail, failing, clock = Tail(), Failing(archive), ManualClock()
    failing.refusals = 3
    for number in range(4):
        quoting.quote("EURUSD", number)
        tail.stretches.append(quoting.stretch())
    with recording(failing, tail, clock) as recorder:
        wait_until(lambda: recorder.status()["rows"] == 4)
        wait_until(lambda: not recorder.status()["trouble"])
    assert recorder.status()["failures"] == 3
    assert tail.begun[:4] == [(None, None)] * 4
    assert tail.closed == 4
    assert archive.totals()[:2] == (1, 4)
    said = [(record.levelno, record.message) for record in caplog.records]
    assert said == [
        (logging.ERROR, "records are not written to the history: No space left on device"),
        (logging.WARNING, "records are written to the history again"),
    ]


def test_while_nothing_is_recorded_the_status_says_why_and_how_late(
    archive: DuckHistory, quoting: Quoting
) -> None:
    tail, failing, clock = Tail(), Failing(archive), ManualClock()
    failing.refusals = 10**9
    with recording(failing, tail, clock) as recorder:
        wait_until(lambda: tail.limits)
        quoting.quote("EURUSD", 0)
        tail.stretches.append(quoting.stretch())
        wait_until(lambda: recorder.status()["trouble"])
        clock.advance(3)
        assert recorder.status()["behind_ms"] == 3_000
        assert recorder.status()["trouble"] == "No space left on device"
        assert recorder.status()["recorded_offset"] is None


@pytest.mark.parametrize("fault", [TapeError("of another version"), OSError(24, "Too many open files")])
def test_a_log_that_cannot_be_read_is_tried_again(
    archive: DuckHistory, quoting: Quoting, fault: Exception
) -> None:
    tail = Tail()
    quoting.quote("EURUSD", 0)
    tail.stretches.append(quoting.stretch())
    tail.faults = [fault, fault]
    with recording(archive, tail) as recorder:
        wait_until(lambda: recorder.status()["rows"] == 1)
    assert recorder.status()["failures"] == 2


def test_what_will_never_come_is_said(
    archive: DuckHistory, quoting: Quoting, caplog: pytest.LogCaptureFixture
) -> None:
    tail = Tail()
    quoting.quote("EURUSD", 0)
    quoting.lose("EURUSD", 2)
    quoting.quote("EURUSD", 1)
    stretch = quoting.stretch()
    gone = stretch._replace(missing=5, first_offset=stretch.first_offset + 5, lossy=True)
    tail.stretches.append(gone)
    with recording(archive, tail) as recorder:
        wait_until(lambda: recorder.status()["rows"] == 2)
        wait_until(lambda: recorder.status()["lossy_epochs"] == 1)
    said = [(record.levelno, record.message) for record in caplog.records]
    assert said == [
        (
            logging.ERROR,
            f"the epoch before {FIRST_EPOCH_MS} ended with records that the log never had",
        ),
        (logging.ERROR, "5 records are gone from the log before they were recorded"),
        (logging.WARNING, "1 stretches of positions are missing in the history"),
    ]
    assert (archive.totals().missing, archive.totals().holes) == (5, 1)
    assert archive.next_offset == gone.first_offset + len(gone.slots) // SLOT_BYTES
