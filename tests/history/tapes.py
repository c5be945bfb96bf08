"""A tape in memory: numbers records as the tape does, hands them out as stretches, and knows what it told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tradewatch.history.archive import Archive, Reading
from tradewatch.history.registry import Stored
from tradewatch.history.span import Span
from tradewatch.history.ticks import ABSENT, Ticks, joined
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.tape.follower import Stretch
from tradewatch.tape.layout import SLOT_BYTES, pack_instrument, pack_records, pack_source

#: 2026-05-11T00:00Z.
DAY_MS = 1_778_457_600_000
NOW_MS = DAY_MS + 43_200_000
ALL = Span(whole=False)

EURUSD = Instrument(1, AssetClass.CURRENCIES, "EURUSD", 5)
BTCUSDT = Instrument(2, AssetClass.CRYPTO, "BTCUSDT", 2)
XAUUSD = Instrument(3, AssetClass.COMMODITIES, "XAUUSD", 3)
INSTRUMENTS = (EURUSD, BTCUSDT, XAUUSD)
SOURCES = {7: "replay", 9: "publish/ab12/mine"}


class Row(NamedTuple):
    """What a record says, and nothing of how it is kept."""

    event_ns: int
    epoch_ms: int
    seq: int
    received_ns: int
    bid: Price | None
    ask: Price | None
    bid_size: Price | None
    ask_size: Price | None
    source: str
    flags: int


@dataclass
class Tape:
    """One epoch after the other, all positions in order."""

    epoch_ms: int = DAY_MS
    offset: int = 0
    heads: dict[int, int] = field(default_factory=dict)
    instruments: Sequence[Instrument] = INSTRUMENTS

    @property
    def definitions(self) -> bytes:
        """Slots that define all instruments and sources."""
        named = b"".join(map(pack_instrument, self.instruments))
        return named + b"".join(pack_source(number, name) for number, name in SOURCES.items())

    def begin_epoch(self, epoch_ms: int) -> None:
        """Number from 1 again."""
        self.epoch_ms = epoch_ms
        self.offset += 1 << 40
        self.heads.clear()

    def quote(self, instrument: Instrument = EURUSD, *, event_ns: int, skip: int = 0, **said: Any) -> Record:
        """The next record of an instrument; `skip` numbers before it were given to records nobody sees."""
        seq = self.heads.get(instrument.id, 0) + 1 + skip
        self.heads[instrument.id] = seq
        said = {"bid": Price.parse("1.1"), "ask": Price.parse("1.2"), "source": 7} | said
        said.setdefault("received_ns", event_ns - event_ns % 1_000 + 1_500_000)
        return Record(instrument=instrument, event_ns=event_ns, seq=seq, **said)

    def quotes(self, count: int, instrument: Instrument = EURUSD, *, from_ms: int = DAY_MS) -> list[Record]:
        """So many, a millisecond apart, each with a price of its own."""
        return [
            self.quote(
                instrument,
                event_ns=(from_ms + at) * 1_000_000,
                bid=Price.of(at, -3),
                ask=Price.of(at + 1, -3),
            )
            for at in range(count)
        ]

    def stretch(self, records: Iterable[Record], *, definitions: bool = True, missing: int = 0) -> Stretch:
        """The next records of the log."""
        slots = bytes(pack_records(list(records)))
        self.offset += missing
        stretch = Stretch(
            self.epoch_ms, self.offset, slots, missing, self.definitions if definitions else b"", lossy=False
        )
        self.offset += len(slots) // SLOT_BYTES
        return stretch


def row(record: Record, epoch_ms: int = DAY_MS) -> Row:
    """A record as a row."""
    return Row(
        record.event_ns,
        epoch_ms,
        record.seq,
        record.received_ns,
        record.bid,
        record.ask,
        record.bid_size,
        record.ask_size,
        SOURCES.get(record.source, ""),
        record.flags,
    )


def rows(records: Iterable[Record], epoch_ms: int = DAY_MS) -> list[Row]:
    """Records as rows."""
    return [row(record, epoch_ms) for record in records]


def shown(archive: Archive, ticks: Ticks) -> list[Row]:
    """What an archive answered, as rows."""

    def prices(name: str) -> list[Price | None]:
        pairs = zip(getattr(ticks, name).tolist(), getattr(ticks, f"{name}_scale").tolist(), strict=True)
        return [None if mantissa == ABSENT else Price.of(mantissa, -scale) for mantissa, scale in pairs]

    columns = (
        ticks.event_ns.tolist(),
        map(archive.epoch, ticks.epoch.tolist()),
        ticks.seq.tolist(),
        ticks.received_ns.tolist(),
        *map(prices, ("bid", "ask", "bid_size", "ask_size")),
        map(archive.source, ticks.source.tolist()),
        ticks.flags.tolist(),
    )
    return [Row(*values) for values in zip(*columns, strict=True)]


def stored(archive: Archive, instrument: Instrument) -> Stored:
    """The archive's name for an instrument that it has."""
    found = archive.instrument(instrument.asset_class, instrument.symbol)
    assert found is not None
    return found


def everything(archive: Archive, instrument: Instrument = EURUSD, span: Span = ALL) -> list[Row]:
    """All rows of an instrument, as the windows of a reading show them."""
    with archive.reading() as reading:
        return read(archive, reading, instrument, span)


def read(
    archive: Archive, reading: Reading, instrument: Instrument = EURUSD, span: Span = ALL, **options: bool
) -> list[Row]:
    """All rows of an instrument in a view."""
    windows = list(reading.windows(stored(archive, instrument).number, span, **options))
    assert all(len(window) for window in windows)
    return shown(archive, joined(windows[::-1] if options.get("backwards") else windows))
