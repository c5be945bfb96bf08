"""Runs: rows of one class and day on their way into parts, in order; many rows in slices by instrument.

The fewer row groups a part has, the sooner one instrument's rows are found in it: DuckDB looks at the
statistics of each.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import duckdb
import msgspec

from tradewatch.history.duckdb.database import run
from tradewatch.history.duckdb.parts import (
    NO_DAY,
    NULLABLE,
    PART_SUFFIX,
    UNFINISHED_SUFFIX,
    Group,
    Part,
    PartNumbers,
    enter_part,
    found_part,
    part_file,
)
from tradewatch.history.duckdb.transaction import transaction
from tradewatch.history.registry import Registry
from tradewatch.history.ticks import ABSENT, DTYPES
from tradewatch.model.asset_class import CLASS_BY_NUMBER, CLASS_NUMBERS
from tradewatch.tape.writer import sync_directory

#: Rows with which a part is full; an instrument with more has one of its own.
_SLICE_ROWS = 2_000_000
_DAY_MS = 86_400_000
_WRITTEN = ", ".join(
    f"nullif({name}, '{ABSENT}'::bigint) as {name}" if name in NULLABLE else name for name in DTYPES
)
#: Snappy, not zstd: a symbol's day is read in half the time, from files that are a sixteenth larger.
_COPY = "format parquet, parquet_version v2, compression snappy, row_group_size 122880"
_ORDER = "order by instrument, event_ms, event_sub_ns, epoch, seq"


class Rows(NamedTuple):
    """A query for rows of one group, with `instrument` and all columns.

    Attributes:
        group: what they are.
        total: how many, about.
        select: the query.
        parameters: the query's.
        ordered: whether it gives them in the order of a part.
    """

    group: Group
    total: int
    select: str
    parameters: Sequence[object] = ()
    ordered: bool = False


class Runs:
    """Writes parts, and lets them count. Those that never will are gone at the end of the `with`.

    Args:
        cursor: reads the rows.
        directory: `<data-dir>/history`.
        registry: the names behind the numbers.
        numbers: gives parts theirs.
    """

    def __init__(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        directory: Path,
        registry: Registry,
        numbers: PartNumbers,
    ) -> None:
        self._cursor = cursor
        self._directory = directory
        self._registry = registry
        self._numbers = numbers
        self._written: dict[int, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        with contextlib.suppress(duckdb.Error):  # what cannot be asked is looked through at the next start
            counting = {part for (part,) in run(self._cursor, "select part from parts")}
            for number in self._written.keys() - counting:
                for suffix in (UNFINISHED_SUFFIX, PART_SUFFIX):
                    self._written[number].with_suffix(suffix).unlink(missing_ok=True)

    def write(self, rows: Rows, *, level: int = 0, replaced: Sequence[int] = ()) -> Iterator[Part]:
        """Write the parts of one run, one after the other; they do not count yet.

        Args:
            rows: theirs.
            level: how often they were merged.
            replaced: the parts that had them before; an adoption leaves those out.

        Raises:
            OSError: the disk does not take it.
            duckdb.Error: likewise, or the rows cannot be read.
        """
        slices = self._slices(rows)
        numbers = [self._numbers.next() for _ in slices]
        metadata = self._metadata(rows.group, numbers, replaced)
        for number, where in zip(numbers, slices, strict=True):
            path = self._directory / part_file(rows.group, number)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._written[number] = path
            unfinished = path.with_suffix(UNFINISHED_SUFFIX)
            run(
                self._cursor,
                f"copy (select instrument, {_WRITTEN} from ({rows.select}) {where}"
                f" {'' if rows.ordered else _ORDER}) to {_literal(str(unfinished))}"
                f" ({_COPY}, kv_metadata {{{metadata}}})",
                *rows.parameters,
            )
            with unfinished.open("rb") as written:
                os.fsync(written.fileno())
            yield found_part(
                self._cursor, unfinished, number=number, first=numbers[0], group=rows.group, level=level
            )

    def write_table(self, source: str, *, max_groups: int, ordered: bool = False) -> Iterator[Part]:
        """Write all rows of a table, a run for each class and day; they do not count yet.

        Beyond `max_groups` the days with the fewest rows of a class share a run.

        Args:
            source: the table.
            max_groups: so many runs have a day of their own.
            ordered: whether the rows of each day stand in the order of a part; it does not help a table of
                several classes.
        """
        groups = self._groups_of(source)
        alone = groups[:max_groups]
        others: dict[int, int] = {}
        for group, count in groups[max_groups:]:
            others[group.class_number] = others.get(group.class_number, 0) + count
        several = len({group.class_number for group, _ in groups}) > 1
        for group, count in alone:
            start_ms = group.day * _DAY_MS
            day = f"event_ms >= {start_ms} and event_ms < {start_ms + _DAY_MS}"
            select = _select(source, day, group.class_number if several else None)
            yield from self.write(Rows(group, count, select, ordered=ordered and not several))
        for class_number, count in sorted(others.items()):
            days = [group.day for group, _ in alone if group.class_number == class_number]
            besides = f"not list_contains({days}, event_ms // {_DAY_MS})"
            select = _select(source, besides, class_number if several else None)
            yield from self.write(Rows(Group(class_number, NO_DAY), count, select))

    @contextlib.contextmanager
    def entering(self, parts: Sequence[Part]) -> Iterator[None]:
        """Put parts that were written in their places, and let them count together with what else is done."""
        self._finish(parts)
        with transaction(self._cursor):
            for part in parts:
                enter_part(self._cursor, self._directory, part)
            yield

    def _finish(self, parts: Sequence[Part]) -> None:
        """Put parts in their places; they do not count yet.

        They come in the order of their numbers: where the last of a run is, the others are, too.
        """
        for part in sorted(parts):
            path = self._directory / part.file
            path.with_suffix(UNFINISHED_SUFFIX).rename(path)
        for folder in {(self._directory / part.file).parent for part in parts}:
            sync_directory(folder)

    def _groups_of(self, source: str) -> list[tuple[Group, int]]:
        """What days and classes a table has, and how many rows of each; the most rows first."""
        found = run(
            self._cursor,
            f"select class, event_ms // {_DAY_MS} as day, count(*) from {source}"
            " join instruments on number = instrument group by 1, 2 order by 3 desc, 1, 2",
        )
        return [(Group(class_number, day), rows) for class_number, day, rows in found]

    def _slices(self, rows: Rows) -> list[str]:
        """The conditions for the rows of each part."""
        if rows.total <= _SLICE_ROWS:
            return [""]
        counted = run(
            self._cursor,
            f"select instrument, count(*) from ({rows.select}) group by 1 order by 1",
            *rows.parameters,
        )
        slices: list[str] = []
        first, sliced = counted[0][0], 0
        for instrument, count in counted:
            if sliced and sliced + count > _SLICE_ROWS:
                slices.append(f"where instrument >= {first} and instrument < {instrument}")
                first, sliced = instrument, 0
            sliced += count
        return [*slices, f"where instrument >= {first}"]

    def _metadata(self, group: Group, numbers: Sequence[int], replaced: Sequence[int]) -> str:
        """What files need to be read without the database: the names behind their numbers, and their like."""
        members = {
            str(stored.number): stored.symbol
            for stored in self._registry.instruments
            if CLASS_NUMBERS[stored.asset_class] == group.class_number
        }
        values = {
            "tradewatch_format": "1",
            "tradewatch_class": CLASS_BY_NUMBER[group.class_number].value,
            "tradewatch_symbols": msgspec.json.encode(members).decode(),
            "tradewatch_epochs_ms": msgspec.json.encode(self._registry.epochs).decode(),
            "tradewatch_run": msgspec.json.encode([numbers[0], numbers[-1]]).decode(),
            "tradewatch_replaced": msgspec.json.encode(list(replaced)).decode(),
            "tradewatch_sources": msgspec.json.encode(self._registry.sources).decode(),
        }
        return ", ".join(f"{name}: {_literal(text)}" for name, text in values.items())


def _select(source: str, where: str, class_number: int | None) -> str:
    """A query for rows of a table; of a class, where it has others, too: a join, which loses the order."""
    members = f" and instrument in (select number from instruments where class = {class_number})"
    return f"select * from {source} where {where}{'' if class_number is None else members}"


def _literal(text: str) -> str:
    """A text as SQL has it; `copy` takes no parameters in these places."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
