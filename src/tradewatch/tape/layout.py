"""How a record stands in the log: one slot of 80 bytes, little endian, whatever it says.

A slot's first byte tells what it is: a record (`Kind`), or an entry that only the tape itself reads: the
definition of an instrument or a source, the last batch of a producer. Fixed slots let a reader find one
instrument among a million records by looking at one column.
"""

import struct
from collections.abc import Sequence

import numpy as np

from tradewatch.errors import TapeError
from tradewatch.model.asset_class import CLASS_BY_NUMBER, CLASS_NUMBERS
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record

SLOT_BYTES = 80

#: First byte of the entries that are no records.
DEFINE_INSTRUMENT = 0xA0
DEFINE_SOURCE = 0xA1
LAST_BATCH = 0xA2

#: Exponent of a side that is missing; a price's own lies between -36 and 0.
_NO_SIDE = 127
_NAME_BYTES = 64

_RECORD = struct.Struct("<BBHbbbbIIQqqqqqqq")
_INSTRUMENT = struct.Struct("<BBHb3xI32s36x")
_SOURCE = struct.Struct(f"<B7xI{_NAME_BYTES}s4x")
_LAST_BATCH = struct.Struct("<B7xIQ60x")

#: The same slot for numpy: what a reader filters by stands in columns.
SLOT_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("channel", "u1"),
        ("flags", "<u2"),
        ("exponents", "i1", (4,)),
        ("instrument", "<u4"),
        ("source", "<u4"),
        ("seq", "<u8"),
        ("event_ns", "<i8"),
        ("received_ns", "<i8"),
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("reference", "<i8"),
    ]
)

_ABSENT = (0, _NO_SIDE)


def pack_record(record: Record) -> bytes:
    """The slot of a record that has its seq."""
    return bytes(pack_records((record,)))


def pack_records(records: Sequence[Record]) -> bytearray:
    """The slots of records that have their seq, one behind the other."""
    slots = bytearray(len(records) * SLOT_BYTES)
    pack_into = _RECORD.pack_into
    at = 0
    for record in records:
        bid, bid_exponent = record.bid or _ABSENT
        ask, ask_exponent = record.ask or _ABSENT
        bid_size, bid_size_exponent = record.bid_size or _ABSENT
        ask_size, ask_size_exponent = record.ask_size or _ABSENT
        pack_into(
            slots,
            at,
            record.kind,
            record.channel,
            record.flags,
            bid_exponent,
            ask_exponent,
            bid_size_exponent,
            ask_size_exponent,
            record.instrument.id,
            record.source,
            record.seq,
            record.event_ns,
            record.received_ns,
            bid,
            ask,
            bid_size,
            ask_size,
            record.reference,
        )
        at += SLOT_BYTES
    return slots


def instrument_id(slot: bytes) -> int:
    """The id of the instrument that a record's slot is about."""
    return int.from_bytes(slot[8:12], "little")


def unpack_record(slot: bytes, instrument: Instrument) -> Record:
    """The record that stands in a slot; `instrument` is the one its id names."""
    (
        kind,
        channel,
        flags,
        eb,
        ea,
        ebs,
        eas,
        _,
        source,
        seq,
        event_ns,
        received_ns,
        b,
        a,
        bs,
        as_,
        reference,
    ) = _RECORD.unpack(slot)
    return Record(
        instrument=instrument,
        event_ns=event_ns,
        received_ns=received_ns,
        bid=None if eb == _NO_SIDE else Price(b, eb),
        ask=None if ea == _NO_SIDE else Price(a, ea),
        seq=seq,
        source=source,
        flags=flags,
        kind=kind,
        channel=channel,
        bid_size=None if ebs == _NO_SIDE else Price(bs, ebs),
        ask_size=None if eas == _NO_SIDE else Price(as_, eas),
        reference=reference,
    )


def pack_instrument(instrument: Instrument) -> bytes:
    """The slot that defines an instrument's id."""
    return _INSTRUMENT.pack(
        DEFINE_INSTRUMENT,
        CLASS_NUMBERS[instrument.asset_class],
        0,
        instrument.decimals,
        instrument.id,
        instrument.symbol.encode("ascii"),
    )


def unpack_instrument(slot: bytes) -> Instrument:
    """The instrument that a slot defines (its name is not on the tape)."""
    _, class_number, _, decimals, instrument_id, symbol = _INSTRUMENT.unpack(slot)
    if class_number not in CLASS_BY_NUMBER:
        raise TapeError(
            f"instrument {instrument_id} is of class number {class_number}, which this version does not know"
        )
    return Instrument(
        id=instrument_id,
        asset_class=CLASS_BY_NUMBER[class_number],
        symbol=symbol.rstrip(b"\0").decode("ascii"),
        decimals=decimals,
    )


def pack_source(source: int, name: str) -> bytes:
    """The slot that defines a source's number; `name` is at most 64 bytes of ASCII."""
    return _SOURCE.pack(DEFINE_SOURCE, source, name.encode("ascii"))


def unpack_source(slot: bytes) -> tuple[int, str]:
    """Number and name of the source that a slot defines."""
    _, source, name = _SOURCE.unpack(slot)
    return source, name.rstrip(b"\0").decode("ascii")


def pack_last_batch(source: int, batch: int) -> bytes:
    """The slot that remembers the number of a producer's last batch."""
    return _LAST_BATCH.pack(LAST_BATCH, source, batch)


def unpack_last_batch(slot: bytes) -> tuple[int, int]:
    """Source and number that `pack_last_batch` wrote."""
    _, source, batch = _LAST_BATCH.unpack(slot)
    return source, batch


def slots(data: bytes | memoryview) -> np.ndarray:
    """A run of slots as an array with a column per field; no copy is made."""
    return np.frombuffer(data, dtype=SLOT_DTYPE)
