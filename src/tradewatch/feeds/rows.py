"""Rows of recorded quotes as texts, in one order of columns, with their place; the reader of CSV files."""

import csv
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from tradewatch.errors import TradewatchError
from tradewatch.feeds.lines import Complaint, read_lines

#: What a row of quotes says, in the order in which `Row` holds it.
COLUMNS = ("ts_ms", "symbol", "bid", "ask", "bid_size", "ask_size", "asset_class")
REQUIRED_COLUMNS = COLUMNS[:4]

#: One text per column of `COLUMNS`; empty or None where the row or the file has none.
Row = Sequence[str | None]
#: The number of the first row, and the rows; None in the place of one that is empty or was complained about.
Block = tuple[int, Sequence[Row | None]]


class UnusableFileError(TradewatchError):
    """A file that holds no rows of quotes at all."""


class Rows(NamedTuple):
    """The rows of one file, opened.

    Attributes:
        columns: those of `COLUMNS` that the file has.
        blocks: the rows; closing this closes the file.
    """

    columns: frozenset[str]
    blocks: Generator[Block, None, None]


def known_columns(names: Sequence[str]) -> dict[str, int]:
    """Where each known column stands among the names of a file's columns, in any case.

    Raises:
        UnusableFileError: a column is missing, or stands there twice.
    """
    places: dict[str, int] = {}
    for place, written in enumerate(names):
        name = written.strip().lower()
        if name not in COLUMNS:
            continue
        if name in places:
            raise UnusableFileError(f"the column {name} stands there twice")
        places[name] = place
    missing = [name for name in REQUIRED_COLUMNS if name not in places]
    if missing:
        found = ",".join(names)[:100]
        raise UnusableFileError(f"no column {', '.join(missing)} in its header {found!r}")
    return places


def csv_rows(path: Path, complain: Complaint) -> Rows:
    """Open a CSV file, plain or gzip, whose first line names the columns; others than the known are skipped.

    A line is a row, whatever quotes stand in it: a quote that is never closed spoils its own line alone.

    Raises:
        UnusableFileError: the header lacks a column.
        OSError: it cannot be opened.
    """
    lines = read_lines(path, complain)
    number, first = next(lines, (1, [""]))
    try:
        names = _fields(first[0].removeprefix("\ufeff"))
    except csv.Error as error:
        raise UnusableFileError(f"its header is no CSV: {error}") from None
    places = known_columns(names)
    # The place behind the last field is an empty text that every row is given, for the columns it lacks.
    pick = itemgetter(*(places.get(name, len(names)) for name in COLUMNS))
    following = chain([(number + 1, first[1:])], lines)

    def blocks() -> Generator[Block, None, None]:
        with closing(lines):
            for start, block in following:
                rows: list[Row | None] = []
                for line in block:
                    row = None
                    if line:
                        try:
                            fields = _fields(line)
                        except csv.Error as error:
                            complain(start + len(rows), f"no CSV: {error}")
                        else:
                            if len(fields) == len(names):
                                fields.append("")
                                row = pick(fields)
                            else:
                                complain(start + len(rows), f"{len(fields)} fields instead of {len(names)}")
                    rows.append(row)
                yield start, rows

    return Rows(frozenset(places), blocks())


def _fields(line: str) -> list[str]:
    """The fields of one line; the csv module is only asked where a quote makes a difference."""
    if '"' not in line:
        return line.split(",")
    return next(csv.reader((line,), strict=True))
