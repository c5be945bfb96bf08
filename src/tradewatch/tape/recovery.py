"""What a directory of segments holds when it is opened, and whether its epoch goes on.

Reading decides and changes nothing. What is wrong is put right only when a segment of the new epoch stands;
a process that is killed before it would otherwise leave a directory in which nothing seems wrong.
"""

import logging
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tradewatch.errors import TapeError
from tradewatch.tape.blocks import (
    CLOSED,
    HEAD_BYTES,
    SNAPSHOT,
    Block,
    SegmentHead,
    block_at,
    is_whole,
    unpack_head,
    whole_blocks,
)
from tradewatch.tape.layout import SLOT_BYTES
from tradewatch.tape.log import Recovered
from tradewatch.tape.segment import Segment
from tradewatch.tape.writer import UNFINISHED

_log = logging.getLogger(__name__)

#: How far the offsets of a new epoch lie beyond the old one's last that is known: more than could have been
#: given out and not be on the disk, so that no offset ever means two records.
OFFSET_LEAP = 1_000_000_000
_NAME = re.compile(r"[0-9]{20}\.log")


class Found(NamedTuple):
    """A directory as it was found.

    Attributes:
        segments: the sound ones, oldest first.
        epoch_ms: the epoch of the next record.
        next_offset: offset of the next record.
        resumable: the last segment may be written on.
        broken: files that nobody can read as segments.
    """

    segments: list[Segment]
    epoch_ms: int
    next_offset: int
    resumable: bool
    broken: list[Path]


class _LastSegment(NamedTuple):
    """The newest sound segment, read whole.

    Attributes:
        segment: what readers see of it, the mark of a clean end left out.
        snapshot: the slots it begins with.
        tail: the slots behind them.
        dropped_bytes: what stood behind the last whole block.
        torn: that was nothing, or the beginning of a block: what a killed process leaves.
        closed: it ends with the mark of a clean end.
    """

    segment: Segment
    snapshot: bytes
    tail: bytes
    dropped_bytes: int
    torn: bool
    closed: bool


def segment_path(directory: Path, first_offset: int) -> Path:
    """Where the segment that begins with an offset stands."""
    return directory / f"{first_offset:020d}.log"


def segment_paths(directory: Path, *, behind: int = -1) -> list[Path]:
    """The segments that a directory has, oldest first; only those that begin behind an offset.

    Raises:
        OSError: the directory cannot be read.
    """
    last = segment_path(directory, behind).name
    names = os.listdir(directory)  # noqa: PTH208 - a follower asks often, and there may be thousands
    return [directory / name for name in sorted(names) if name > last and _NAME.fullmatch(name)]


def recover(directory: Path, *, now_ms: int, boot: bytes, new_epoch: bool) -> tuple[Found, Recovered]:
    """Read what a directory holds up to its last whole block, and decide whether the epoch goes on.

    Args:
        directory: where the segments stand; it exists.
        now_ms: Unix time in milliseconds.
        boot: `boot_digest` of the present boot.
        new_epoch: end the epoch whatever the files say.

    Raises:
        OSError: a file cannot be read.
        TapeError: a segment is not what its name says, or of another version.
    """
    paths = segment_paths(directory)
    sound, broken = list(paths), list[Path]()
    last: _LastSegment | None = None
    while sound and (last := _read_last(sound[-1])) is None:
        broken.append(sound.pop())
    dropped_bytes = sum(path.stat().st_size for path in broken)
    if last is None:
        next_offset = int(paths[-1].stem) + OFFSET_LEAP if paths else 0
        nothing = Recovered(now_ms, continues=False, snapshot=b"", tail=b"", dropped_bytes=dropped_bytes)
        return Found([], now_ms, next_offset, resumable=False, broken=broken), nothing

    segment = last.segment
    continues = not new_epoch and not broken and _goes_on(last, boot)
    recovered = Recovered(
        epoch_ms=segment.head.epoch_ms if continues else max(now_ms, segment.head.epoch_ms + 1),
        continues=continues,
        snapshot=last.snapshot,
        tail=last.tail,
        dropped_bytes=last.dropped_bytes + dropped_bytes,
    )
    highest = max(segment.end_offset, int(paths[-1].stem))
    found = Found(
        segments=[*_earlier_segments(sound, broken), segment],
        epoch_ms=recovered.epoch_ms,
        next_offset=segment.end_offset if continues else highest + OFFSET_LEAP,
        resumable=continues and segment.head.boot == boot,
        broken=broken,
    )
    return found, recovered


