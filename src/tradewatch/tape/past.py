"""The past: what the tape was at an earlier time, read back from the log."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tradewatch.model.record import Kind, Record
from tradewatch.reference.catalogue import CANARY_ID, Catalogue
from tradewatch.tape import layout
from tradewatch.tape.log import Log

#: Slots that one look at the log takes in: to find a record, or to gather the newest quotes backwards.
_PEEK_SLOTS = 64
_STRIDE_SLOTS = 50_000
#: How far back the newest quotes of a point are looked for.
LOOK_BACK_SLOTS = 1_000_000


class Passage(NamedTuple):
    """Some quotes of the log.

    Attributes:
        quotes: in their order, the canary's left out.
        next_offset: where the log goes on behind them.
        ended: whether there was more, which is too new.
    """

    quotes: list[Record]
    next_offset: int
    ended: bool


class Past:
    """Reads quotes of the current epoch back from a log.

    Args:
        log: the log.
        catalogue: has the instruments of its records.
    """

    def __init__(self, log: Log, catalogue: Catalogue) -> None:
        self._log = log
        self._catalogue = catalogue

    def offset_at(self, received_ns: int) -> int:
        """The offset of the first record of this epoch that was received later, or the log's end."""
        low, high = self._log.first_offset, self._log.next_offset
        while low < high:
            middle = (low + high) // 2
            if self._is_later(middle, received_ns):
                high = middle
            else:
                low = middle + 1
        return low

    def quotes(self, from_offset: int, *, until_ns: int, limit: int) -> Passage:
        """The quotes from an offset on that were received up to a time; at most `limit` slots are read.

        What the log does not have any more is left out: the seq of the next quote of a symbol tells it.
        """
        first, data = self._log.read(from_offset, limit)
        columns = layout.slots(data)
        later = np.flatnonzero((columns["kind"] == Kind.QUOTE) & (columns["received_ns"] > until_ns))
        count = int(later[0]) if later.size else len(columns)
        wanted = (columns["kind"][:count] == Kind.QUOTE) & (columns["instrument"][:count] != CANARY_ID)
        quotes = self._unpacked(data, np.flatnonzero(wanted).tolist())
        return Passage(quotes, first + count, ended=bool(later.size))

    def newest_before(self, offset: int, instrument_ids: Iterable[int]) -> list[Record]:
        """The newest quote of each of these before an offset, as far as a bounded look back finds it."""
        missing = set(instrument_ids)
        found: list[Record] = []
        oldest = max(self._log.first_offset, offset - LOOK_BACK_SLOTS)
        end = offset
        while missing and end > oldest:
            start = max(oldest, end - _STRIDE_SLOTS)
            if not self._is_of_this_epoch(start):
                start = oldest = self._first_of_this_epoch(start, end)
            found += self._newest_within(start, end, missing)
            end = start
        return found

    def _newest_within(self, start: int, end: int, missing: set[int]) -> list[Record]:
        """The newest quotes between two offsets of what is missing, which no longer is."""
        newest: dict[int, Record] = {}
        while start < end:
            first, data = self._log.read(start, end - start)
            columns = layout.slots(data)[: max(0, end - first)]
            if not columns.size:
                break
            wanted = np.flatnonzero(columns["kind"] == Kind.QUOTE)[::-1]
            ids, places = np.unique(columns["instrument"][wanted], return_index=True)
            chosen = [
                int(wanted[place])
                for found, place in zip(ids.tolist(), places.tolist(), strict=True)
                if found in missing
            ]
            newest.update((record.instrument.id, record) for record in self._unpacked(data, chosen))
            start = first + len(columns)
        missing.difference_update(newest)
        return list(newest.values())

    def _is_later(self, offset: int, received_ns: int) -> bool:
        """Whether the first record from an offset on is of this epoch and was received later."""
        while True:
            first, data = self._log.read(offset, _PEEK_SLOTS)
            if not self._is_of_this_epoch(first):
                return False
            columns = layout.slots(data)
            times = columns["received_ns"][columns["kind"] < layout.DEFINE_INSTRUMENT]
            if times.size:
                return int(times[0]) > received_ns
            if not columns.size:
                return True
            offset = first + len(columns)  # a block may begin with any number of definitions

    def _is_of_this_epoch(self, offset: int) -> bool:
        return self._log.epoch_at(offset) == self._log.epoch_ms

    def _first_of_this_epoch(self, low: int, high: int) -> int:
        """The first offset of this epoch, between one that is not and one that is."""
        while low < high:
            middle = (low + high) // 2
            if self._is_of_this_epoch(middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _unpacked(self, data: bytes, indexes: Iterable[int]) -> list[Record]:
        records: list[Record] = []
        for index in indexes:
            slot = data[index * layout.SLOT_BYTES : (index + 1) * layout.SLOT_BYTES]
            records.append(layout.unpack_record(slot, self._catalogue.by_id(layout.instrument_id(slot))))
        return records
