"""Quotes as a tape would bring them, recorded in a history; and what is then known of each."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tradewatch.history.archive import Archive, Recorded
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.position import epoch_text
from tradewatch.model.price import Price
from tradewatch.model.record import Record
from tradewatch.tape.follower import Stretch
from tradewatch.tape.layout import SLOT_BYTES, pack_instrument, pack_record, pack_source

CURRENCIES, CRYPTO = AssetClass.CURRENCIES, AssetClass.CRYPTO
#: A Thursday, at a whole hour.
START_MS = 1_767_600_000_000
FIRST_EPOCH_MS = START_MS - 1_000
#: The records of these tests are received so long after they happened, unless they say otherwise.
LAG_MS = 7


class Quoted(NamedTuple):
    """One quote; sorted by this tuple they stand in the order of time."""

    event_ns: int
    epoch_ms: int
    seq: int
    bid: Decimal | None
    ask: Decimal | None

    @property
    def position(self) -> str:
        return f"{epoch_text(self.epoch_ms)}:{self.seq}"

    @property
    def whole(self) -> bool:
        return self.bid is not None and self.ask is not None


@dataclass
class Quoting:
    """Gives seqs and offsets as a tape does.

    Attributes:
        quoted: all that was quoted, by symbol, in the order of the tape.
    """

    archive: Archive
    epoch_ms: int = FIRST_EPOCH_MS
    next_offset: int = 1
    quoted: dict[str, list[Quoted]] = field(default_factory=dict)
    _instruments: dict[str, Instrument] = field(default_factory=dict)
    _heads: dict[str, int] = field(default_factory=dict)
    _slots: bytearray = field(default_factory=bytearray)

    def quote(
        self,
        symbol: str,
        after_ms: float,
        bid: str | None = "1.1",
        ask: str | None = "1.2",
        *,
        asset_class: AssetClass = CURRENCIES,
        lag_ms: int = LAG_MS,
    ) -> Quoted:
        """A quote so long after `START_MS`; it waits for `record`."""
        if symbol not in self._instruments:
            instrument = Instrument(len(self._instruments) + 1, asset_class, symbol, decimals=5)
            self._instruments[symbol] = instrument
        event_ns = START_MS * 1_000_000 + round(after_ms * 1_000_000)
        self._heads[symbol] = self._heads.get(symbol, 0) + 1
        record = Record(
            self._instruments[symbol],
            event_ns,
            event_ns // 1_000_000 * 1_000_000 + lag_ms * 1_000_000,
            None if bid is None else Price.parse(bid),
            None if ask is None else Price.parse(ask),
            seq=self._heads[symbol],
            source=1,
        )
        self._slots += pack_record(record)
        sides = (None if side is None else Decimal(side) for side in (bid, ask))
        quoted = Quoted(event_ns, self.epoch_ms, record.seq, *sides)
        self.quoted.setdefault(symbol, []).append(quoted)
        return quoted

    def lose(self, symbol: str, count: int) -> None:
        """Records that the tape numbered, and nobody will ever see."""
        self._heads[symbol] = self._heads.get(symbol, 0) + count

    def stretch(self) -> Stretch:
        """What waits, as a reader of the tape would get it."""
        definitions = pack_source(1, "feed/tests") + b"".join(
            pack_instrument(instrument) for instrument in self._instruments.values()
        )
        slots, self._slots = bytes(self._slots), bytearray()
        stretch = Stretch(self.epoch_ms, self.next_offset, slots, 0, definitions, lossy=False)
        self.next_offset += len(slots) // SLOT_BYTES
        return stretch

    def record(self) -> Recorded:
        """Have what waits recorded."""
        return self.archive.record(self.stretch(), now_ms=START_MS)

    def begin_epoch(self, epoch_ms: int) -> None:
        """Number from 1 again."""
        self.epoch_ms = epoch_ms
        self._heads.clear()
