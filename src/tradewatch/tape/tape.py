"""The tape: gives every record its seq and has it on the log before anybody else sees it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from tradewatch.clock import Clock
from tradewatch.errors import TapeError
from tradewatch.model.instrument import Instrument
from tradewatch.model.position import epoch_text, position_text
from tradewatch.model.record import Flags, Kind, Record, whole_microseconds
from tradewatch.reference.catalogue import CANARY_ID, Catalogue
from tradewatch.tape import layout
from tradewatch.tape.batches import BatchMemory, Place, Verdict
from tradewatch.tape.log import BatchStamp, Log, Recovered, StampedBlock
from tradewatch.tape.names import PUBLISHER_PREFIX, SourceNames

#: Plain integers: comparing with an enumeration's member costs as much as all else in these loops.
_QUOTE, _REFUSED = Kind.QUOTE.value, Kind.REFUSED.value


class Appended(NamedTuple):
    """What happened to records that were given to the tape.

    Attributes:
        offset: the log offset of the first slot.
        slots: how many slots they took, definitions included.
        kept: whether the log has them; False means that they are streamed and then gone (counted).
    """

    offset: int
    slots: int
    kept: bool


class Tape:
    """All records of one shard, numbered per instrument; the newest of each instrument at hand.

    Args:
        log: where the records stand.
        recovered: what the log held when it was opened.
        catalogue: takes in the instruments that the log defines; to be filled from elsewhere afterwards, so
            that ids stay what they were.
        clock: gives the time of restated quotes.
    """

    def __init__(self, log: Log, recovered: Recovered, *, catalogue: Catalogue, clock: Clock) -> None:
        self._log = log
        self._catalogue = catalogue
        self._heads: dict[int, int] = {}
        self._newest: dict[int, Record] = {}
        self._last: dict[int, Record] = {}
        self._defined: set[int] = {CANARY_ID}
        self._undefined_sources: list[int] = []
        self.names = SourceNames()
        self.batches = BatchMemory()
        self.epoch = epoch_text(recovered.epoch_ms)
        self._recover(recovered, clock)

    @property
    def log(self) -> Log:
        """The log underneath, for those who read ranges of it."""
        return self._log

    @property
    def end_position(self) -> str:
        """The point that the next record will stand at: `<epoch>:<log offset>`."""
        return position_text(self.epoch, self._log.next_offset)

    def head(self, instrument: Instrument) -> int:
        """The seq of an instrument's newest record in this epoch; 0 where there is none."""
        return self._heads.get(instrument.id, 0)

    def newest(self, instrument: Instrument) -> Record | None:
        """The newest quote of an instrument, or None where it was never quoted."""
        return self._newest.get(instrument.id)

    def all_newest(self) -> list[Record]:
        """The newest quote of each instrument that was ever quoted."""
        return list(self._newest.values())

    def is_published(self, instrument: Instrument) -> bool:
        """Whether the newest quote of an instrument came from a publisher, be it before a restart."""
        newest = self._newest.get(instrument.id)
        return newest is not None and self.names.name(newest.source).startswith(PUBLISHER_PREFIX)

    def source(self, name: str) -> int:
        """The number under which records name their source; the tape remembers the name."""
        number = self.names.number(name)
        if number is None:
            number = self.names.add(name)
            self._undefined_sources.append(number)
        return number

    def append(self, records: Sequence[Record], stamp: BatchStamp | None = None) -> Appended:
        """Number the records, in order, and write them to the log as one block.

        Args:
            records: `seq` 0; they carry their seq afterwards. `REFUSED` ones keep 0.
            stamp: makes the block a published batch that `batches` will remember.
        """
        ids = [record.instrument.id for record in records]
        definitions = self._definitions(records, ids)
        heads = self._heads
        for instrument_id, record in zip(ids, records, strict=True):
            if record.kind != _REFUSED:
                record.seq = heads[instrument_id] = heads.get(instrument_id, 0) + 1
        slots = len(definitions) + len(records)
        offset = self._log.next_offset
        kept = self._log.append(b"".join([*definitions, layout.pack_records(records)]), stamp)
        # Only now: a snapshot that the log asked for meanwhile must not hold what it did not have yet.
        self._take_newest(records, ids)
        if stamp is not None:
            self.batches.remember(StampedBlock(offset, slots, stamp))
        return Appended(offset, slots, kept)

    def judge(self, stamp: BatchStamp) -> tuple[Verdict, Place | None]:
        """Whether a batch is new, a repetition, or wrong (see `BatchMemory.judge`)."""
        return self.batches.judge(stamp)

    def records_at(self, place: Place) -> list[Record] | None:
        """The records of a batch, read back from the log; None where it is no longer there, whole."""
        first, data = self._log.read(place.offset, place.slots)
        if first != place.offset or len(data) < place.slots * layout.SLOT_BYTES:
            return None
        kinds = layout.slots(data)["kind"]
        return [
            self._unpack(data, index)
            for index in range(place.slots)
            if kinds[index] < layout.DEFINE_INSTRUMENT
        ]

    def snapshot(self) -> bytes:
        """What a segment must begin with to stand alone: definitions, last batches, newest records."""
        slots = [layout.pack_source(number, name) for number, name in self.names.by_number().items()]
        slots += [
            layout.pack_last_batch(source, batch) for source, batch in self.batches.last_batches().items()
        ]
        for instrument_id, last in self._last.items():
            if instrument_id != CANARY_ID:
                slots.append(layout.pack_instrument(last.instrument))
            newest = self._newest.get(instrument_id)
            if newest is not None and newest is not last:
                slots.append(layout.pack_record(newest))
            slots.append(layout.pack_record(last))
        return b"".join(slots)

    def _definitions(self, records: Iterable[Record], ids: Iterable[int]) -> list[bytes]:
        """Slots for what the log has not heard of yet."""
        defined = self._defined
        slots: list[bytes] = []
        if self._undefined_sources:
            names = self.names.by_number()
            slots += [layout.pack_source(number, names[number]) for number in self._undefined_sources]
            self._undefined_sources.clear()
        if not defined.issuperset(ids):
            for record in records:
                if record.instrument.id not in defined:
                    defined.add(record.instrument.id)
                    slots.append(layout.pack_instrument(record.instrument))
        return slots

    def _take_newest(self, records: Sequence[Record], ids: Sequence[int]) -> None:
        """Each is the newest of its instrument now; `ids` are those of their instruments."""
        newest, last = self._newest, self._last
        if {record.kind for record in records} == {_QUOTE}:  # as nearly always, and then at once
            newest.update(zip(ids, records, strict=True))
            last.update(zip(ids, records, strict=True))
            return
        for instrument_id, record in zip(ids, records, strict=True):
            if record.kind == _QUOTE:
                newest[instrument_id] = last[instrument_id] = record
            elif record.kind != _REFUSED:
                last[instrument_id] = record

    def _recover(self, recovered: Recovered, clock: Clock) -> None:
        """Take in what the log held; in a new epoch the newest quotes are restated as its first records."""
        data = recovered.snapshot + recovered.tail
        if data:
            self._restore_definitions(data)
            newest = self._newest_of(data)
            self._take_newest(newest, [record.instrument.id for record in newest])
        for block in self._log.stamped():
            self.batches.remember(block)
        if not recovered.continues:
            self._newest.pop(CANARY_ID, None)
            self._newest = {key: _restated(quote, clock) for key, quote in self._newest.items()}
            self._last = dict(self._newest)
            self._defined = {CANARY_ID, *self._newest}
        self._heads = {instrument_id: last.seq for instrument_id, last in self._last.items()}
        self._log.begin(self.snapshot)
        # An epoch's first segment begins with what is to be restated, not numbered yet: whoever is killed
        # before the next line leaves it to the next start.
        unnumbered = [quote for quote in self._newest.values() if quote.seq == 0]
        if unnumbered:
            self.append(unnumbered)

    def _restore_definitions(self, data: bytes) -> None:
        kinds = layout.slots(data)["kind"]
        for index in np.flatnonzero(kinds >= layout.DEFINE_INSTRUMENT):
            slot = _slot(data, int(index))
            match slot[0]:
                case layout.DEFINE_INSTRUMENT:
                    instrument = layout.unpack_instrument(slot)
                    self._catalogue.add(
                        instrument.asset_class,
                        instrument.symbol,
                        decimals=instrument.decimals,
                        instrument_id=instrument.id,
                    )
                    self._defined.add(instrument.id)
                case layout.DEFINE_SOURCE:
                    self.names.restore(*layout.unpack_source(slot))
                case layout.LAST_BATCH:
                    source, batch = layout.unpack_last_batch(slot)
                    self.batches.remember_last(source, batch, forgotten=self._log.first_offset > 0)
                case kind:
                    raise TapeError(f"the tape holds a slot of kind {kind:#x}; a newer version wrote it")

    def _newest_of(self, data: bytes) -> list[Record]:
        """The newest quote and the newest record of each instrument, in the order they were written."""
        columns = layout.slots(data)
        wanted: set[int] = set()
        for chosen in (columns["kind"] < Kind.REFUSED, columns["kind"] == Kind.QUOTE):
            indexes = np.flatnonzero(chosen)[::-1]
            _, first = np.unique(columns["instrument"][indexes], return_index=True)
            wanted.update(indexes[first].tolist())
        return [self._unpack(data, index) for index in sorted(wanted)]

    def _unpack(self, data: bytes, index: int) -> Record:
        slot = _slot(data, index)
        return layout.unpack_record(slot, self._catalogue.by_id(layout.instrument_id(slot)))


def _slot(data: bytes, index: int) -> bytes:
    return data[index * layout.SLOT_BYTES : (index + 1) * layout.SLOT_BYTES]


def _restated(quote: Record, clock: Clock) -> Record:
    """The last known quote of an ended epoch, as the first of the new one; it is late, and says so."""
    return msgspec.structs.replace(
        quote, seq=0, flags=quote.flags | Flags.LATE, received_ns=whole_microseconds(clock.now_ns())
    )
