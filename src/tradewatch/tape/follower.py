"""The tape as another process follows it: the segment files of a directory, read while they are written."""

import logging
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tradewatch.tape.growing import GrowingSegment, definitions_of
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.recovery import OFFSET_LEAP, segment_path, segment_paths

_log = logging.getLogger(__name__)

#: Bytes of slots that one read answers at most.
READ_BYTES = 16 * 1024 * 1024


class Stretch(NamedTuple):
    """Some slots of the tape, contiguous and of one epoch.

    Where `slots` is empty there is nothing new, and nothing else is said.

    Attributes:
        epoch_ms: the epoch of the slots.
        first_offset: offset of the first slot.
        slots: slots of whole blocks; definitions stand among them.
        missing: slots before the first that were asked for and are gone: deleted, lost on a full disk,
            damaged. The leap of offsets between two epochs is not counted.
        definitions: slots that define instruments and sources, with the first slots of each segment: all that
            the segment knew before them.
        lossy: the epoch before ended with records that no file has, nobody knows how many.
    """

    epoch_ms: int
    first_offset: int
    slots: bytes
    missing: int
    definitions: bytes
    lossy: bool

    @property
    def next_offset(self) -> int:
        """Offset behind the last slot: what to ask for next."""
        return self.first_offset + len(self.slots) // SLOT_BYTES


NOTHING = Stretch(epoch_ms=0, first_offset=0, slots=b"", missing=0, definitions=b"", lossy=False)


class Follower:
    """Reads what the process with the log appends, and never waits for it.

    Every offset is accounted for once, in order: its slot is answered, or `missing` counts it.

    Args:
        directory: where the segments stand; it may not exist yet.
        from_offset: log offset of the first slot wanted; None for the oldest that is kept.
        epoch_ms: the epoch of the slot before it, where that is known. Without it, and with that slot's
            segment deleted, what is missing is counted as if fewer than half of `OFFSET_LEAP` slots were; and
            a log that was begun anew, in an emptied directory, is not known for one.
    """

    def __init__(self, directory: Path, *, from_offset: int | None, epoch_ms: int | None = None) -> None:
        self._directory = directory
        self._next_offset = from_offset
        self._epoch_ms = epoch_ms
        self._segment: GrowingSegment | None = None
        self._ended = False
        self._lossy = False
        self._definitions = b""

    def read(self, limit_bytes: int = READ_BYTES) -> Stretch:
        """What follows what was read before; `NOTHING` where nothing whole does yet.

        A block that is not whole is waited for, until a newer block or segment shows that it is damaged.

        Args:
            limit_bytes: the most slots to answer, in bytes; a single larger block is answered all the same.

        Raises:
            OSError: the directory or a segment is there and cannot be opened; to be tried again.
            TapeError: another version of this program wrote a segment.
        """
        segment = self._segment or self._enter(self._first_paths())
        while segment is not None:
            first, slots = self._take(segment, limit_bytes)
            if slots:
                return self._stretch(segment.head.epoch_ms, first, slots)
            segment = self._go_on(segment)
        return NOTHING

    def close(self) -> None:
        """Close the file that is open; reading afterwards opens it anew."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _first_paths(self) -> Sequence[Path]:
        """The segments from the one on that has the offset wanted, or should have it."""
        paths = self._paths()
        if self._next_offset is None:
            return paths
        first = max(0, bisect_right(paths, segment_path(self._directory, self._next_offset)) - 1)
        if paths and self._epoch_ms is not None and self._began_later(paths[first]):
            _log.warning("%s was begun anew; it is read from its beginning", self._directory)
            later = next(filter(self._began_later, paths))
            self._next_offset = self._epoch_ms = None
            return [path for path in paths if path >= later]
        return paths[first:]

    def _began_later(self, path: Path) -> bool:
        """Whether a segment at or below the offset wanted is of a later epoch than the slot before it.

        Offsets of a log only grow, so it is another log: the directory was emptied.
        """
        segment = GrowingSegment.open(path)
        if segment is None:
            return False
        segment.close()
        return segment.head.epoch_ms > (self._epoch_ms or 0) and segment.head.first_offset <= (
            self._next_offset or 0
        )

    def _paths(self, *, behind: int = -1) -> list[Path]:
        try:
            return segment_paths(self._directory, behind=behind)
        except FileNotFoundError:
            return []

    def _enter(self, paths: Sequence[Path]) -> GrowingSegment | None:
        """Leave the present segment for the first of these that can be read; None where none can."""
        for path in paths:
            segment = GrowingSegment.open(path)
            if segment is None:
                continue
            begin = segment.head.first_offset
            if self._segment is not None:
                if self._segment.head.epoch_ms != segment.head.epoch_ms:
                    self._lossy |= self._segment.is_lossy()
                self._segment.close()
            if self._next_offset is None:
                self._next_offset = begin
            if self._epoch_ms is None and begin <= self._next_offset:
                self._epoch_ms = segment.head.epoch_ms
            self._segment, self._ended, self._definitions = segment, False, segment.definitions
            return segment
        return None

    def _take(self, segment: GrowingSegment, limit_bytes: int) -> tuple[int, bytes]:
        """The next slots of a segment that are wanted; of those before them only the definitions."""
        while True:
            first, slots = segment.read(limit_bytes)
            unwanted = max(0, (self._next_offset or 0) - first) * SLOT_BYTES
            if not slots or not unwanted:
                return first, slots
            self._definitions += definitions_of(slots[:unwanted])
            if unwanted < len(slots):
                return first + unwanted // SLOT_BYTES, slots[unwanted:]

    def _go_on(self, segment: GrowingSegment) -> GrowingSegment | None:
        """Where to look when a segment gives nothing more; None where there is nothing but to wait."""
        newer = self._paths(behind=segment.head.first_offset)
        if segment.is_replaced():  # it got no record, and another one began at the same offset
            return self._enter([segment.path, *newer])
        if newer and not self._ended:
            # Once more: it may have grown before the newer one was begun. From now on it does not.
            self._ended = True
            return segment
        return self._enter(newer)

    def _stretch(self, epoch_ms: int, first: int, slots: bytes) -> Stretch:
        missing = first - (self._next_offset or 0)
        if epoch_ms != self._epoch_ms:
            # Each epoch in between leapt once. Less than nothing is missing where it began before the point
            # that was reached: recovery drops whatever stands behind damage, and this reader does not.
            leaps = (missing + OFFSET_LEAP // 2) // OFFSET_LEAP
            missing = max(0, missing - leaps * OFFSET_LEAP)
        stretch = Stretch(epoch_ms, first, slots, missing, self._definitions, self._lossy)
        self._next_offset, self._epoch_ms = stretch.next_offset, epoch_ms
        self._definitions, self._lossy = b"", False
        return stretch
