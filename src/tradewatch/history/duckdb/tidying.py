"""Tidying: recent rows become sorted files, small files larger ones, and old ones go."""

import logging
from collections.abc import Mapping
from pathlib import Path

import duckdb

from tradewatch.history.duckdb.database import run
from tradewatch.history.duckdb.parts import (
    NO_DAY,
    READ,
    Group,
    Part,
    enter_part,
    groups_of,
    leave_part,
    next_part,
    select_group,
    write_part,
)
from tradewatch.history.duckdb.transaction import transaction
from tradewatch.history.registry import Registry
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass

_log = logging.getLogger("tradewatch.history")

#: Days of which one table of recent rows makes a file each; rows of further days share one.
_MAX_GROUPS = 400
#: So many files of one group and level become one of the next.
_MERGED_PARTS = 8
#: A day that nobody wrote to for so long becomes one file.
_SETTLED_S = 3_600
_MAX_MERGED_ROWS = 200_000_000
_US = 1_000_000


class Tidying:
    """One hand that tidies; the caller sees that there is only one.

    Args:
        cursor: a connection of its own.
        directory: `<data-dir>/history`.
        retain_s: how long rows of a class are kept after they reached us; None or no entry: for good.
    """

    def __init__(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        directory: Path,
        *,
        retain_s: Mapping[AssetClass, float | None],
    ) -> None:
        self._cursor = cursor
        self._directory = directory
        self._retain_s = retain_s

    def remove_strays(self) -> None:
        """Delete the files that the database does not know: what a process left that was killed."""
        known = {
            file for (file,) in run(self._cursor, "select file from parts union select file from garbage")
        }
        for path in self._directory.glob("*/*/*"):
            if path.suffix == ".damaged":
                continue
            if path.relative_to(self._directory).as_posix() not in known:
                path.unlink(missing_ok=True)

    def freeze(self, table: str, registry: Registry) -> None:
        """Write a table of recent rows that is full as parts, and drop it, at once for readers."""
        groups = [group for group, _ in groups_of(self._cursor, table)]
        alone = groups[:_MAX_GROUPS]
        others = {group.class_number for group in groups[_MAX_GROUPS:]}
        number = next_part(self._cursor)
        parts: list[Part] = []
        for group in [*alone, *(Group(class_number, NO_DAY) for class_number in sorted(others))]:
            besides = [each.day for each in alone if each.class_number == group.class_number]
            select, parameters = select_group(table, group, besides)
            parts.append(
                write_part(
                    self._cursor,
                    self._directory,
                    registry,
                    number=number + len(parts),
                    group=group,
                    level=0,
                    select=select,
                    parameters=parameters,
                )
            )
        with transaction(self._cursor):
            for part in parts:
                enter_part(self._cursor, self._directory, part)
            run(self._cursor, f"drop table {table}")

    def merge(self, registry: Registry, *, now_us: int) -> bool:
        """Make one file of several of the same days; whether there were any."""
        found = run(
            self._cursor,
            "select class, day, level, list(part order by part), list(file order by part) from parts"
            " group by class, day, level having count(*) >= ? and sum(rows) <= ? order by day limit 1",
            *(_MERGED_PARTS, _MAX_MERGED_ROWS),
        ) or run(
            self._cursor,
            "select class, day, max(level), list(part order by part), list(file order by part) from parts"
            " where day <> ? group by class, day"
            " having count(*) > 1 and max(last_received_us) < ? and sum(rows) <= ? order by day limit 1",
            *(NO_DAY, now_us - _SETTLED_S * _US, _MAX_MERGED_ROWS),
        )
        if not found:
            return False
        class_number, day, level, parts, files = found[0]
        paths = [str(self._directory / file) for file in files]
        select = f"select instrument, {READ} from read_parquet(?)"
        part = write_part(
            self._cursor,
            self._directory,
            registry,
            number=next_part(self._cursor),
            group=Group(class_number, day),
            level=level + 1,
            select=select,
            parameters=[paths],
        )
        with transaction(self._cursor):
            for old, file in zip(parts, files, strict=True):
                leave_part(self._cursor, old, file, now_s=now_us / _US)
            enter_part(self._cursor, self._directory, part)
        return True

    def expire(self, *, now_us: int) -> bool:
        """Let the files go whose rows are all too old; whether there were any."""
        expired: list[tuple[int, str]] = []
        for asset_class, age_s in self._retain_s.items():
            if age_s is not None:
                expired += run(
                    self._cursor,
                    "select part, file from parts where class = ? and last_received_us < ?",
                    *(CLASS_NUMBERS[asset_class], now_us - round(age_s * _US)),
                )
        if expired:
            with transaction(self._cursor):
                for part, file in expired:
                    leave_part(self._cursor, part, file, now_s=now_us / _US)
        return bool(expired)

    def collect(self, *, before_s: float) -> None:
        """Delete the files that counted no more before some time, when no reader of today had begun."""
        for (file,) in run(self._cursor, "select file from garbage where since_s < ?", before_s):
            path = self._directory / file
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s cannot be deleted: %s", path, error)
                continue
            run(self._cursor, "delete from garbage where file = ?", file)
