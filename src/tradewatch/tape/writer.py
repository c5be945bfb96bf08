"""One segment file as its writer sees it: whole blocks or nothing, and a mark that is made in place."""

import contextlib
import os
from collections.abc import Callable
from errno import EIO
from pathlib import Path

from tradewatch.tape.blocks import LOSSY_AT, SNAPSHOT, SegmentHead, pack_block, pack_head
from tradewatch.tape.segment import Segment

#: Ending of a segment that is being begun; a file that still has it was never finished.
UNFINISHED = ".new"

#: Linux can leave times and the like unsynced; other systems sync all.
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class SegmentWriter:
    """The file descriptor behind the segment that is being written. Methods raise OSError as the disk does.

    Args:
        segment: what readers see of it; grows with every append.
        descriptor: open for writing; this object closes it.
    """

    def __init__(self, segment: Segment, descriptor: int) -> None:
        self.segment = segment
        self._descriptor = descriptor

    @classmethod
    def begin(cls, path: Path, head: SegmentHead, snapshot: bytes) -> "SegmentWriter":
        """A new segment, which has its name only once the snapshot stands in it."""
        start = pack_head(head) + pack_block(head.first_offset, snapshot, flags=SNAPSHOT)
        unfinished = path.with_suffix(UNFINISHED)
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write(descriptor, start, 0)
            unfinished.replace(path)
        except OSError:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        segment = Segment(path, head, records_at=len(start), size=len(start), end_offset=head.first_offset)
        return cls(segment, descriptor)

    @classmethod
    def resume(cls, segment: Segment) -> "SegmentWriter":
        """Go on behind the last block of a segment; what stood there (the mark of a clean end) is gone."""
        descriptor = os.open(segment.path, os.O_RDWR)
        try:
            os.ftruncate(descriptor, segment.size)
        except OSError:
            os.close(descriptor)
            raise
        return cls(segment, descriptor)

    def append(self, block: bytes, slots: int) -> None:
        """Write one block; where that fails, none of it remains."""
        segment = self.segment
        try:
            _write(self._descriptor, block, segment.size)
        except OSError:
            # Where even this fails the next block is written over the rest, or recovery cuts it off.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, segment.size)
            raise
        segment.extend(slots, len(block))

    def mark_lossy(self) -> None:
        """Remember in the file that records were lost behind its end; needs no room on the disk."""
        os.pwrite(self._descriptor, b"\x01", LOSSY_AT)

    def sync(self) -> None:
        """Make what was written survive the machine."""
        _sync_data(self._descriptor)

    def close(self) -> None:
        """Close the file; whoever may still sync it must not exist any more."""
        os.close(self._descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names of files that were begun or deleted survive the machine."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes, position: int) -> None:
    """All of the data, at once; a disk that takes a part is asked again, so that it says why."""
    written = os.pwrite(descriptor, data, position)
    while written < len(data):
        more = os.pwrite(descriptor, memoryview(data)[written:], position + written)
        if more == 0:
            raise OSError(EIO, os.strerror(EIO))
        written += more
