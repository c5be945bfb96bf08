"""The record: one entry of the tape, with every field it will ever need, from the first day."""

from enum import IntEnum, IntFlag

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price

#: Event times that a source may give: from 1970 to 2200, in nanoseconds of Unix time.
MAX_EVENT_NS = 7_258_118_400_000_000_000


class Channel(IntEnum):
    """What stream a record belongs to; trades and candles are reserved."""

    QUOTES = 0
    TRADES = 1
    CANDLES = 2


class Kind(IntEnum):
    """What a record says.

    A `QUOTE` is a price; a `BREAK` says that the source lost something (`reference`: how many, 0 unknown);
    a `STATUS` is a change of the market's state; a `CORRECTION` replaces the record with seq `reference`;
    `REFUSED` keeps the place of a published quote that was not taken (`reference`: the reason's number).
    """

    QUOTE = 0
    BREAK = 1
    STATUS = 2
    CORRECTION = 3
    REFUSED = 4


class Flags(IntFlag):
    """What a client must know of a quote besides its prices."""

    NONE = 0
    SIMULATED = 1
    DELAYED = 2
    INDICATIVE = 4
    LATE = 8
    LOCKED = 16
    CROSSED = 32
    ONE_SIDED = 64
    TEST = 128


class Record(msgspec.Struct, gc=False):
    """One entry of the tape. Sources make it; the tape gives it `seq`; nobody changes it after that.

    Attributes:
        instrument: what it is about.
        event_ns: when it happened, by the source's clock; Unix time in nanoseconds.
        received_ns: when it reached us; Unix time in nanoseconds, whole microseconds.
        bid: the price one can sell at; None where the side is missing.
        ask: the price one can buy at; None where the side is missing.
        seq: its number among the records of its instrument, from 1 in an epoch; 0 until the tape gave one.
        source: the stable integer of where it came from (see `tape.names`).
        flags: `Flags`, as a plain integer.
        kind: `Kind`, as a plain integer.
        channel: `Channel`, as a plain integer.
        bid_size: how much is wanted at `bid`; None where unknown.
        ask_size: how much is offered at `ask`; None where unknown.
        reference: what `kind` says it is.
    """

    instrument: Instrument
    event_ns: int
    received_ns: int
    bid: Price | None
    ask: Price | None
    seq: int = 0
    source: int = 0
    flags: int = 0
    kind: int = 0
    channel: int = 0
    bid_size: Price | None = None
    ask_size: Price | None = None
    reference: int = 0


def side_flags(bid: Price | None, ask: Price | None) -> int:
    """What the two sides say of each other: locked, crossed, one-sided."""
    if bid is None or ask is None:
        return Flags.ONE_SIDED.value
    exponent = min(bid.exponent, ask.exponent)
    spread = ask.units(exponent) - bid.units(exponent)
    if spread > 0:
        return 0
    return Flags.CROSSED.value if spread < 0 else Flags.LOCKED.value


def whole_microseconds(time_ns: int) -> int:
    """`time_ns` cut to microseconds, so that the stream and the store print the same digits."""
    return time_ns - time_ns % 1000
