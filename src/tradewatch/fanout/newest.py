"""The newest quotes: of every instrument the last that was flushed, and how far it is."""

from collections.abc import Iterable, Iterator, Mapping

from tradewatch.model.record import Flags, Record

_ONE_SIDED = Flags.ONE_SIDED.value


class Newest:
    """What a snapshot shows and a drain sends.

    Attributes:
        heads: by instrument id the seq of the newest record; none for what was never quoted.
    """

    def __init__(self) -> None:
        self.heads: dict[int, int] = {}
        self._records: dict[int, Record] = {}
        self._whole: dict[int, Record] = {}

    def restore(self, records: Iterable[Record]) -> None:
        """Take in the newest quotes of before the start."""
        for record in records:
            self.heads[record.instrument.id] = record.seq
            self._records[record.instrument.id] = record

    def take(self, records: Iterable[Record]) -> None:
        """Take in the records of a flush, in their order."""
        heads, newest = self.heads, self._records
        for record in records:
            instrument_id = record.instrument.id
            heads[instrument_id] = record.seq
            if record.flags & _ONE_SIDED:
                self._keep_whole(newest.get(instrument_id))
            newest[instrument_id] = record

    def head(self, instrument_id: int) -> int:
        """The seq of the newest record; 0 where there is none."""
        return self.heads.get(instrument_id, 0)

    def heads_of(self, instrument_ids: Iterable[int]) -> dict[int, int]:
        """The head of each of these, by id."""
        head = self.heads.get
        return {instrument_id: head(instrument_id, 0) for instrument_id in instrument_ids}

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

    def moved(self, positions: Mapping[int, int]) -> Iterator[tuple[int, int]]:
        """Those of these positions, by instrument id, that the newest record is past."""
        heads = self.heads
        return ((i, position) for i, position in positions.items() if heads.get(i, 0) > position)

    def _keep_whole(self, record: Record | None) -> None:
        """Before a one-sided quote: the newest that dialects without such quotes can show."""
        if record is not None and not record.flags & _ONE_SIDED:
            self._whole[record.instrument.id] = record
