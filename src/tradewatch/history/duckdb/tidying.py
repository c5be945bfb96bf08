"""Tidying: recent rows become sorted files, small files larger ones, and old ones go."""

import logging
from collections.abc import Mapping
from pathlib import Path

import duckdb

from tradewatch.history.duckdb.database import drop_hot, hot_table, run
from tradewatch.history.duckdb.parts import (
    FILES,
    NO_DAY,
    PART_SUFFIX,
    UNFINISHED_SUFFIX,
    Group,
    PartNumbers,
    leave_part,
    read_columns,
)
from tradewatch.history.duckdb.readers import Readers
from tradewatch.history.duckdb.recording import keep_heads
from tradewatch.history.duckdb.runs import Rows, Runs
from tradewatch.history.duckdb.transaction import transaction
from tradewatch.history.registry import Registry
from tradewatch.history.ticks import DTYPES
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass

_log = logging.getLogger("tradewatch.history")

#: Days of which one table of recent rows makes a run each; rows of further days share one.
_MAX_GROUPS = 400
#: So many runs of one group and level become one of the next.
_MERGED_RUNS = 8
#: A day that nobody wrote to for so long becomes one run.
_SETTLED_S = 3_600
#: A run with more rows is not merged any more: meanwhile nothing else would be tidied.
_LARGE_RUN_ROWS = 50_000_000
_US = 1_000_000


class Tidying:
    """One hand that tidies; the caller sees that there is only one.

    Args:
        cursor: a connection of its own.
        directory: `<data-dir>/history`.
        numbers: gives new parts theirs.
        retain_s: how long rows of a class are kept after they reached us; None or no entry: for good.

    Attributes:
        files: what is merged, or was merged last.
    """

    def __init__(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        directory: Path,
        numbers: PartNumbers,
        *,
        retain_s: Mapping[AssetClass, float | None],
    ) -> None:
        self._cursor = cursor
        self._directory = directory
        self._numbers = numbers
        self._retain_s = retain_s
        self._unwanted: dict[str, int] = {}
        self.files: list[str] = []

    def remove_strays(self) -> None:
        """Delete the files that the database does not know: what a process left that was killed."""
        known = {
            file for (file,) in run(self._cursor, "select file from parts union select file from garbage")
        }
        for path in self._directory.glob("*/*/*"):
            is_ours = path.suffix in (UNFINISHED_SUFFIX, PART_SUFFIX) and path.stem.isdecimal()
            if is_ours and path.relative_to(self._directory).as_posix() not in known:
                path.unlink(missing_ok=True)

    def freeze(self, generation: int, registry: Registry) -> None:
        """Write a table of recent rows that is full as parts, and drop it, at once for readers."""
        with self._runs(registry) as runs:
            parts = list(runs.write_table(hot_table(generation), max_groups=_MAX_GROUPS))
            with runs.entering(parts):
                drop_hot(self._cursor, generation)

    def merge(self, registry: Registry, *, now_us: int) -> bool:
        """Make one run of several of the same days; whether there were any."""
        runs = (
            "(select class, day, level, max(last_received_us) as newest_us, sum(rows) as rows,"
            " list(row(part, file) order by part) as files"
            f" from parts group by class, day, level, run having sum(rows) <= {_LARGE_RUN_ROWS})"
        )
        listed = "flatten(list(files)), sum(rows)"
        found = run(
            self._cursor,
            f"select class, day, level + 1, {listed} from {runs}"
            " group by class, day, level having count(*) >= ? order by day limit 1",
            _MERGED_RUNS,
        ) or run(
            self._cursor,
            f"select class, day, max(level), {listed} from {runs} where day <> ? group by class, day"
            " having count(*) > 1 and max(newest_us) < ? order by day limit 1",
            *(NO_DAY, now_us - _SETTLED_S * _US),
        )
        if not found:
            return False
        class_number, day, level, files, total = found[0]
        paths = self.files[:] = [str(self._directory / file) for _, file in files]
        select = f"select instrument, {read_columns(DTYPES)} from {FILES}"
        rows = Rows(Group(class_number, day), total, select, [paths])
        with self._runs(registry) as writing:
            merged = list(writing.write(rows, level=level, replaced=[old for old, _ in files]))
            with writing.entering(merged):
                for old, file in files:
                    leave_part(self._cursor, old, file)
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
                    keep_heads(self._cursor, part)
                    leave_part(self._cursor, part, file)
        return bool(expired)

    def collect(self, readers: Readers) -> None:
        """Delete the files that count no more and that nobody reads who began while they did."""
        garbage = [file for (file,) in run(self._cursor, "select file from garbage")]
        now = readers.moment()
        for file in garbage:
            if not readers.left_since(self._unwanted.setdefault(file, now)):
                continue
            path = self._directory / file
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s cannot be deleted: %s", path, error)
                continue
            run(self._cursor, "delete from garbage where file = ?", file)
            del self._unwanted[file]

    def _runs(self, registry: Registry) -> Runs:
        return Runs(self._cursor, self._directory, registry, self._numbers)
