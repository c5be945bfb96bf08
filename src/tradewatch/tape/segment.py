"""One segment file as a reader sees it: found by offset, by instrument, by stamp; read in bounded pieces."""

import os
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tradewatch.tape import layout
from tradewatch.tape.blocks import MARKER, STAMPED, SegmentHead, block_at, is_whole, walk
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.log import StampedBlock

#: Bytes between two entries of the index: what a reader may have to hop over.
_INDEX_STEP_BYTES = 64 * 1024
#: Entries of the index that a search over a column takes at once (about 4 MiB).
_SEARCH_ENTRIES = 64


class Segment:
    """A segment file and a sparse index of its blocks. Opened anew for each read, so that it may vanish.

    Args:
        path: the file.
        head: what its head says.
        records_at: position behind the snapshot.
        size: bytes up to the end of the last whole block.
        end_offset: offset behind its last slot; where it was not counted yet, an upper bound.

    Attributes:
        corrupt_blocks: damaged places that reads had to skip, counted each time.
    """

    def __init__(self, path: Path, head: SegmentHead, *, records_at: int, size: int, end_offset: int) -> None:
        self.path = path
        self.head = head
        self.records_at = records_at
        self.size = size
        self.end_offset = end_offset
        self.corrupt_blocks = 0
        self._offsets: list[int] = []
        self._positions: list[int] = []
        self._next_entry_at = records_at

    @property
    def is_empty(self) -> bool:
        """Whether no record was appended behind the snapshot."""
        return self.end_offset == self.head.first_offset

    def extend(self, slots: int, block_bytes: int) -> None:
        """Take in that a block was appended."""
        if self.size >= self._next_entry_at:
            self._enter(self.end_offset, self.size)
        self.size += block_bytes
        self.end_offset += slots

    def read(self, from_offset: int, limit: int) -> tuple[int, bytes]:
        """`Log.read` within this segment; no slots where it holds none from `from_offset` on.

        Raises:
            OSError: the file cannot be read.
        """
        first = following = from_offset
        left = limit
        parts: list[bytes] = []
        for data in self._pieces_from(from_offset):
            for block in walk(data):
                if block is None or (block.offset + block.slots > following and not is_whole(data, block)):
                    self.corrupt_blocks += 1
                    continue
                if block.offset + block.slots <= following:
                    continue
                if not parts:
                    first = following = max(block.offset, from_offset)
                elif block.offset > following:
                    return first, b"".join(parts)
                taken = min(block.offset + block.slots - following, left)
                begin = block.slots_at + (following - block.offset) * SLOT_BYTES
                parts.append(data[begin : begin + taken * SLOT_BYTES])
                following += taken
                left -= taken
                if left == 0:
                    return first, b"".join(parts)
        return first, b"".join(parts)

    def records_of(self, instrument: int) -> Iterator[np.ndarray]:
        """The records of one instrument, piece by piece: the newest piece first, each in order.

        Raises:
            OSError: the file cannot be read.
        """
        self._complete_index()
        for begin, end in reversed(self._spans(0, _SEARCH_ENTRIES)):
            data = self._bytes(begin, end)
            rows = layout.slots(data)
            found = np.flatnonzero(rows["instrument"] == instrument)
            found = found[rows["kind"][found] < layout.DEFINE_INSTRUMENT]
            if found.size:
                yield rows[self._whole(data, rows, found)]

    def stamped(self) -> Iterator[StampedBlock]:
        """The blocks that hold a published batch, in order.

        Raises:
            OSError: the file cannot be read.
        """
        self._complete_index()
        for begin, end in self._spans(0, _SEARCH_ENTRIES):
            data = self._bytes(begin, end)
            rows = layout.slots(data)
            heads = (rows["kind"] == MARKER) & (rows["channel"] & STAMPED != 0)
            for row in np.flatnonzero(heads):
                block = block_at(data, int(row) * SLOT_BYTES)
                if block is not None and block.stamp is not None:
                    yield StampedBlock(block.offset, block.slots, block.stamp)

    def _whole(self, data: bytes, rows: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Those of the rows found that stand in whole blocks."""
        heads = np.flatnonzero(rows["kind"] == MARKER)
        if not heads.size:
            self.corrupt_blocks += 1
            return heads
        owners, owner_of = np.unique(
            heads[np.searchsorted(heads, found, side="right") - 1], return_inverse=True
        )
        slots = np.zeros(len(owners), dtype=np.int64)
        for number, row in enumerate(owners):
            block = block_at(data, int(row) * SLOT_BYTES)
            if block is not None and is_whole(data, block):
                slots[number] = block.slots
            else:
                self.corrupt_blocks += 1
        distance = found - owners[owner_of]
        return found[(distance > 0) & (distance <= slots[owner_of])]

    def _pieces_from(self, from_offset: int) -> Iterator[bytes]:
        """The bytes from the index entry before an offset on, entry by entry."""
        self._complete_index()
        for begin, end in self._spans(max(0, bisect_right(self._offsets, from_offset) - 1), 1):
            yield self._bytes(begin, end)

    def _spans(self, entry: int, step: int) -> list[tuple[int, int]]:
        """Where the pieces of `step` index entries begin and end, from an entry on."""
        begins = self._positions[entry::step]
        return list(zip(begins, [*begins[1:], self.size], strict=False))

    def _complete_index(self) -> None:
        """Make the index of a segment that an earlier process wrote, once, when it is first read."""
        if self._positions or self.size == self.records_at:
            return
        self._enter(self.head.first_offset, self.records_at)
        step = _INDEX_STEP_BYTES // SLOT_BYTES * SLOT_BYTES * _SEARCH_ENTRIES
        for begin in range(self.records_at, self.size, step):
            data = self._bytes(begin, min(begin + step, self.size))
            for row in np.flatnonzero(layout.slots(data)["kind"] == MARKER):
                at = int(row) * SLOT_BYTES
                if begin + at >= self._next_entry_at and (block := block_at(data, at)) is not None:
                    self._enter(block.offset, begin + at)

    def _enter(self, offset: int, position: int) -> None:
        self._offsets.append(offset)
        self._positions.append(position)
        self._next_entry_at = position + _INDEX_STEP_BYTES

    def _bytes(self, begin: int, end: int) -> bytes:
        """A range of the file; shorter, by whole slots, where the file is."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            data = os.pread(descriptor, end - begin, begin)
        finally:
            os.close(descriptor)
        if len(data) < end - begin:
            self.corrupt_blocks += 1
        return data[: len(data) // SLOT_BYTES * SLOT_BYTES]