def repair(directory: Path, found: Found) -> None:
    """Take away what recovery passed over; called once a newer segment says how the tape goes on.

    Raises:
        OSError: a file cannot be changed.
    """
    for path in directory.glob(f"*{UNFINISHED}"):
        path.unlink()
    for path in found.broken:
        _log.warning("%s has no sound beginning and is removed", path)
        path.unlink()
    for last in found.segments[-1:]:
        if not last.is_empty and last.path.exists():  # else it made room for the new one, or for its bytes
            os.truncate(last.path, last.size)


def _goes_on(last: _LastSegment, boot: bytes) -> bool:
    """Whether nothing can have been appended that the last segment does not show."""
    head = last.segment.head
    same_boot = head.boot == boot and any(boot)
    return not head.lossy and last.torn and (last.closed or same_boot)


def _read_last(path: Path) -> _LastSegment | None:
    """A segment up to its last whole block; None where not even its snapshot is whole."""
    data = path.read_bytes()
    head, snapshot = _start(path, data)
    if head is None or snapshot is None or not is_whole(data, snapshot):
        return None
    segment = Segment(path, head, records_at=snapshot.end, size=snapshot.end, end_offset=head.first_offset)
    view = memoryview(data)
    tail = bytearray()
    for block in whole_blocks(data, segment.size, segment.end_offset):
        if block.flags & CLOSED:
            break
        tail += view[block.slots_at : block.end]
        segment.extend(block.slots, block.end - block.at)
    behind = block_at(data, segment.size)
    closed = behind is not None and bool(behind.flags & CLOSED) and behind.end == len(data)
    dropped_bytes = 0 if closed else len(data) - segment.size
    if dropped_bytes:
        _log.warning("%s: %d bytes behind the last whole block are dropped", path, dropped_bytes)
    return _LastSegment(
        segment=segment,
        snapshot=data[snapshot.slots_at : snapshot.end],
        tail=bytes(tail),
        dropped_bytes=dropped_bytes,
        torn=closed or (dropped_bytes < SLOT_BYTES if behind is None else behind.end > len(data)),
        closed=closed,
    )


def _earlier_segments(paths: list[Path], broken: list[Path]) -> list[Segment]:
    """The segments before the last, unread but for their heads; those without one go to `broken`."""
    segments: list[Segment] = []
    for path, following in pairwise(paths):
        with path.open("rb") as file:
            head, snapshot = _start(path, file.read(HEAD_BYTES + SLOT_BYTES))
        size = path.stat().st_size // SLOT_BYTES * SLOT_BYTES
        if head is None or snapshot is None or snapshot.end > size:
            broken.append(path)
            continue
        segments.append(
            Segment(path, head, records_at=snapshot.end, size=size, end_offset=int(following.stem))
        )
    return segments


def _start(path: Path, data: bytes) -> tuple[SegmentHead | None, Block | None]:
    """Head and snapshot of a segment, as far as they are sound.

    Raises:
        TapeError: the segment is another one than its name says.
    """
    head, snapshot = unpack_head(data), block_at(data, HEAD_BYTES)
    if head is not None and head.first_offset != int(path.stem):
        raise TapeError(f"{path} says that it begins at offset {head.first_offset}")
    return head, snapshot if snapshot is not None and snapshot.flags & SNAPSHOT else None
