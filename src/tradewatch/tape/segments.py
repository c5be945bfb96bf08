"""The log on local disk: segment files `<data-dir>/tape/<shard>/<first offset>.log`, one write per append."""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tradewatch.clock import Clock
from tradewatch.errors import DataDirectoryError, TapeError
from tradewatch.tape.blocks import CLOSED, SegmentHead, boot_digest, pack_block
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.log import BatchStamp, Recovered, StampedBlock
from tradewatch.tape.recovery import Found, recover, repair, segment_path
from tradewatch.tape.retention import Retention
from tradewatch.tape.shelf import Shelf
from tradewatch.tape.writer import SegmentWriter, sync_directory

_log = logging.getLogger(__name__)

#: Bytes of blocks in one segment behind its snapshot.
SEGMENT_BYTES = 64 * 1024 * 1024
#: Bytes of all segments together.
RETAIN_BYTES = 2 * 1024 * 1024 * 1024
#: Bytes that they may take beyond it while the store has not taken what is in them.
HOLD_BYTES = 8 * 1024 * 1024 * 1024
#: After a failure a new segment is tried at most this often.
_RETRY_S = 0.1
#: Segments that may wait for `sync` with their files open; at more, `append` waits for the disk.
_MAX_UNSYNCED = 16


class SegmentLog:
    """`Log` in segment files. Appends and reads on one thread, `sync` on any.

    Made by `open`; `begin` then makes or resumes the segment that is written.
    """

    def __init__(
        self,
        directory: Path,
        found: Found,
        *,
        clock: Clock,
        boot: bytes,
        segment_bytes: int,
        retention: Retention,
    ) -> None:
        self._directory = directory
        self._retention = retention
        self._shelf = Shelf(
            found.segments, next_offset=found.next_offset, epoch_ms=found.epoch_ms, retention=retention
        )
        self._found = found
        self._epoch_ms = found.epoch_ms
        self._next_offset = found.next_offset
        self._clock = clock
        self._boot = boot
        self._segment_bytes = segment_bytes
        self._snapshot: Callable[[], bytes] = bytes
        self._writer: SegmentWriter | None = None
        self._lost_records = 0
        self._damaged = len(found.broken)
        self._failing = ""
        self._retry_at_s = 0.0
        self._syncing = threading.Lock()
        #: Only `sync` and `close` take from here and close files, so none is closed while it is being synced.
        self._retired: deque[SegmentWriter] = deque()
        self._directory_changed = True

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        clock: Clock,
        boot_id: str,
        segment_bytes: int = SEGMENT_BYTES,
        retain_bytes: int = RETAIN_BYTES,
        hold_bytes: int = HOLD_BYTES,
        new_epoch: bool = False,
    ) -> tuple["SegmentLog", Recovered]:
        """Recover what a directory holds. Nothing is appended before `begin`.

        Args:
            directory: `<data-dir>/tape/<shard>`; made where it does not exist. One process at a time may
                have it open (the lock of the data directory sees to that).
            clock: the hour names a new epoch, the monotonic clock paces retries.
            boot_id: `boot.boot_id()`; empty where it is not known, then only a clean close keeps the epoch.
            segment_bytes: what a segment takes behind its snapshot.
            retain_bytes: what all segments may take together, the one being written always kept.
            hold_bytes: what they may take beyond it for the sake of records that are held.
            new_epoch: end the epoch of the records found (they are from a backup, say).

        Raises:
            DataDirectoryError: the directory cannot be made, read or repaired.
            TapeError: a file in it is of another version, or not what its name says.
        """
        boot = boot_digest(boot_id)
        try:
            for folder in (directory.parent, directory):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found, recovered = recover(
                directory, now_ms=clock.now_ns() // 1_000_000, boot=boot, new_epoch=new_epoch
            )
        except OSError as error:
            raise _unusable(directory, error) from error
        retention = Retention(retain_bytes=retain_bytes, hold_bytes=hold_bytes)
        log = cls(directory, found, clock=clock, boot=boot, segment_bytes=segment_bytes, retention=retention)
        return log, recovered

    @property
    def epoch_ms(self) -> int:
        """The epoch of what is appended now."""
        return self._epoch_ms

    @property
    def first_offset(self) -> int:
        """Offset of the oldest record that is still kept."""
        first = self._shelf.first_offset
        return self._next_offset if first is None else first

    @property
    def next_offset(self) -> int:
        """Offset that the next appended record will have."""
        return self._next_offset

    @property
    def lost_records(self) -> int:
        """Records that could not be written since the log was opened."""
        return self._lost_records

    @property
    def unheld_records(self) -> int:
        """Records that were deleted although they were held."""
        return self._retention.unheld_records

    @property
    def corrupt_blocks(self) -> int:
        """Damaged places and unreadable segments that recovery and reads had to skip, counted each time."""
        return self._damaged + self._shelf.corrupt_blocks

    @property
    def failing(self) -> str:
        """What the disk says ("No space left on device"); empty while all is well."""
        return self._failing

    def epoch_at(self, offset: int) -> int:
        """The epoch that the record at an offset was appended in."""
        return self._shelf.epoch_at(offset)

    def begin(self, snapshot: Callable[[], bytes]) -> None:
        """Allow appends.

        Raises:
            DataDirectoryError: no segment can be written here.
        """
        self._snapshot = snapshot
        try:
            if self._found.resumable:
                self._writer = SegmentWriter.resume(self._shelf.last)
                self._shelf.retain()
            else:
                self._begin_segment()
            # A mark of a clean end must be gone, or a newer segment be there, before anything follows it: a
            # machine that falls would otherwise leave the mark and none of what came after.
            self.sync()
            if not self._failing:
                repair(self._directory, self._found)
        except OSError as error:
            raise _unusable(self._directory, error) from error
        if self._failing:
            raise DataDirectoryError(f"{self._directory}: {self._failing}")

    def append(self, records: bytes, stamp: BatchStamp | None = None) -> bool:
        """Write whole slots as one block."""
        slots, rest = divmod(len(records), SLOT_BYTES)
        if rest:
            raise TapeError(f"{len(records)} bytes are no whole slots")
        if not self._has_room(len(records)) and not self._roll():
            return self._lose(slots)
        try:
            self._current.append(pack_block(self._next_offset, records, stamp), slots)
        except OSError as error:
            self._fail(error)
            return self._lose(slots)
        self._next_offset += slots
        return True

    def read(self, from_offset: int, limit: int) -> tuple[int, bytes]:
        """At most `limit` slots from `from_offset` on; an answer ends where a segment does."""
        return self._shelf.read(from_offset, limit)

    def select(self, instrument: int, after_seq: int, limit: int) -> bytes:
        """The oldest `limit` records of one instrument in the current epoch with a seq above `after_seq`."""
        return self._shelf.select(instrument, after_seq, limit)

    def stamped(self) -> Iterator[StampedBlock]:
        """Every block with a stamp that is still kept, oldest first."""
        return self._shelf.stamped()

    def hold(self, offset: int) -> None:
        """Keep the records from an offset on as long as there is room for them."""
        self._retention.hold(offset)
        if self._retention.holding:
            self._shelf.retain()

    def sync(self) -> None:
        """Make what was appended survive the machine; where the disk refuses, the next append begins anew."""
        with self._syncing:
            if self._writer is None:
                return
            try:
                # The current one first: if it is retired meanwhile, it is among the retired afterwards.
                try:
                    self._writer.sync()
                finally:
                    self._sync_retired()
                if self._directory_changed:
                    self._directory_changed = False
                    sync_directory(self._directory)
            except OSError as error:
                self._fail(error)

    def close(self) -> None:
        """Write the mark of a clean end, sync, and close; does nothing where nothing was begun."""
        if self._writer is None:
            return
        if self._failing:
            self._retry_at_s = 0.0
            self._roll()
        if not self._failing:
            try:
                self._current.append(pack_block(self._next_offset, b"", flags=CLOSED), 0)
            except OSError as error:
                self._fail(error)
        self.sync()
        with self._syncing:
            for writer in (*self._retired, self._writer):
                writer.close()
            self._retired.clear()
            self._writer = None

    def _sync_retired(self) -> None:
        while self._retired:
            retired = self._retired.popleft()
            try:
                retired.sync()
            finally:
                retired.close()

    @property
    def _current(self) -> SegmentWriter:
        if self._writer is None:
            raise TapeError("nothing can be appended before begin or after close")
        return self._writer

    def _has_room(self, record_bytes: int) -> bool:
        segment = self._current.segment
        used = segment.size - segment.records_at
        fits = used + SLOT_BYTES + record_bytes <= self._segment_bytes
        return not self._failing and (fits or segment.is_empty)

    def _roll(self) -> bool:
        """Begin the next segment; False where the disk does not take it, or was asked just now."""
        now_s = self._clock.monotonic_s()
        if self._failing and now_s < self._retry_at_s:
            return False
        self._retry_at_s = now_s + _RETRY_S
        try:
            self._begin_segment()
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _begin_segment(self) -> None:
        head = SegmentHead(self._epoch_ms, self._next_offset, self._boot)
        path = segment_path(self._directory, self._next_offset)
        writer = SegmentWriter.begin(path, head, self._snapshot())
        self._shelf.add(writer.segment)
        self._shelf.retain()
        if self._writer is not None:
            self._retired.append(self._writer)
        self._writer = writer
        self._directory_changed = True
        if self._failing:
            _log.warning("the tape is written again, after %d lost records", self._lost_records)
        self._failing = ""
        if len(self._retired) > _MAX_UNSYNCED:
            self.sync()

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            _log.error("the tape cannot be written: %s", error)
        self._failing = error.strerror or str(error)
        if self._writer is not None:
            # Tried again with every attempt: a file system that copies on write may need room even for this.
            with contextlib.suppress(OSError):
                self._writer.mark_lossy()

    def _lose(self, slots: int) -> bool:
        self._lost_records += slots
        self._next_offset += slots
        return False


def _unusable(directory: Path, error: OSError) -> DataDirectoryError:
    return DataDirectoryError(f"{error.filename or directory}: {error.strerror or error}")
