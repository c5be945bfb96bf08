"""What every source of quotes is to the runner."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

import msgspec

from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record


class SourceState(msgspec.Struct, gc=False):
    """How a source is, in plain counts; the source writes, the runner and the metrics read.

    Attributes:
        quotes: records handed over since the start.
        bad_rows: rows that could not be taken.
        last_bad: the newest of them, with its place: `day.csv.gz line 17: ...`; empty where there was none.
        behind_s: how far the source is behind its own schedule, in seconds.
        refused: records of instruments that another feed holds; they went nowhere.
        finished: it has nothing more to give, ever.
    """

    quotes: int = 0
    bad_rows: int = 0
    last_bad: str = ""
    behind_s: float = 0.0
    refused: int = 0
    finished: bool = False


class Source(Protocol):
    """Yields records in batches, at its own pace, until it has no more.

    A batch is handed over whole and the source goes on after the loop has turned, so a batch is at most
    `MAX_BATCH` records and making one takes a few milliseconds. What cannot be read is counted in `state`,
    logged with its place, and skipped; an exception from `batches` means that the connection to the source is
    lost, and the runner will call `batches` again later.
    """

    @property
    def name(self) -> str:
        """The specification it was made from, fit for logs (no secrets in it)."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether its prices are invented; it then gives way to any real source of the same instrument."""
        ...

    @property
    def state(self) -> SourceState:
        """How it is."""
        ...

    def instruments(self) -> Collection[Instrument]:
        """What it will quote, as far as it knows before it starts; two sources may not claim the same."""
        ...

    def batches(self) -> AsyncIterator[Sequence[Record]]:
        """The records, `seq` 0, `source` 0; the runner fills `source` in."""
        ...


#: The most records in one hand-over: a few milliseconds of the loop's time.
MAX_BATCH = 1_000
