"""The memory of published batches: which numbers a producer used, and where each stands on the log."""

from array import array
from bisect import bisect_left
from enum import Enum
from typing import NamedTuple

from tradewatch.tape.log import BatchStamp, StampedBlock

#: How many batches back a producer may repeat itself.
BATCHES_REMEMBERED = 10_000


class Verdict(Enum):
    """What a batch number means to the memory."""

    NEW = "new"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    OUT_OF_ORDER = "out_of_order"
    TOO_OLD = "too_old"


class Place(NamedTuple):
    """Where a batch stands on the log: offset of its first slot, number of slots."""

    offset: int
    slots: int


class _Producer:
    """One producer's last batches in columns, oldest first: 40 bytes a batch."""

    __slots__ = ("batches", "digests", "forgotten", "last", "offsets", "slots")

    def __init__(self) -> None:
        self.last = 0
        self.forgotten = False
        self.batches = array("q")
        self.offsets = array("q")
        self.slots = array("q")
        self.digests: list[bytes] = []

    def forget_oldest(self, count: int) -> None:
        self.forgotten = True
        del self.batches[:count], self.offsets[:count], self.slots[:count], self.digests[:count]


class BatchMemory:
    """Batch numbers per producer (a source of the tape). Bounded; rebuilt from the log at a start."""

    def __init__(self) -> None:
        self._producers: dict[int, _Producer] = {}

    def judge(self, stamp: BatchStamp) -> tuple[Verdict, Place | None]:
        """What to do with a batch, and where the tape has it when it is `REPEATED`."""
        producer = self._producers.get(stamp.source)
        if producer is None or stamp.batch > producer.last:
            return Verdict.NEW, None
        index = bisect_left(producer.batches, stamp.batch)
        if index < len(producer.batches) and producer.batches[index] == stamp.batch:
            if producer.digests[index] != stamp.digest:
                return Verdict.CONFLICT, None
            return Verdict.REPEATED, Place(producer.offsets[index], producer.slots[index])
        between = 0 < index < len(producer.batches)
        return (Verdict.TOO_OLD if producer.forgotten and not between else Verdict.OUT_OF_ORDER), None

    def remember(self, block: StampedBlock) -> None:
        """Take in a batch that is on the tape; numbers of one producer come in increasing order."""
        producer = self._producers.setdefault(block.stamp.source, _Producer())
        producer.last = max(producer.last, block.stamp.batch)
        producer.batches.append(block.stamp.batch)
        producer.offsets.append(block.offset)
        producer.slots.append(block.slots)
        producer.digests.append(block.stamp.digest)
        if len(producer.batches) >= 2 * BATCHES_REMEMBERED:
            producer.forget_oldest(BATCHES_REMEMBERED)

    def remember_last(self, source: int, batch: int, *, forgotten: bool) -> None:
        """Take in a producer's last number; `forgotten` where the log may no longer hold all its batches."""
        producer = self._producers.setdefault(source, _Producer())
        producer.last = max(producer.last, batch)
        producer.forgotten = forgotten

    def last_batches(self) -> dict[int, int]:
        """The last number of each producer, by source."""
        return {source: producer.last for source, producer in self._producers.items()}
