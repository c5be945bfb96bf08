"""`Archive` in memory: gone with the process; for tests, and for whoever wants no disk."""

import contextlib
import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tradewatch.errors import HistoryError
from tradewatch.history.archive import NamedHole, Recorded, Totals
from tradewatch.history.intake import Hole, take
from tradewatch.history.mids import present
from tradewatch.history.names import Names
from tradewatch.history.registry import Registry
from tradewatch.history.request import Progress
from tradewatch.history.span import Key, Place, Span
from tradewatch.history.ticks import NO_TICKS, Ticks, joined
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.position import epoch_text
from tradewatch.model.record import Channel, Kind
from tradewatch.tape.follower import Stretch
from tradewatch.tape.layout import SLOT_BYTES

#: Rows that are kept unless somebody says otherwise: about a gigabyte.
LIMIT_ROWS = 10_000_000
#: Holes that are remembered one by one; of more only the number.
_MAX_HOLES = 100_000


class MemoryHistory(Names):
    """See `history.archive.Archive`; `record` raises `HistoryError` once it is full.

    Args:
        limit_rows: how many rows there may be.
    """

    def __init__(self, *, limit_rows: int = LIMIT_ROWS) -> None:
        self._limit_rows = limit_rows
        self._changing = threading.Lock()
        self._registry = Registry()
        self._rows: dict[int, Ticks] = {}
        self._offset: int | None = None
        self._epoch_ms: int | None = None
        self._holes: deque[tuple[Hole, int]] = deque(maxlen=_MAX_HOLES)
        self._found_holes = self._missing = 0

    @property
    def next_offset(self) -> int | None:
        """The log offset to go on from; None where nothing was recorded yet."""
        return self._offset

    @property
    def epoch_ms(self) -> int | None:
        """The epoch of what was recorded last; None where nothing was."""
        return self._epoch_ms

    def record(self, stretch: Stretch, *, now_ms: int) -> Recorded:
        """Keep the records of a stretch."""
        with self._changing:
            if self._count() + len(stretch.slots) // SLOT_BYTES > self._limit_rows:
                raise HistoryError(f"the history in memory is full: it holds {self._limit_rows:,} rows")
            self._begin(self._registry.epoch(stretch.epoch_ms))
            taken = take(self._registry, stretch.epoch_ms, stretch.definitions, stretch.slots)
            for number in np.unique(taken.instrument).tolist():
                rows = taken.ticks.taken(taken.instrument == number)
                self._rows[number] = joined([self._rows.get(number, NO_TICKS), rows]).ordered()
            missing = stretch.missing + taken.nameless
            self._missing += missing
            self._found_holes += len(taken.holes)
            self._holes += [(hole, now_ms) for hole in taken.holes]
            self._offset, self._epoch_ms = stretch.next_offset, stretch.epoch_ms
        return Recorded(len(taken.ticks), len(taken.holes), missing, taken.repeated)

    @contextlib.contextmanager
    def reading(self) -> Iterator["MemoryReading"]:
        """A view of what there is now."""
        with self._changing:
            rows = dict(self._rows)
        yield MemoryReading(rows)

    def holes(self, limit: int) -> list[NamedHole]:
        """The holes found last, the newest first."""
        with self._changing:
            found = list(self._holes)[::-1][:limit]
        return [
            NamedHole(
                self._registry.instruments[hole.instrument - 1],
                epoch_text(self.epoch(hole.epoch)),
                hole.first_seq,
                hole.last_seq,
                found_ms,
            )
            for hole, found_ms in found
        ]

    def totals(self) -> Totals:
        """How much there is."""
        with self._changing:
            return Totals(
                instruments=len(self._registry.instruments),
                hot_rows=self._count(),
                rows=0,
                bytes=0,
                parts=0,
                holes=self._found_holes,
                missing=self._missing,
                damaged=0,
            )

    def import_file(
        self, path: Path, *, asset_class: AssetClass | None, skip_bad_rows: bool, now_ms: int
    ) -> Iterator[Progress]:
        """Not here.

        Raises:
            HistoryError: always.
        """
        raise HistoryError(f"{path}: files are imported into a history on a disk only")

    def tidy(self, *, now_ms: int) -> bool:
        """Nothing is ever untidy."""
        del now_ms
        return False

    def _count(self) -> int:
        return sum(map(len, self._rows.values()))

    def _begin(self, epoch: int) -> None:
        """Let the registry's heads be those of an epoch."""
        registry = self._registry
        if epoch != registry.heads_epoch:
            registry.heads_epoch = epoch
            registry.heads[:] = 0
            for number, rows in self._rows.items():
                registry.heads[number] = rows.seq[rows.epoch == epoch].max(initial=0)


class MemoryReading:
    """See `history.archive.Reading`.

    Args:
        rows: of each instrument, in the order of time.
    """

    def __init__(self, rows: dict[int, Ticks]) -> None:
        self._rows = rows

    def windows(self, number: int, span: Span, *, backwards: bool = False) -> Iterator[Ticks]:
        """All rows of a span, as one window."""
        del backwards
        rows = self._within(number, span)
        if len(rows):
            yield rows

    def page(
        self, number: int, span: Span, *, limit: int, beside: Key | None, backwards: bool, inclusive: bool
    ) -> Ticks:
        """At most `limit` rows beside a key, or at an end of the span, in order."""
        rows = self._within(number, span)
        end = len(rows) if backwards else 0
        if beside is not None:
            keys = _keys(rows, Key._fields)
            end = (bisect_right if inclusive == backwards else bisect_left)(keys, tuple(beside))
        return rows.taken(slice(max(0, end - limit), end) if backwards else slice(end, end + limit))

    def positions(
        self,
        number: int,
        span: Span,
        *,
        limit: int,
        first: Place | None,
        last: Place | None,
        backwards: bool = False,
    ) -> Ticks:
        """At most `limit` rows between two positions, in the order of positions."""
        rows = self._within(number, span)
        rows = rows.taken(np.lexsort((rows.seq, rows.epoch)))
        keys = _keys(rows, Place._fields)
        begin = 0 if first is None else bisect_left(keys, tuple(first))
        end = len(rows) if last is None else max(begin, bisect_right(keys, tuple(last)))
        return rows.taken(
            slice(max(begin, end - limit), end) if backwards else slice(begin, min(end, begin + limit))
        )

    def _within(self, number: int, span: Span) -> Ticks:
        """The quotes of a span."""
        rows = self._rows.get(number, NO_TICKS)
        wanted = (rows.kind == Kind.QUOTE) & (rows.channel == Channel.QUOTES)
        wanted &= (rows.event_ms >= span.start_ms) & (rows.event_ms < span.end_ms)
        if span.received_before_us is not None:
            wanted &= rows.received_ns < span.received_before_us * 1_000
        if span.whole:
            wanted &= present(rows.bid, rows.ask)
        return rows.taken(wanted)


def _keys(rows: Ticks, names: Sequence[str]) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(rows, name).tolist() for name in names), strict=True))
