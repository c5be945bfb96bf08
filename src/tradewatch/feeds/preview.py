"""What a replay would bring, told by the beginning of its files."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path

import msgspec

from tradewatch.clock import Clock
from tradewatch.feeds.bad_rows import BadRows
from tradewatch.feeds.paths import find_files
from tradewatch.feeds.recording import SURVEYED_ROWS, Recording
from tradewatch.feeds.replay import ReplaySource
from tradewatch.feeds.source import SourceState
from tradewatch.feeds.spec import ReplaySpec
from tradewatch.model.instrument import Instrument
from tradewatch.model.record import Record
from tradewatch.reference.catalogue import Catalogue

_NS_PER_S = 1_000_000_000


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a replay.

    Attributes:
        files: the names of its files.
        instruments: what the first rows of all files quote.
        first: the first quotes of the first file.
        read: how many quotes of that file were looked at.
        bad_rows: how many rows among them are none; where all are, how many files.
        last_bad: one of these; empty where there are none.
        rate: quotes per second of the replay, judged by those looked at; None where they take no time.
    """

    files: list[str]
    instruments: list[Instrument]
    first: list[Record]
    read: int
    bad_rows: int
    last_bad: str
    rate: Fraction | None


def preview(spec: ReplaySpec, catalogue: Catalogue, clock: Clock, *, rows: int) -> Preview:
    """Look into the files of a replay; nothing is replayed.

    Args:
        spec: which files.
        catalogue: where instruments that it does not know are added.
        clock: what the replay would run by.
        rows: how many quotes to show.

    Raises:
        FeedSpecError: a file is missing or cannot be opened, or nothing says which class it is of.
    """
    source = ReplaySource(spec, catalogue, clock)
    files = find_files(spec)
    state = SourceState()
    records = _beginning(files[0], spec, catalogue, BadRows(spec.text, state)) if files else []
    span_ns = records[-1].event_ns - records[0].event_ns if records else 0
    rate = None
    if span_ns > 0 and spec.speed is not None:
        rate = Fraction((len(records) - 1) * _NS_PER_S, span_ns) * spec.speed
    return Preview(
        files=[path.name for path in files],
        instruments=list(source.instruments()),
        first=records[:rows],
        read=len(records),
        bad_rows=state.bad_rows or source.state.bad_rows,
        last_bad=state.last_bad or source.state.last_bad,
        rate=rate,
    )


def _beginning(path: Path, spec: ReplaySpec, catalogue: Catalogue, bad_rows: BadRows) -> list[Record]:
    """The quotes in the first rows of a file."""
    found: list[Record] = []
    recording = Recording(path, asset_class=spec.asset_class, bad_rows=bad_rows)
    with closing(recording.records(catalogue)) as blocks:
        for records in blocks:
            found += records
            if len(found) >= SURVEYED_ROWS:
                break
    return found
