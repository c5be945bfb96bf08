"""The log in memory: for tests, and for a server that is to leave no trace on a disk."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from operator import attrgetter

from tradewatch.clock import Clock
from tradewatch.errors import TapeError
from tradewatch.tape import layout
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.log import BatchStamp, Recovered, StampedBlock
from tradewatch.tape.retention import Retention
from tradewatch.tape.selection import Selection

_first_offset = attrgetter("first_offset")


class _Segment:
    """A run of slots without a hole."""

    def __init__(self, first_offset: int, snapshot: bytes) -> None:
        self.first_offset = first_offset
        self.snapshot = snapshot
        self.slots = bytearray()
        self.stamped: list[StampedBlock] = []

    @property
    def size(self) -> int:
        """Bytes it takes, as a segment on a disk would count them."""
        return len(self.snapshot) + len(self.slots)

    @property
    def records(self) -> int:
        """How many slots it has behind its snapshot."""
        return len(self.slots) // SLOT_BYTES

    @property
    def end_offset(self) -> int:
        """Offset behind its last slot."""
        return self.first_offset + self.records


class MemoryLog:
    """`Log` without a disk: it lives and dies with the process, so its epoch never goes on.

    Args:
        clock: the hour names the epoch.
        segment_bytes: slots in one segment, in bytes.
        retain_bytes: slots and snapshots of all segments together, in bytes.
        hold_bytes: what they may take beyond it for the sake of records that are held.

    Attributes:
        refuse: while it is set, appends are answered as by a full disk.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        segment_bytes: int = 4 * 1024 * 1024,
        retain_bytes: int = 64 * 1024 * 1024,
        hold_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.refuse = False
        self._epoch_ms = clock.now_ns() // 1_000_000
        self._segment_bytes = segment_bytes
        self._retention = Retention(retain_bytes=retain_bytes, hold_bytes=hold_bytes)
        self._snapshot: Callable[[], bytes] | None = None
        self._segments: list[_Segment] = []
        self._next_offset = 0
        self._lost_records = 0
        self._failing = ""

    @property
    def recovered(self) -> Recovered:
        """What the tape is told at its start: nothing was here before."""
        return Recovered(self._epoch_ms, continues=False, snapshot=b"", tail=b"", dropped_bytes=0)

    @property
    def epoch_ms(self) -> int:
        """The epoch of what is appended."""
        return self._epoch_ms

    @property
    def first_offset(self) -> int:
        """Offset of the oldest record that is still kept."""
        oldest = self._segments[0] if self._segments else None
        return oldest.first_offset if oldest is not None and oldest.slots else self._next_offset

    @property
    def next_offset(self) -> int:
        """Offset that the next appended record will have."""
        return self._next_offset

    @property
    def lost_records(self) -> int:
        """Records that were refused."""
        return self._lost_records

    @property
    def unheld_records(self) -> int:
        """Records that were deleted although they were held."""
        return self._retention.unheld_records

    @property
    def failing(self) -> str:
        """Why the last append was refused; empty while all is well."""
        return self._failing

    def epoch_at(self, offset: int) -> int:
        """The one epoch there is."""
        return self._epoch_ms

    def begin(self, snapshot: Callable[[], bytes]) -> None:
        """Allow appends."""
        self._snapshot = snapshot
        self._begin_segment(snapshot)

    def append(self, records: bytes, stamp: BatchStamp | None = None) -> bool:
        """Keep whole slots; False while `refuse` is set."""
        slots, rest = divmod(len(records), SLOT_BYTES)
        if rest:
            raise TapeError(f"{len(records)} bytes are no whole slots")
        if self._snapshot is None:
            raise TapeError("nothing can be appended before begin or after close")
        if self.refuse:
            self._failing = "refused"
            self._lost_records += slots
            self._next_offset += slots
            return False
        kept = self._segments[-1].slots
        if self._failing or (kept and len(kept) + len(records) > self._segment_bytes):
            self._begin_segment(self._snapshot)
        segment = self._segments[-1]
        segment.slots += records
        if stamp is not None:
            segment.stamped.append(StampedBlock(self._next_offset, slots, stamp))
        self._next_offset += slots
        return True

    def read(self, from_offset: int, limit: int) -> tuple[int, bytes]:
        """At most `limit` slots from `from_offset` on; an answer ends where a segment does."""
        begin = max(0, bisect_right(self._segments, from_offset, key=_first_offset) - 1)
        for segment in self._segments[begin:]:
            first = max(from_offset, segment.first_offset)
            at = (first - segment.first_offset) * SLOT_BYTES
            if at < len(segment.slots):
                return first, bytes(segment.slots[at : at + limit * SLOT_BYTES])
        return from_offset, b""

    def select(self, instrument: int, after_seq: int, limit: int) -> bytes:
        """The oldest `limit` records of one instrument with a seq above `after_seq`."""
        selection = Selection(after_seq, limit)
        for segment in reversed(self._segments):
            rows = layout.slots(memoryview(segment.slots))
            chosen = (rows["instrument"] == instrument) & (rows["kind"] < layout.DEFINE_INSTRUMENT)
            if not selection.take(rows[chosen]):
                break
        return selection.slots()

    def stamped(self) -> Iterator[StampedBlock]:
        """Every block with a stamp that is still kept, oldest first."""
        for segment in tuple(self._segments):
            yield from tuple(segment.stamped)

    def hold(self, offset: int) -> None:
        """Keep the records from an offset on as long as there is room for them."""
        self._retention.hold(offset)
        if self._retention.holding:
            self._retain()

    def sync(self) -> None:
        """Nothing survives the process."""

    def close(self) -> None:
        """End appends."""
        self._snapshot = None

    def _begin_segment(self, snapshot: Callable[[], bytes]) -> None:
        if self._segments and not self._segments[-1].slots:
            self._segments.pop()
        self._segments.append(_Segment(self._next_offset, snapshot()))
        self._failing = ""
        self._retain()

    def _retain(self) -> None:
        kept_bytes = sum(segment.size for segment in self._segments)
        while len(self._segments) > 1:
            oldest = self._segments[0]
            if not self._retention.lets_go(kept_bytes, end_offset=oldest.end_offset):
                return
            kept_bytes -= self._segments.pop(0).size
            self._retention.gone(oldest.first_offset, oldest.end_offset, most_records=oldest.records)
