"""Parts: sorted Parquet files, `<data-dir>/history/<class>/<day>/<part>.parquet`, and what is in them.

The rows of a part are sorted by instrument, event time, epoch and seq, so that one instrument's range lies
together. A part holds one day (UTC, of events) of one class; rows of days that are hardly there share a part
without a day. A file is whole or does not exist, and counts only once the database says so.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from tradewatch.history.duckdb.database import run, value
from tradewatch.history.registry import Registry
from tradewatch.history.ticks import ABSENT, DTYPES
from tradewatch.model.asset_class import CLASS_BY_NUMBER, CLASS_NUMBERS, AssetClass
from tradewatch.tape.writer import sync_directory

_DAY_MS = 86_400_000
_UNFINISHED = ".unfinished"
_NULLABLE = ("bid", "ask", "bid_size", "ask_size")
#: The day of parts that have none, and the folder they stand in.
NO_DAY = -1
_DAYS = "days"

_WRITTEN = ", ".join(
    f"nullif({name}, '{ABSENT}'::bigint) as {name}" if name in _NULLABLE else name for name in DTYPES
)


def read_columns(names: Iterable[str]) -> str:
    """Columns of a part as the rest of the store reads them."""
    return ", ".join(
        f"coalesce({name}, '{ABSENT}'::bigint) as {name}" if name in _NULLABLE else name for name in names
    )


#: A table of some files, whose paths are the parameter; folders above may be called `source=this`.
FILES = "read_parquet(?, hive_partitioning = false)"
#: Snappy, not zstd: a symbol's day is read in half the time, from files that are a sixteenth larger.
_COPY = "format parquet, parquet_version v2, compression snappy, row_group_size 122880"
_ORDER = "order by instrument, event_ms, event_sub_ns, epoch, seq"


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
        group: what it holds.
        level: how often its rows were merged.
        file: its path, below the history's directory.
        bytes: its size.
        rows: how many rows it has.
        last_received_us: when the newest of them reached us; Unix microseconds.
    """

    part: int
    group: Group
    level: int
    file: str
    bytes: int
    rows: int
    last_received_us: int


def write_part(
    cursor: "duckdb.DuckDBPyConnection",
    directory: Path,
    registry: Registry,
    *,
    number: int,
    group: Group,
    level: int,
    select: str,
    parameters: Sequence[object] = (),
    replaced: Sequence[int] = (),
) -> Part:
    """Write the rows of a query, which has `instrument` and all columns, as a part; see `finish_parts`.

    Args:
        cursor: reads them.
        directory: `<data-dir>/history`.
        registry: the names behind the numbers.
        number: the part's.
        group: what it holds.
        level: how often the rows were merged.
        select: the query.
        parameters: the query's.
        replaced: the parts whose rows these are; an adoption leaves them out.

    Raises:
        OSError: the disk does not take it.
        duckdb.Error: likewise, or the rows cannot be read.
    """
    path = directory / _file(group, number)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(_UNFINISHED)
    run(
        cursor,
        f"copy (select instrument, {_WRITTEN} from ({select}) {_ORDER}) to {_literal(str(unfinished))}"
        f" ({_COPY}, kv_metadata {{{_metadata(registry, group, replaced)}}})",
        *parameters,
    )
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    return found_part(cursor, unfinished, number=number, group=group, level=level)


def finish_parts(directory: Path, parts: Sequence[Part]) -> None:
    """Put parts that were written in their places; they do not count yet.

    Those that belong together come together, so that an adoption finds all of them or none.
    """
    for part in parts:
        path = directory / part.file
        path.with_suffix(_UNFINISHED).rename(path)
    for folder in {(directory / part.file).parent for part in parts}:
        sync_directory(folder)


def found_part(
    cursor: "duckdb.DuckDBPyConnection", path: Path, *, number: int, group: Group, level: int
) -> Part:
    """The part of this number, as it stands in a file."""
    rows, last_received_us = run(
        cursor, f"select count(*), max(event_ms * 1000 + lag_us) from {FILES}", str(path)
    )[0]
    return Part(number, group, level, _file(group, number), path.stat().st_size, rows, last_received_us)


