"""The segments that are kept, in order: found by offset, searched backwards, deleted from the oldest on."""

import contextlib
import logging
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from errno import EMFILE, ENFILE, ENOMEM
from operator import attrgetter, itemgetter

from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.log import StampedBlock
from tradewatch.tape.retention import Retention
from tradewatch.tape.segment import Segment
from tradewatch.tape.selection import Selection

_log = logging.getLogger(__name__)

#: A disk that is full again and again must not fill the directory with small segments.
MAX_SEGMENTS = 4_096
#: Errors of a process that has too much open; what it wanted to read is there all the same, later.
_PASSING = frozenset({EMFILE, ENFILE, ENOMEM})
_first_offset = attrgetter("head.first_offset")
_epoch_offset = itemgetter(0)


class Shelf:
    """All segments of one log, oldest first. What cannot be read is a hole, counted, never an exception.

    Args:
        segments: those that recovery found.
        next_offset: offset of the next record.
        epoch_ms: the epoch of the next record.
        retention: says what goes.
    """

    def __init__(
        self, segments: Sequence[Segment], *, next_offset: int, epoch_ms: int, retention: Retention
    ) -> None:
        self._segments = list(segments)
        self._retention = retention
        self._epoch_ms = epoch_ms
        self._unreadable = 0
        #: Offset and epoch of each place where an epoch begins; outlives the segments.
        self._epochs: list[tuple[int, int]] = []
        for segment in segments:
            self._note_epoch(segment.head.first_offset, segment.head.epoch_ms)
        self._note_epoch(next_offset, epoch_ms)

    @property
    def first_offset(self) -> int | None:
        """Offset of the oldest record; None where there is none."""
        if not self._segments or self._segments[0].is_empty:
            return None
        return self._segments[0].head.first_offset

    @property
    def last(self) -> Segment:
        """The newest segment; IndexError where there is none."""
        return self._segments[-1]

    @property
    def corrupt_blocks(self) -> int:
        """Damaged places and unreadable segments that reads had to skip, counted each time."""
        return self._unreadable + sum(segment.corrupt_blocks for segment in self._segments)

    def epoch_at(self, offset: int) -> int:
        """The epoch that the record at an offset was appended in."""
        return self._epochs[max(0, bisect_right(self._epochs, offset, key=_epoch_offset) - 1)][1]

    def add(self, segment: Segment) -> None:
        """Put a newer segment behind the others; it takes the place of one that got no record."""
        if self._segments and self._segments[-1].is_empty:
            empty = self._segments.pop()
            if empty.path != segment.path:
                with contextlib.suppress(OSError):
                    empty.path.unlink()
        self._segments.append(segment)

    def retain(self) -> None:
        """Delete the oldest segments beyond what may be kept, never the newest."""
        kept_bytes = sum(segment.size for segment in self._segments)
        while len(self._segments) > 1:
            oldest = self._segments[0]
            crowded = len(self._segments) > MAX_SEGMENTS
            if not self._retention.lets_go(kept_bytes, end_offset=oldest.end_offset, crowded=crowded):
                return
            try:
                oldest.path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("an old segment cannot be deleted: %s", error)
                return
            kept_bytes -= oldest.size
            self._unreadable += oldest.corrupt_blocks
            del self._segments[0]
            self._count(oldest)

    def read(self, from_offset: int, limit: int) -> tuple[int, bytes]:
        """`Log.read`; an answer ends where a segment does."""
        begin = max(0, bisect_right(self._segments, from_offset, key=_first_offset) - 1)
        for segment in self._segments[begin:]:
            try:
                first, slots = segment.read(from_offset, limit)
            except OSError as error:
                if error.errno in _PASSING:
                    break
                self._unreadable += 1
                continue
            if slots:
                return first, slots
        return from_offset, b""

    def select(self, instrument: int, after_seq: int, limit: int) -> bytes:
        """`Log.select`, from the newest segment back to where the seq or the epoch is reached."""
        selection = Selection(after_seq, limit)
        for segment in reversed(self._segments):
            if segment.head.epoch_ms != self._epoch_ms:
                break
            try:
                if not all(map(selection.take, segment.records_of(instrument))):
                    break
            except OSError:
                self._unreadable += 1
        return selection.slots()

    def stamped(self) -> Iterator[StampedBlock]:
        """`Log.stamped`."""
        for segment in tuple(self._segments):
            try:
                yield from segment.stamped()
            except OSError:
                self._unreadable += 1

    def _count(self, deleted: Segment) -> None:
        most_records = (deleted.size - deleted.records_at) // SLOT_BYTES
        if self._retention.gone(deleted.head.first_offset, deleted.end_offset, most_records=most_records):
            _log.warning("the tape has no room for what the store has not taken: %s is deleted", deleted.path)

    def _note_epoch(self, offset: int, epoch_ms: int) -> None:
        if not self._epochs or self._epochs[-1][1] != epoch_ms:
            self._epochs.append((offset, epoch_ms))
