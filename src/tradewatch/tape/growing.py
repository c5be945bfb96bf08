"""A segment file as another process reads it while it is being written: whole blocks, each once, in order."""

import contextlib
import os
from pathlib import Path

import numpy as np

from tradewatch.tape import layout
from tradewatch.tape.blocks import (
    CLOSED,
    HEAD_BYTES,
    MARKER,
    SNAPSHOT,
    SegmentHead,
    block_at,
    is_whole,
    unpack_head,
    whole_blocks,
)
from tradewatch.tape.layout import SLOT_BYTES

#: Bytes that a look for the next block takes in at once.
_SEARCH_BYTES = 50_000 * SLOT_BYTES


def definitions_of(slots: bytes) -> bytes:
    """Those of some slots that define an instrument or a source."""
    rows = layout.slots(slots)
    kinds = rows["kind"]
    chosen: np.ndarray = rows[(kinds == layout.DEFINE_INSTRUMENT) | (kinds == layout.DEFINE_SOURCE)]
    return chosen.tobytes()


class GrowingSegment:
    """A segment file, kept open, and how far it was read. Its writer knows nothing of it.

    The file goes on being readable when it is deleted. What the disk does not give back is taken as damaged.

    Args:
        path: the file's name.
        descriptor: open for reading; this object closes it.
        head: what its head says.
        records_at: position behind the snapshot.
        definitions: the snapshot's slots that define an instrument or a source.

    Attributes:
        next_offset: offset of the slot behind the last that was read.
    """

    def __init__(
        self, path: Path, descriptor: int, head: SegmentHead, *, records_at: int, definitions: bytes
    ) -> None:
        self.path = path
        self.head = head
        self.definitions = definitions
        self.next_offset = head.first_offset
        self._descriptor = descriptor
        self._position = records_at

    @classmethod
    def open(cls, path: Path) -> "GrowingSegment | None":
        """The segment of a name; None where it is gone or has no sound beginning.

        Raises:
            OSError: it is there and cannot be opened.
            TapeError: another version of this program wrote it.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with contextlib.ExitStack() as opened:
            opened.callback(os.close, descriptor)
            start = _read(descriptor, HEAD_BYTES + SLOT_BYTES, 0)
            head, snapshot = unpack_head(start), block_at(start, HEAD_BYTES)
            if head is None or head.first_offset != int(path.stem):
                return None
            if snapshot is None or not snapshot.flags & SNAPSHOT:
                return None
            data = _read(descriptor, snapshot.end, 0)
            definitions = b""
            if is_whole(data, snapshot):
                definitions = definitions_of(data[snapshot.slots_at : snapshot.end])
            opened.pop_all()
            return cls(path, descriptor, head, records_at=snapshot.end, definitions=definitions)

    def read(self, limit_bytes: int) -> tuple[int, bytes]:
        """The slots of the next whole blocks, contiguous, and the offset of the first; none where none is.

        What is not whole may still be under way, until a later block stands behind it. Then it is damaged,
        and the offset answered is larger than `next_offset` was.

        Args:
            limit_bytes: the most to answer; a single larger block is answered all the same.
        """
        while not (slots := self._take(limit_bytes)):
            behind = self._next_head()
            if behind is None:
                break
            # Read again: it was whole before the next one was begun, if it ever was.
            if slots := self._take(limit_bytes):
                break
            self._position, self.next_offset = behind
        return self.next_offset - len(slots) // SLOT_BYTES, slots

    def is_replaced(self) -> bool:
        """Whether another file has its name now; False where none has."""
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def is_lossy(self) -> bool:
        """Whether its head says by now that records were lost behind its end."""
        head = unpack_head(_read(self._descriptor, HEAD_BYTES, 0))
        return head is not None and head.lossy

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _take(self, limit_bytes: int) -> bytes:
        """The slots of the whole blocks that follow, the position moved behind them."""
        data = _read(self._descriptor, max(limit_bytes, SLOT_BYTES), self._position)
        first = block_at(data, 0)
        if first is not None and first.end > len(data):
            data = _read(self._descriptor, first.end, self._position)
        parts: list[memoryview] = []
        view = memoryview(data)
        for block in whole_blocks(data, 0, self.next_offset):
            if block.flags & CLOSED:  # gone again when the next process goes on behind it
                break
            parts.append(view[block.slots_at : block.end])
            self._position += block.end - block.at
            self.next_offset += block.slots
        return b"".join(parts)

    def _next_head(self) -> tuple[int, int] | None:
        """Position and offset of the first sound block head behind the one that should stand here."""
        begin = self._position + SLOT_BYTES
        while data := _read(self._descriptor, _SEARCH_BYTES, begin):
            rows = layout.slots(memoryview(data)[: len(data) // SLOT_BYTES * SLOT_BYTES])
            for row in np.flatnonzero(rows["kind"] == MARKER):
                block = block_at(data, int(row) * SLOT_BYTES)
                if block is not None and block.offset >= self.next_offset:
                    return begin + block.at, block.offset
            begin += len(data)
        return None


def _read(descriptor: int, length: int, position: int) -> bytes:
    """A range of a file; less where there is less, nothing where the disk gives nothing."""
    try:
        return os.pread(descriptor, length, position)
    except OSError:
        return b""