def enter_part(cursor: "duckdb.DuckDBPyConnection", directory: Path, part: Part) -> None:
    """Let a part count; within a transaction of the caller's."""
    run(
        cursor,
        "insert into parts values (?, ?, ?, ?, ?, ?, ?, ?)",
        part.part,
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


def groups_of(cursor: "duckdb.DuckDBPyConnection", source: str) -> list[Group]:
    """What days and classes a table has; those with the most rows first."""
    found = run(
        cursor,
        f"select class, event_ms // {_DAY_MS} as day from {source}"
        " join instruments on number = instrument group by 1, 2 order by count(*) desc, 1, 2",
    )
    return [Group(class_number, day) for class_number, day in found]


def select_group(source: str, group: Group, besides: Sequence[int] = ()) -> tuple[str, list[object]]:
    """The query for the rows of a group in a table, and its parameters.

    Args:
        source: the table.
        group: what is wanted; without a day: all days but those of `besides`.
        besides: days since 1970.
    """
    members = "instrument in (select number from instruments where class = ?)"
    if group.day == NO_DAY:
        where = f"{members} and not list_contains(?, event_ms // {_DAY_MS})"
        return f"select * from {source} where {where}", [group.class_number, list(besides)]
    where = f"{members} and event_ms >= ? and event_ms < ?"
    start_ms = group.day * _DAY_MS
    return f"select * from {source} where {where}", [group.class_number, start_ms, start_ms + _DAY_MS]


class PartNumbers:
    """Gives numbers that no part has or had; whatever thread asks.

    Args:
        cursor: a connection to the database.
    """

    def __init__(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        highest = value(cursor, "select max(part) from parts") or 0
        garbage = [int(Path(file).stem) for (file,) in run(cursor, "select file from garbage")]
        self._numbers = itertools.count(max([highest, *garbage]) + 1)

    def next(self) -> int:
        """The next one."""
        return next(self._numbers)


def write_groups(
    cursor: "duckdb.DuckDBPyConnection",
    directory: Path,
    registry: Registry,
    numbers: PartNumbers,
    *,
    source: str,
    max_groups: int,
) -> Iterator[Part]:
    """Write all rows of a table as parts, one for each class and day; they do not count yet.

    Beyond `max_groups` the days with the fewest rows of a class share a part.
    """
    groups = groups_of(cursor, source)
    alone = groups[:max_groups]
    others = {group.class_number for group in groups[max_groups:]}
    for group in [*alone, *(Group(class_number, NO_DAY) for class_number in sorted(others))]:
        besides = [each.day for each in alone if each.class_number == group.class_number]
        select, parameters = select_group(source, group, besides)
        yield write_part(
            cursor,
            directory,
            registry,
            number=numbers.next(),
            group=group,
            level=0,
            select=select,
            parameters=parameters,
        )


def _file(group: Group, number: int) -> str:
    return f"{group.folder}/{number:010d}.parquet"


def _metadata(registry: Registry, group: Group, replaced: Sequence[int]) -> str:
    """What a file needs to be read without the database: the names behind its numbers."""
    members = {
        str(stored.number): stored.symbol
        for stored in registry.instruments
        if CLASS_NUMBERS[stored.asset_class] == group.class_number
    }
    values = {
        "tradewatch_format": "1",
        "tradewatch_class": CLASS_BY_NUMBER[group.class_number].value,
        "tradewatch_symbols": msgspec.json.encode(members).decode(),
        "tradewatch_epochs_ms": msgspec.json.encode(registry.epochs).decode(),
        "tradewatch_replaced": msgspec.json.encode(list(replaced)).decode(),
        "tradewatch_sources": msgspec.json.encode(registry.sources).decode(),
    }
    return ", ".join(f"{name}: {_literal(text)}" for name, text in values.items())


def _literal(text: str) -> str:
    """A text as SQL has it; `copy` takes no parameters in these places."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
