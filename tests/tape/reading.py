"""Reads what a server left in its data directory, with the log's own reader."""

from pathlib import Path
from typing import NamedTuple

from tradewatch.clock import SystemClock
from tradewatch.model.record import Kind, Record
from tradewatch.reference.catalogue import CANARY_ID, Catalogue
from tradewatch.tape import layout
from tradewatch.tape.boot import boot_id
from tradewatch.tape.segments import SegmentLog
from tradewatch.tape.tape import Tape


class Left(NamedTuple):
    """What stands on a tape: its epochs, and all quotes in order, the canary's left out."""

    epochs: list[int]
    records: list[Record]


def read_tape(data_dir: Path) -> Left:
    """Everything on the tape of a data directory whose server is gone."""
    clock = SystemClock()
    log, recovered = SegmentLog.open(data_dir / "tape" / "0", clock=clock, boot_id=boot_id())
    catalogue = Catalogue(limit=100_000)
    Tape(log, recovered, catalogue=catalogue, clock=clock)
    epochs: dict[int, None] = {}
    records: list[Record] = []
    offset = log.first_offset
    while True:
        first, data = log.read(offset, 50_000)
        if not data:
            break
        assert first == offset, "a hole in the log"
        epochs[log.epoch_at(first)] = None
        for at in range(0, len(data), layout.SLOT_BYTES):
            slot = data[at : at + layout.SLOT_BYTES]
            if slot[0] == Kind.QUOTE and layout.instrument_id(slot) != CANARY_ID:
                records.append(layout.unpack_record(slot, catalogue.by_id(layout.instrument_id(slot))))
        offset = first + len(data) // layout.SLOT_BYTES
    log.close()
    return Left(list(epochs), records)
