"""The index: which files have rows of an instrument, and of what time."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import duckdb

from tradewatch.history.duckdb.database import run
from tradewatch.history.duckdb.parts import NO_DAY
from tradewatch.history.span import Span

#: About so many rows of one instrument are in memory at a time.
_WINDOW_ROWS = 500_000


class Entry(NamedTuple):
    """What one file has of an instrument.

    Attributes:
        path: the file's.
        day: its day; `NO_DAY` where it has several.
        rows: how many.
        first_ms: when the first of them happened; Unix milliseconds.
        last_ms: when the last did.
    """

    path: str
    day: int
    rows: int
    first_ms: int
    last_ms: int


class Piece(NamedTuple):
    """A stretch of time, and what has rows of the instrument in it.

    Attributes:
        start_ms: where it begins; Unix milliseconds.
        end_ms: where it ends, exclusive.
        files: those of one day.
        rows: how many rows they have there, if these lie evenly.
    """

    start_ms: int
    end_ms: int
    files: list[str]
    rows: int

    def nearest(self, rows: int, *, backwards: bool) -> list["Piece"]:
        """Where about so many rows are, at the end from which it is read, and the rest."""
        length_ms = self.end_ms - self.start_ms
        near_ms = length_ms * rows // max(self.rows, 1) + 1
        if near_ms >= length_ms:
            return [self]
        if backwards:
            cut_ms = self.end_ms - near_ms
            return [self._replace(start_ms=cut_ms, rows=rows), self._replace(end_ms=cut_ms)]
        cut_ms = self.start_ms + near_ms
        return [self._replace(end_ms=cut_ms, rows=rows), self._replace(start_ms=cut_ms)]


class Entries(NamedTuple):
    """The entries of one instrument.

    Attributes:
        number: the instrument's.
        span: all that have rows in it are there.
        entries: in the order of their days.
    """

    number: int
    span: Span
    entries: list[Entry]

    def stretches(self, span: Span) -> list[Span]:
        """A span in so many pieces that few rows of each stand in files of several days."""
        aside = [entry for entry in self._within(span) if entry.day == NO_DAY]
        if not aside:
            return [span]
        first_ms = min(entry.first_ms for entry in aside)
        last_ms = max(entry.last_ms for entry in aside)
        rows = sum(entry.rows for entry in aside)
        inner = _cuts(max(first_ms, span.start_ms), min(last_ms + 1, span.end_ms), rows)[1:-1]
        bounds = [span.start_ms, *inner, span.end_ms]
        return [span._replace(start_ms=start_ms, end_ms=end_ms) for start_ms, end_ms in pairwise(bounds)]

    def files_aside(self, span: Span) -> list[str]:
        """The files of several days."""
        return list(dict.fromkeys(entry.path for entry in self._within(span) if entry.day == NO_DAY))

    def pieces(self, span: Span) -> list[Piece]:
        """The days with rows, those with many in several pieces."""
        days: dict[int, list[Entry]] = {}
        for entry in self._within(span):
            if entry.day != NO_DAY:
                days.setdefault(entry.day, []).append(entry)
        pieces: list[Piece] = []
        for entries in days.values():
            first_ms = min(entry.first_ms for entry in entries)
            last_ms = max(entry.last_ms for entry in entries)
            start_ms, end_ms = max(first_ms, span.start_ms), min(last_ms + 1, span.end_ms)
            files = list(dict.fromkeys(entry.path for entry in entries))
            rows = sum(entry.rows for entry in entries)
            pieces += [
                Piece(begin, end, files, rows * (end - begin) // (last_ms + 1 - first_ms))
                for begin, end in pairwise(_cuts(start_ms, end_ms, rows))
            ]
        return pieces

    def _within(self, span: Span) -> list[Entry]:
        """Those that have rows in a span; none where it ends before it begins."""
        if span.start_ms >= span.end_ms:
            return []
        return [
            entry for entry in self.entries if entry.last_ms >= span.start_ms and entry.first_ms < span.end_ms
        ]


class Index:
    """Looks entries up, once for one instrument and span.

    Args:
        cursor: a connection in a transaction.
        directory: `<data-dir>/history`.
    """

    def __init__(self, cursor: "duckdb.DuckDBPyConnection", directory: Path) -> None:
        self._cursor = cursor
        self._directory = directory
        self._found: Entries | None = None

    def of(self, number: int, span: Span) -> Entries:
        """The entries of an instrument that have rows in a span, or more of them."""
        found = self._found
        if (
            found is None
            or found.number != number
            or span.start_ms < found.span.start_ms
            or span.end_ms > found.span.end_ms
        ):
            rows = run(
                self._cursor,
                "select day, part, file, rows, first_ms, last_ms from contents"
                " where instrument = ? and last_ms >= ? and first_ms < ?",
                *(number, span.start_ms, span.end_ms),
            )
            # Sorted here: DuckDB takes longer to plan it than Python to do it.
            entries = [Entry(str(self._directory / file), day, *rest) for day, _, file, *rest in sorted(rows)]
            found = self._found = Entries(number, span, entries)
        return found


def _cuts(start_ms: int, end_ms: int, rows: int) -> list[int]:
    """The bounds of pieces of a stretch of time, each with no more rows than a window may have."""
    count = max(1, min(rows // _WINDOW_ROWS + 1, end_ms - start_ms))
    return [start_ms + (end_ms - start_ms) * cut // count for cut in range(count + 1)]
