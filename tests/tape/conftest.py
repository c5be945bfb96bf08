"""Disks to open logs on, and a probe that writes to a log and reads it back in plain numbers."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tradewatch.clock import ManualClock
from tradewatch.tape.layout import DEFINE_SOURCE, SLOT_BYTES, SLOT_DTYPE, slots
from tradewatch.tape.log import BatchStamp, Log
from tradewatch.tape.memory import MemoryLog
from tradewatch.tape.segments import SegmentLog


class Probe:
    """A log, written and read as seqs. Each slot says its seq twice, so that a mixed-up one shows."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.snapshots: list[bytes] = []

    @staticmethod
    def slots(*seqs: int, instrument: int = 1, kind: int = 0) -> bytes:
        """One slot for each seq."""
        rows = np.zeros(len(seqs), SLOT_DTYPE)
        rows["kind"], rows["instrument"], rows["seq"], rows["reference"] = kind, instrument, seqs, seqs
        return rows.tobytes()

    @staticmethod
    def stamp(batch: int) -> BatchStamp:
        """A stamp whose digest is told by its number."""
        return BatchStamp(source=7, batch=batch, digest=batch.to_bytes(16, "big"))

    @staticmethod
    def seqs(data: bytes) -> list[int]:
        """What `slots` was called with."""
        rows = slots(data)
        assert rows["seq"].tolist() == rows["reference"].tolist()
        return rows["seq"].tolist()

    def begin(self) -> "Probe":
        """Begin with snapshots of one slot that counts them."""
        self.log.begin(self._snapshot)
        return self

    def put(self, *seqs: int, instrument: int = 1, stamp: int | None = None) -> bool:
        """Append one block."""
        data = self.slots(*seqs, instrument=instrument)
        return self.log.append(data, None if stamp is None else self.stamp(stamp))

    def records(self, from_offset: int = 0, limit: int = 1_000) -> dict[int, int]:
        """Every record from an offset on: its seq by its offset."""
        found: dict[int, int] = {}
        while True:
            first, data = self.log.read(from_offset, limit)
            assert first >= from_offset
            assert len(data) <= limit * SLOT_BYTES
            if not data:
                return found
            found.update(enumerate(self.seqs(data), first))
            from_offset = first + len(data) // SLOT_BYTES

    def selected(self, instrument: int, after_seq: int = 0, limit: int = 1_000_000) -> list[int]:
        """The seqs that `select` answers."""
        data = self.log.select(instrument, after_seq, limit)
        assert set(slots(data)["instrument"].tolist()) <= {instrument}
        return self.seqs(data)

    def stamped(self) -> list[tuple[int, int, int]]:
        """Offset, slots and batch of every stamped block; their digests are looked at here."""
        blocks = list(self.log.stamped())
        assert all(block.stamp == self.stamp(block.stamp.batch) for block in blocks)
        return [(block.offset, block.slots, block.stamp.batch) for block in blocks]

    def _snapshot(self) -> bytes:
        self.snapshots.append(self.slots(len(self.snapshots) + 1, kind=DEFINE_SOURCE))
        return self.snapshots[-1]


class Memory:
    """What a `MemoryLog` stands on.

    `room` is the size of a segment that takes so many slots, appended one by one.
    """

    @staticmethod
    def room(slots: int) -> int:
        return slots * SLOT_BYTES

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._logs: list[MemoryLog] = []

    def open(self, **options: int) -> Probe:
        """A new log, not begun."""
        self._logs.append(MemoryLog(clock=self.clock, **options))
        return Probe(self._logs[-1])

    def fill(self) -> None:
        """From now on nothing can be written."""
        for log in self._logs:
            log.refuse = True

    def free(self) -> None:
        """It can again, and time enough for another try has passed."""
        for log in self._logs:
            log.refuse = False

    def close(self) -> None:
        """Close every log that was opened."""
        for log in self._logs:
            log.close()


class Files:
    """What a `SegmentLog` stands on: a directory, full when the system call says so."""

    boot = "the boot of the tests"
    #: A segment's head, and the snapshot of one slot with a head of its own.
    start_bytes = 3 * SLOT_BYTES

    @staticmethod
    def room(slots: int) -> int:
        return slots * 2 * SLOT_BYTES

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = ManualClock()
        self.directory = directory
        self._monkeypatch = monkeypatch
        self._logs: list[SegmentLog] = []

    @property
    def paths(self) -> list[Path]:
        """The segments, oldest first."""
        return sorted(self.directory.glob("*.log"))

    def open(self, *, boot: str = boot, **options: int) -> Probe:
        """A new log on the directory, not begun; `recovered` is what it held."""
        log, self.recovered = SegmentLog.open(self.directory, clock=self.clock, boot_id=boot, **options)
        self._logs.append(log)
        return Probe(log)

    def fill(self) -> None:
        """From now on every write fails, but for those in place."""
        pwrite = os.pwrite

        def full(descriptor: int, data: bytes, position: int) -> int:
            if position + len(data) > os.fstat(descriptor).st_size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return pwrite(descriptor, data, position)

        self._monkeypatch.setattr(os, "pwrite", full)

    def free(self) -> None:
        """It can again, and time enough for another try has passed."""
        self._monkeypatch.undo()
        self.clock.advance(1)

    @staticmethod
    def flip(path: Path, position: int) -> None:
        """Turn one bit of a file over."""
        data = bytearray(path.read_bytes())
        data[position] ^= 4
        path.write_bytes(data)

    def kill(self) -> None:
        """What is left when the process is killed: closed files, no marks."""
        for log in self._logs:
            if log._writer is not None:
                for writer in (*log._retired, log._writer):
                    writer.close()
                log._writer = None
        self._logs.clear()

    def close(self) -> None:
        """Close every log that was opened."""
        self._monkeypatch.undo()
        for log in self._logs:
            log.close()


@pytest.fixture
def make_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Files]]:
    """Makes directories for segments; every log opened on one is closed at the end."""
    made: list[Files] = []

    def make() -> Files:
        made.append(Files(tmp_path_factory.mktemp("tape") / "0", pytest.MonkeyPatch()))
        return made[-1]

    yield make
    for files in made:
        files.close()


@pytest.fixture
def files(make_files: Callable[[], Files]) -> Files:
    """A directory for segments."""
    return make_files()


@pytest.fixture(params=["memory", "segments"])
def make_disk(
    request: pytest.FixtureRequest, make_files: Callable[[], Files]
) -> Callable[[], Memory | Files]:
    """Makes what a log stands on, for each adapter in turn."""
    return Memory if request.param == "memory" else make_files


@pytest.fixture
def disk(make_disk: Callable[[], Memory | Files]) -> Memory | Files:
    """What a log stands on, for each adapter in turn."""
    return make_disk()
