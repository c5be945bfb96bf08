"""The log's port: where the tape's records stand before any socket sees them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol


class BatchStamp(NamedTuple):
    """What a block remembers of the published batch that it holds.

    Attributes:
        source: the producer's number among the sources.
        batch: the batch's own number.
        digest: 16 bytes over the batch's content.
    """

    source: int
    batch: int
    digest: bytes


class StampedBlock(NamedTuple):
    """Where a published batch stands: the offset of its first slot, and how many slots there are."""

    offset: int
    slots: int
    stamp: BatchStamp


class Recovered(NamedTuple):
    """What a log held when it was opened.

    Attributes:
        epoch_ms: the epoch that goes on, or the new one where continuity could not be proven.
        continues: whether `epoch_ms` is the epoch of the records found.
        snapshot: the slots that the last segment began with (as `Log.begin`'s callable gave them).
        tail: the slots appended to the last segment after its snapshot, in order.
        dropped_bytes: what stood behind the last whole block and is not kept (a write that never ended, or
            damage; after damage the epoch does not go on).
    """

    epoch_ms: int
    continues: bool
    snapshot: bytes
    tail: bytes
    dropped_bytes: int


class Log(Protocol):
    """An append-only sequence of slots (`layout.SLOT_BYTES` each), in blocks, in segments.

    The guarantee, which one suite tests on every adapter:

    * A block that `append` answered with True is whole after the process is killed at any moment; a block of
      which only a part was written does not exist. So a process that was killed has lost nothing that it had
      appended, and the epoch goes on. After a machine's crash the epoch ends, because what was not yet synced
      cannot be proven (`fsync` at most `sync_interval` late); a clean close keeps it whatever the boot.
    * Every record appended has an offset, counted over the log's whole life, kept or lost. Offsets of lost
      records are never given to others: a reader sees the hole. A new epoch begins far beyond the old one's
      last known offset, since a crash may have taken records whose offsets somebody remembers.
    * `append` never raises for the disk: it answers False, counts, and goes on trying; the first block that
      fits again begins a new segment with a fresh snapshot, so positions stay true.
    * A segment stands alone: it begins with the snapshot that the tape gives, so that older ones can go.
      Retention deletes whole segments, oldest first, never the one being written, and none with records that
      are held, while there is room for them.
    """

    @property
    def epoch_ms(self) -> int:
        """The epoch of what is appended now: the Unix millisecond it began in."""
        ...

    @property
    def first_offset(self) -> int:
        """Offset of the oldest record that is still kept."""
        ...

    @property
    def next_offset(self) -> int:
        """Offset that the next appended record will have."""
        ...

    @property
    def lost_records(self) -> int:
        """Records that could not be written since the log was opened."""
        ...

    @property
    def unheld_records(self) -> int:
        """Records that were deleted although they were held, since the log was opened."""
        ...

    @property
    def failing(self) -> str:
        """Why nothing is kept at present ("No space left on device"); empty while all is well."""
        ...

    def epoch_at(self, offset: int) -> int:
        """The epoch that the record at an offset, kept or lost, was appended in."""
        ...

    def begin(self, snapshot: Callable[[], bytes]) -> None:
        """Allow appends. `snapshot` gives the slots that a new segment must begin with, at any later time.

        It is asked for before the block is written that needs the new segment, and must not hold its records.

        Raises:
            DataDirectoryError: not even the first segment can be written.
        """
        ...

    def append(self, records: bytes, stamp: BatchStamp | None = None) -> bool:
        """Write whole slots as one block, at once; False where they could not be kept (counted).

        Definition slots may stand among the records; they take offsets like any other slot.

        Raises:
            TapeError: these are no whole slots; `begin` was not called, or `close` was.
        """
        ...

    def read(self, from_offset: int, limit: int) -> tuple[int, bytes]:
        """At most `limit` slots from `from_offset` on, and the offset of the first of them.

        The offset answered is larger than asked where older ones were deleted or lost; no slots where there
        is nothing newer. Slots answered are contiguous: a hole ends the answer, and so may the end of a
        segment (a block lies within one). What is damaged or cannot be read is a hole.
        """
        ...

    def select(self, instrument: int, after_seq: int, limit: int) -> bytes:
        """The oldest `limit` records of one instrument in the current epoch with a seq above `after_seq`.

        Slots in order of seq; entries without a seq (definitions, refused quotes) are never among them.
        """
        ...

    def stamped(self) -> Iterator[StampedBlock]:
        """Every block with a stamp that is still kept, oldest first."""
        ...

    def hold(self, offset: int) -> None:
        """Keep the records from an offset on: the store has not taken them. Those before it may go.

        Each call takes the place of the one before; until the first, nothing is held. What is to outlive
        `begin` is held before it. Beyond what the log may take for this the oldest go all the same, counted.
        """
        ...

    def sync(self) -> None:
        """Make what was appended survive the machine; called off the loop, safe beside `append`."""
        ...

    def close(self) -> None:
        """Write the mark of a clean end, sync, and close; appending afterwards is an error of the caller."""
        ...
