"""The port of the history: where every record of the tape ends up, exactly once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from tradewatch.history.registry import Stored
from tradewatch.history.request import Progress
from tradewatch.history.span import Key, Place, Span
from tradewatch.history.ticks import Ticks
from tradewatch.model.asset_class import AssetClass
from tradewatch.tape.follower import Stretch


class Recorded(NamedTuple):
    """What became of a stretch of the tape.

    Attributes:
        rows: rows that are kept now.
        holes: how many holes were found before some of them.
        missing: records that will never come: what the log no longer had, and what nobody can name.
        repeated: rows that were there already.
    """

    rows: int
    holes: int
    missing: int
    repeated: int


class NamedHole(NamedTuple):
    """Positions of an instrument that the history does not have, and why it cannot.

    Attributes:
        instrument: whose.
        epoch: the name of the epoch.
        first_seq: the first that is missing.
        last_seq: the last.
        found_ms: when it was noticed; Unix milliseconds.
    """

    instrument: Stored
    epoch: str
    first_seq: int
    last_seq: int
    found_ms: int


class Totals(NamedTuple):
    """How much there is.

    Attributes:
        instruments: that were ever recorded.
        hot_rows: rows that stand in no file yet.
        rows: rows in files.
        bytes: the size of the files.
        parts: how many files.
        holes: how many holes.
        missing: records that will never come.
        damaged: files that could not be read, and were put aside.
    """

    instruments: int
    hot_rows: int
    rows: int
    bytes: int
    parts: int
    holes: int
    missing: int
    damaged: int


class Reading(Protocol):
    """One consistent view (`Archive.reading`). Rows are quotes, in the order of (event time, epoch, seq)."""

    def windows(self, number: int, span: Span, *, backwards: bool = False) -> Iterator[Ticks]:
        """All rows of a span, window by window; backwards: the last window first."""
        ...

    def page(
        self, number: int, span: Span, *, limit: int, beside: Key | None, backwards: bool, inclusive: bool
    ) -> Ticks:
        """At most `limit` rows beside a key, or at an end of the span, in order."""
        ...

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
        ...


class Archive(Protocol):
    """Keeps records, and finds them again.

    The guarantee, which one suite tests on every adapter:

    * What `record` took is there after the process is killed at any moment, once; what it did not take is
      taken when the same stretch, or one that overlaps it, is given again.
    * `next_offset` is the log offset behind the last stretch that was taken.
    * Records that can never come are holes, named by their positions.
    """

    @property
    def next_offset(self) -> int | None:
        """The log offset to go on from; None where nothing was recorded yet."""
        ...

    @property
    def epoch_ms(self) -> int | None:
        """The epoch of what was recorded last; None where nothing was."""
        ...

    def record(self, stretch: Stretch, *, now_ms: int) -> Recorded:
        """Keep the records of a stretch.

        Raises:
            HistoryError: the disk does not take them; nothing of the stretch is kept then.
        """
        ...

    def instrument(self, asset_class: AssetClass, symbol: str) -> Stored | None:
        """The instrument of this class and symbol (upper case), where any of it was recorded."""
        ...

    def scales(self, stored: Stored) -> tuple[int, int]:
        """The most decimals that prices, and that sizes, of an instrument were seen with."""
        ...

    def instruments(self) -> list[Stored]:
        """All of them, in the order they came."""
        ...

    def epoch(self, number: int) -> int:
        """The Unix millisecond in which an epoch of the store began."""
        ...

    def epochs(self) -> list[int]:
        """The Unix milliseconds of all epochs, by number from 1 on."""
        ...

    def epoch_number(self, epoch_ms: int) -> int | None:
        """The store's number of an epoch; None where nothing was recorded in it."""
        ...

    def source(self, number: int) -> str:
        """The name of a source; empty for number 0."""
        ...

    def reading(self) -> AbstractContextManager[Reading]:
        """A view of what there is now."""
        ...

    def holes(self, limit: int) -> list[NamedHole]:
        """The holes found last, the newest first."""
        ...

    def totals(self) -> Totals:
        """How much there is."""
        ...

    def import_file(
        self, path: Path, *, asset_class: AssetClass | None, skip_bad_rows: bool, now_ms: int
    ) -> Iterator[Progress]:
        """Take in a file of quotes, whole or not at all; one that was taken in before changes nothing.

        Args:
            path: CSV, plain or gzip, or Parquet.
            asset_class: the class of all rows; None where the file says it.
            skip_bad_rows: whether rows that are no quotes are left out; else the file is refused for them.
            now_ms: Unix milliseconds; when all rows reached us.

        Raises:
            ImportFileError: it cannot be read, or has bad rows.
            HistoryError: the disk does not take it.
        """
        ...

    def tidy(self, *, now_ms: int) -> bool:
        """Do one piece of what makes reading fast and old rows go; whether there may be more to do.

        Raises:
            HistoryError: the disk does not take it; nothing is lost.
        """
        ...
