"""Parts: sorted Parquet files, `<data-dir>/history/<class>/<day>/<part>.parquet`, and what is in them.

The rows of a part are sorted by instrument, event time, epoch and seq, so that one instrument's range lies
together. A part holds one day (UTC, of events) of one class, or the rows of some of its instruments; rows of
days that are hardly there share a part without a day. A file is whole or does not exist, and counts only once
the database says so.
"""

import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from tradewatch.history.duckdb.database import run
from tradewatch.history.ticks import ABSENT
from tradewatch.model.asset_class import CLASS_BY_NUMBER, CLASS_NUMBERS, AssetClass

#: Columns that say nothing of a row where they are null; `ABSENT` in memory.
NULLABLE = ("bid", "ask", "bid_size", "ask_size")
PART_SUFFIX = ".parquet"
UNFINISHED_SUFFIX = ".unfinished"
_DAMAGED_SUFFIX = ".damaged"
#: The day of parts that have none, and the folder they stand in.
NO_DAY = -1
_DAYS = "days"


def read_columns(names: Iterable[str]) -> str:
    """Columns of a part as the rest of the store reads them."""
    return ", ".join(
        f"coalesce({name}, '{ABSENT}'::bigint) as {name}" if name in NULLABLE else name for name in names
    )


#: A table of some files, whose paths are the parameter; folders above may be called `source=this`.
FILES = "read_parquet(?, hive_partitioning = false)"


class Group(NamedTuple):
    """Rows that go into one part.

    Attributes:
        class_number: of their class.
        day: days since 1970; `NO_DAY` for rows of several.
    """

    class_number: int
    day: int

    @property
    def folder(self) -> str:
        """Where its parts stand."""
        name = CLASS_BY_NUMBER[self.class_number].value
        if self.day == NO_DAY:
            return f"{name}/{_DAYS}"
        return f"{name}/{datetime.fromtimestamp(self.day * 86_400, UTC):%Y-%m-%d}"

    @classmethod
    def of(cls, folder: str) -> "Group":
        """The group whose parts stand in a folder."""
        name, _, day = folder.partition("/")
        class_number = CLASS_NUMBERS[AssetClass(name)]
        if day == _DAYS:
            return cls(class_number, NO_DAY)
        return cls(class_number, date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal())


class Part(NamedTuple):
    """A file that counts.

    Attributes:
        part: its number.
        run: the number of the first of the parts that it was written with.
        group: what it holds.
        level: how often its rows were merged.
        file: its path, below the history's directory.
        bytes: its size.
        rows: how many rows it has.
        last_received_us: when the newest of them reached us; Unix microseconds.
    """

    part: int
    run: int
    group: Group
    level: int
    file: str
    bytes: int
    rows: int
    last_received_us: int


def part_file(group: Group, number: int) -> str:
    """Where a part stands, below the history's directory."""
    return f"{group.folder}/{number:010d}{PART_SUFFIX}"


def part_number(path: Path) -> int | None:
    """The number of the part that a file is, or was before it was put aside; None where it is neither."""
    is_part = path.suffix in (PART_SUFFIX, _DAMAGED_SUFFIX) and path.stem.isdecimal()
    return int(path.stem) if is_part else None


def put_aside(path: Path) -> None:
    """Keep a part that cannot be read, for whoever wants to look at it."""
    path.rename(path.with_suffix(_DAMAGED_SUFFIX))


def found_part(
    cursor: "duckdb.DuckDBPyConnection", path: Path, *, number: int, first: int, group: Group, level: int
) -> Part:
    """The part of this number, as it stands in a file; `first` is the number of its run's first."""
    rows, last_received_us = run(
        cursor, f"select count(*), max(event_ms * 1000 + lag_us) from {FILES}", str(path)
    )[0]
    file = part_file(group, number)
    return Part(number, first, group, level, file, path.stat().st_size, rows, last_received_us)


def enter_part(cursor: "duckdb.DuckDBPyConnection", directory: Path, part: Part) -> None:
    """Let a part count; within a transaction of the caller's."""
    run(
        cursor,
        "insert into parts values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        part.part,
        part.run,
        part.group.class_number,
        part.group.day,
        part.level,
        part.file,
        part.bytes,
        part.rows,
        part.last_received_us,
    )
    run(
        cursor,
        "insert into contents select ?, ?, ?, instrument, epoch, count(*), min(event_ms), max(event_ms),"
        f" min(seq), max(seq) from {FILES} group by instrument, epoch order by instrument, epoch",
        *(part.part, part.file, part.group.day),
        str(directory / part.file),
    )


def forget_part(cursor: "duckdb.DuckDBPyConnection", part: int) -> None:
    """Let a part count no more; within a transaction of the caller's."""
    run(cursor, "delete from contents where part = ?", part)
    run(cursor, "delete from parts where part = ?", part)


def leave_part(cursor: "duckdb.DuckDBPyConnection", part: int, file: str) -> None:
    """Let a part count no more; its file goes once nobody can be reading it."""
    forget_part(cursor, part)
    run(cursor, "insert into garbage values (?)", file)


class PartNumbers:
    """Gives numbers that no part has, nor any file; whatever thread asks.

    Args:
        cursor: a connection to the database.
        directory: `<data-dir>/history`.
    """

    def __init__(self, cursor: "duckdb.DuckDBPyConnection", directory: Path) -> None:
        files = [directory / file for (file,) in run(cursor, "select file from parts union from garbage")]
        taken = (part_number(path) for path in [*files, *directory.glob("*/*/*")])
        self._numbers = itertools.count(max((number for number in taken if number), default=0) + 1)

    def next(self) -> int:
        """The next one."""
        return next(self._numbers)
