"""The newest quotes: of every instrument the last that was flushed, and how far it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Flags, Record

_ONE_SIDED = Flags.ONE_SIDED.value


class Newest:
    """What a snapshot shows and a drain sends."""

    def __init__(self) -> None:
        self._records: dict[int, Record] = {}
        self._whole: dict[int, Record] = {}

    def take(self, records: Sequence[Record], ids: Sequence[int]) -> None:
        """Take in the records of a flush, or of before the start, in their order.

        Args:
            records: the records.
            ids: those of their instruments.
        """
        if any(flags & _ONE_SIDED for flags in {record.flags for record in records}):
            self._take_one_by_one(records)
        else:
            self._records.update(zip(ids, records, strict=True))

    def head(self, instrument_id: int) -> int:
        """The seq of the newest record; 0 where there is none."""
        record = self._records.get(instrument_id)
        return 0 if record is None else record.seq

    def heads_of(self, instrument_ids: Iterable[int]) -> dict[int, int]:
        """The head of each of these, by id."""
        head = self.head
        return {instrument_id: head(instrument_id) for instrument_id in instrument_ids}

    def record(self, instrument_id: int) -> Record:
        """The newest record of what was quoted."""
        return self._records[instrument_id]

    def of(self, instrument_ids: Iterable[int]) -> list[Record]:
        """The newest records of those among these that were quoted."""
        found = (self._records.get(instrument_id) for instrument_id in instrument_ids)
        return [record for record in found if record is not None]

    def whole(self, record: Record) -> Record:
        """The newest record of its instrument with both sides, before it; itself where there is none."""
        return self._whole.get(record.instrument.id, record)

    def quotes(self, instruments: Iterable[Instrument]) -> list[Record]:
        """The newest record with both sides of those among these that have one."""
        found: list[Record] = []
        for instrument in instruments:
            record = self._records.get(instrument.id)
            if record is not None and record.flags & _ONE_SIDED:
                record = self._whole.get(instrument.id)
            if record is not None:
                found.append(record)
        return found

    def moved(self, positions: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """Those of these positions, by instrument id, that the newest record is past."""
        head = self.head
        return ((i, position) for i, position in positions.items() if head(i) > position)

    def _take_one_by_one(self, records: Iterable[Record]) -> None:
        """Before a one-sided quote the newest whole one is kept, for dialects without one-sided quotes."""
        newest = self._records
        for record in records:
            instrument_id = record.instrument.id
            before = newest.get(instrument_id)
            if record.flags & _ONE_SIDED and before is not None and not before.flags & _ONE_SIDED:
                self._whole[instrument_id] = before
            newest[instrument_id] = record
