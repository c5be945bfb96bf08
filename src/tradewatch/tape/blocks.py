"""The bytes of a segment file: a head, then blocks, all on a stride of one slot (80 bytes), little endian.

    head │ block head, flag snapshot │ slots … │ block head │ slots … │ block head, flag closed, no slots

A block is what one append wrote. Its head carries a checksum of itself, so that a reader may hop from head to
head, and one of its slots. `MARKER` begins every block head and no slot, so heads are found by one column.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from tradewatch.errors import TapeError
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.log import BatchStamp

HEAD_BYTES = SLOT_BYTES
#: First byte of a block's head; a slot's is below it (`layout`).
MARKER = 0xB1
#: Where the byte stands that says "records were lost behind this segment's end"; no checksum covers it,
#: because it is written in place when the disk takes nothing else.
LOSSY_AT = 79

#: What a block is besides a run of slots.
SNAPSHOT = 1
CLOSED = 2
STAMPED = 4

_MAGIC = b"\x8etwtape\n"
_VERSION = 1
#: Magic, version, epoch, first offset, boot; then the checksum of these, padding and `LOSSY_AT`.
_HEAD = struct.Struct("<8sH6xQQ16s24x")
_HEAD_END = struct.Struct("<I3x?")
#: Marker, flags, slots, offset, batch, source, digest, checksum of the slots; then the checksum of these.
_BLOCK = struct.Struct("<BB2xIQQI16s28xI")
_BLOCK_END = struct.Struct("<I")
_NO_DIGEST = b""


class SegmentHead(NamedTuple):
    """What a segment file says of itself.

    Attributes:
        epoch_ms: the epoch of its records.
        first_offset: offset of the first slot behind the snapshot.
        boot: `boot_digest` of the machine's boot it was begun in.
        lossy: records that should have followed its last block were lost.
    """

    epoch_ms: int
    first_offset: int
    boot: bytes
    lossy: bool = False


class Block(NamedTuple):
    """The head of a block, and where it stands.

    Attributes:
        at: position of its head in the bytes that were read.
        end: position behind its last slot.
        offset: log offset of its first slot.
        slots: how many slots follow the head.
        flags: `SNAPSHOT`, `CLOSED`, `STAMPED` or none of them.
        stamp: the published batch it holds, where it holds one.
        checksum: CRC-32 of the slots.
    """

    at: int
    end: int
    offset: int
    slots: int
    flags: int
    stamp: BatchStamp | None
    checksum: int

    @property
    def slots_at(self) -> int:
        """Position of its first slot."""
        return self.at + SLOT_BYTES


def boot_digest(boot_id: str) -> bytes:
    """16 bytes for the identity of a boot; zeros for one that is not known."""
    return hashlib.blake2b(boot_id.encode(), digest_size=16).digest() if boot_id else bytes(16)


def pack_head(head: SegmentHead) -> bytes:
    """The first bytes of a segment file."""
    body = _HEAD.pack(_MAGIC, _VERSION, head.epoch_ms, head.first_offset, head.boot)
    return body + _HEAD_END.pack(crc32(body), head.lossy)


def unpack_head(data: bytes) -> SegmentHead | None:
    """What `pack_head` wrote; None where it is incomplete or damaged.

    Raises:
        TapeError: another version of this program wrote it.
    """
    if len(data) < HEAD_BYTES:
        return None
    body = data[: _HEAD.size]
    magic, version, epoch_ms, first_offset, boot = _HEAD.unpack(body)
    checksum, lossy = _HEAD_END.unpack_from(data, _HEAD.size)
    if magic != _MAGIC or checksum != crc32(body):
        return None
    if version != _VERSION:
        raise TapeError(f"the tape is of format {version}, this version reads format {_VERSION}")
    return SegmentHead(epoch_ms, first_offset, boot, lossy)


def pack_block(offset: int, records: bytes, stamp: BatchStamp | None = None, flags: int = 0) -> bytes:
    """Whole slots as one block."""
    slots = len(records) // SLOT_BYTES
    if stamp is None:
        body = _BLOCK.pack(MARKER, flags, slots, offset, 0, 0, _NO_DIGEST, crc32(records))
    else:
        source, batch, digest = stamp
        flags |= STAMPED
        body = _BLOCK.pack(MARKER, flags, slots, offset, batch, source, digest, crc32(records))
    return body + _BLOCK_END.pack(crc32(body)) + records


def block_at(data: bytes, at: int) -> Block | None:
    """The block whose head stands at a position; None where no sound head does."""
    if at + SLOT_BYTES > len(data) or data[at] != MARKER:
        return None
    body = data[at : at + _BLOCK.size]
    if _BLOCK_END.unpack_from(data, at + _BLOCK.size)[0] != crc32(body):
        return None
    _, flags, slots, offset, batch, source, digest, checksum = _BLOCK.unpack(body)
    stamp = BatchStamp(source, batch, digest) if flags & STAMPED else None
    return Block(at, at + SLOT_BYTES + slots * SLOT_BYTES, offset, slots, flags, stamp, checksum)


def is_whole(data: bytes, block: Block) -> bool:
    """Whether the slots of a block are all there and as they were written."""
    return block.end <= len(data) and block.checksum == crc32(memoryview(data)[block.slots_at : block.end])


def whole_blocks(data: bytes, at: int, offset: int) -> Iterator[Block]:
    """The blocks from a position and an offset on, up to the first that is not whole or does not follow."""
    while True:
        block = block_at(data, at)
        if block is None or block.offset != offset or not is_whole(data, block):
            return
        yield block
        at = block.end
        offset += block.slots


def walk(data: bytes) -> Iterator[Block | None]:
    """The blocks whose heads are sound, in order, hopping over the slots; None for each damaged stretch."""
    at, damaged = 0, False
    while at < len(data):
        block = block_at(data, at)
        if block is not None:
            yield block
            at, damaged = block.end, False
            continue
        if not damaged:
            yield None
        at, damaged = at + SLOT_BYTES, True
