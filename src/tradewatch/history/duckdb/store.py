"""`Archive` in DuckDB and Parquet files; one process, any number of its threads."""

import contextlib
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np

from tradewatch.errors import HistoryError
from tradewatch.history.archive import NamedHole, Recorded, Totals
from tradewatch.history.duckdb.adoption import adopt
from tradewatch.history.duckdb.damage import put_damaged_aside
from tradewatch.history.duckdb.database import (
    Database,
    create_hot,
    hot_generations,
    hot_table,
    hot_tables,
    run,
    value,
)
from tradewatch.history.duckdb.hot_members import HotMembers
from tradewatch.history.duckdb.importing import Import
from tradewatch.history.duckdb.parts import Part, PartNumbers
from tradewatch.history.duckdb.reader import Reader
from tradewatch.history.duckdb.readers import Readers
from tradewatch.history.duckdb.recording import (
    Saved,
    add_meta,
    get_meta,
    load_heads,
    load_registry,
    reach,
    reached,
    write_taken,
)
from tradewatch.history.duckdb.runs import Runs
from tradewatch.history.duckdb.source_file import SourceFile
from tradewatch.history.duckdb.tidying import Tidying
from tradewatch.history.duckdb.transaction import transaction
from tradewatch.history.intake import take
from tradewatch.history.names import Names
from tradewatch.history.request import Phase, Progress
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.position import epoch_text
from tradewatch.tape.follower import Stretch

#: Rows of the database that become files; so many take a day of one symbol below 10 ms to look through.
HOT_ROWS = 1_000_000
#: Rows of an earlier day become files when they have been there for so long.
_ROLL_AFTER_S = 600
_DAY_S = 86_400
#: Days of which an import makes a file each.
_MAX_IMPORT_GROUPS = 4_000
_MIB = 1 << 20


class DuckHistory(Names):
    """See `history.archive.Archive`.

    Args:
        directory: `<data-dir>/history`.
        memory_bytes: what DuckDB may take.
        threads: that it may use.
        hot_rows: rows of the database at which they become files.
        retain_s: how long rows of a class are kept after they reached us; no entry: for good.

    Attributes:
        scratch: a folder for what need not outlive the process.

    Raises:
        HistoryError: the directory cannot be used.
    """

    def __init__(
        self,
        directory: Path,
        *,
        memory_bytes: int = 512 * _MIB,
        threads: int = 2,
        hot_rows: int = HOT_ROWS,
        retain_s: Mapping[AssetClass, float | None] | None = None,
    ) -> None:
        self._database = Database(directory, memory_bytes=memory_bytes, threads=threads)
        self._directory = directory
        self.scratch = self._database.scratch
        self._hot_limit = hot_rows
        self._writing = threading.Lock()
        self._importing = threading.Lock()
        self._cursor = self._database.cursor()
        self._tidying_cursor = self._database.cursor()
        self._readers = Readers()
        self._generation = self._hot_rows = 0
        self._members = HotMembers()
        self._in_step = False
        with _named(directory):
            if not value(self._cursor, "select count(*) from instruments"):
                adopt(self._cursor, directory)
            if not hot_generations(self._cursor):
                create_hot(self._cursor, 1)
            self._members.load(self._cursor)
            self._registry = load_registry(self._cursor)
            self._saved = Saved(self._registry)
            self._catch_up()
            self._numbers = PartNumbers(self._cursor, directory)
            self._tidying = Tidying(self._tidying_cursor, directory, self._numbers, retain_s=retain_s or {})
            self._tidying.remove_strays()

    def close(self) -> None:
        """Write everything, and close."""
        self._cursor.close()
        self._tidying_cursor.close()
        self._database.close()

    @property
    def next_offset(self) -> int | None:
        """The log offset to go on from; None where nothing was recorded yet."""
        with self._writing, _named(self._directory):
            return reached(self._cursor)[0]

    @property
    def epoch_ms(self) -> int | None:
        """The epoch of what was recorded last."""
        with self._writing, _named(self._directory):
            number = reached(self._cursor)[1]
        return self._registry.epochs[number - 1] if number else None

    def record(self, stretch: Stretch, *, now_ms: int) -> Recorded:
        """Keep the records of a stretch."""
        with self._changing():
            epoch = self._registry.epoch(stretch.epoch_ms)
            if epoch != self._registry.heads_epoch:
                load_heads(self._cursor, self._registry, epoch)
            taken = take(self._registry, stretch.epoch_ms, stretch.definitions, stretch.slots)
            missing = stretch.missing + taken.nameless
            rolls = self._hot_rows + len(taken.ticks) >= self._hot_limit
            with transaction(self._cursor):
                self._saved.write_new(self._cursor, self._registry)
                write_taken(self._cursor, self._generation, taken, now_ms=now_ms)
                self._members.enter(hot_table(self._generation), np.unique(taken.instrument).tolist())
                reach(self._cursor, stretch.next_offset, epoch)
                add_meta(self._cursor, "missing", missing)
                if rolls:
                    self._begin_table()
            self._saved = Saved(self._registry)
            self._hot_rows += len(taken.ticks)
            if rolls:
                self._table_begun()
        return Recorded(len(taken.ticks), len(taken.holes), missing, taken.repeated)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """A view of what there is now."""
        suspects: list[str] = []
        with self._readers.one_more(), contextlib.closing(self._database.cursor()) as cursor:
            try:
                with _named(self._directory):
                    run(cursor, "begin")
                    reader = Reader(cursor, self._directory, self._members)
                    suspects = reader.files
                    yield reader
            except HistoryError:
                self._put_damaged_aside(suspects)
                raise

    def holes(self, limit: int) -> list[NamedHole]:
        """The holes found last, the newest first."""
        cursor = self._database.cursor()
        with contextlib.closing(cursor), _named(self._directory):
            found = run(
                cursor,
                "select instrument, epoch, first_seq, last_seq, found_ms from holes"
                " order by rowid desc limit ?",
                limit,
            )
        return [
            NamedHole(self._registry.instruments[number - 1], epoch_text(self.epoch(epoch)), *rest)
            for number, epoch, *rest in found
        ]

    def totals(self) -> Totals:
        """How much there is."""
        cursor = self._database.cursor()
        with contextlib.closing(cursor), _named(self._directory), transaction(cursor):
            rows, size, parts = run(
                cursor, "select coalesce(sum(rows), 0), coalesce(sum(bytes), 0), count(*) from parts"
            )[0]
            counts = {name: get_meta(cursor, name) or 0 for name in ("holes", "missing", "damaged")}
            hot = sum(value(cursor, f"select count(*) from {table}") for table in hot_tables(cursor))
        return Totals(
            instruments=len(self._registry.instruments),
            hot_rows=hot,
            rows=int(rows),
            bytes=int(size),
            parts=parts,
            **counts,
        )

    def tidy(self, *, now_ms: int) -> bool:
        """Do one piece of what makes reading fast and old rows go; whether there may be more to do."""
        self._roll_yesterday(now_ms)
        now_us = now_ms * 1_000
        try:
            with _named(self._directory):
                full = self._full_generations()
                if full:
                    self._tidying.freeze(full[0], self._registry)
                    return True
                self._tidying.collect(self._readers)
                return self._tidying.expire(now_us=now_us) or self._tidying.merge(
                    self._registry, now_us=now_us
                )
        except HistoryError:
            self._put_damaged_aside(self._tidying.files)
            raise

    def freeze_all(self, *, now_ms: int) -> None:
        """Make files of everything that is in the database; for imports and measurements."""
        with self._changing():
            if self._hot_rows:
                self._roll()
        while self.tidy(now_ms=now_ms):
            pass

    def import_file(
        self, path: Path, *, asset_class: AssetClass | None, skip_bad_rows: bool, now_ms: int
    ) -> Iterator[Progress]:
        """Take in a file of quotes, whole or not at all; one that was taken in before changes nothing.

        Args:
            path: CSV, plain or gzip, or Parquet.
            asset_class: the class of all rows; None where the file says it.
            skip_bad_rows: whether rows that are no quotes are left out; else the file is refused for them.
            now_ms: Unix milliseconds; when all rows reached us.

        Yields:
            How far it is.

        Raises:
            ImportFileError: it cannot be read, or has bad rows.
            HistoryError: the disk does not take it.
        """
        cursor = self._database.cursor()
        digest = ""
        with contextlib.closing(cursor), _named(self._directory), self._importing:
            source = SourceFile(cursor, path, asset_class=asset_class)
            for step in source.digest():
                if isinstance(step, Progress):
                    yield step
                else:
                    digest = step
            if value(cursor, "select count(*) from imports where digest = ?", digest):
                yield Progress(Phase.DONE, repeated=True)
                return
            file = Import(cursor, source, scratch=self.scratch)
            with file.opened():
                yield Progress(Phase.PARSING)
                skipped = file.parse(skip_bad_rows=skip_bad_rows)
                epoch = self._new_epoch(file, now_ms)
                yield Progress(Phase.SORTING)
                rows = file.sort(epoch=epoch, now_us=now_ms * 1_000)
                total = value(cursor, f"select count(*) from {rows}")
                parts: list[Part] = []
                written = 0
                with Runs(cursor, self._directory, self._registry, self._numbers) as runs:
                    for part in runs.write_table(rows, max_groups=_MAX_IMPORT_GROUPS, ordered=True):
                        parts.append(part)
                        written += part.rows
                        yield Progress(Phase.WRITING, written, total)
                    with runs.entering(parts):
                        run(cursor, "insert into imports values (?, ?, ?)", digest, total, now_ms)
            yield Progress(Phase.DONE, total, total, rows=total, skipped=skipped)

    def _new_epoch(self, file: Import, now_ms: int) -> int:
        """The number of an epoch for the rows of a file, whose instruments are known from here on."""
        with self._changing():
            for asset_class, symbol, scale, size_scale in file.symbols():
                self._registry.widen(asset_class, symbol, scale=scale, size_scale=size_scale)
            while self._registry.known_epoch(now_ms) is not None:
                now_ms += 1
            epoch = self._registry.epoch(now_ms)
            with transaction(self._cursor):
                self._saved.write_new(self._cursor, self._registry)
            self._saved = Saved(self._registry)
        return epoch

    def _roll_yesterday(self, now_ms: int) -> None:
        """Rows of an earlier day leave the database, although they are few."""
        with self._changing():
            if not self._hot_rows:
                return
            oldest_us = value(
                self._cursor, f"select min(event_ms * 1000 + lag_us) from {hot_table(self._generation)}"
            )
            day_began_s = now_ms // 1_000 // _DAY_S * _DAY_S
            if oldest_us >= day_began_s * 1_000_000 or now_ms / 1_000 < day_began_s + _ROLL_AFTER_S:
                return
            self._roll()

    def _roll(self) -> None:
        """Let the rows of the database stand as they are, to become files."""
        with transaction(self._cursor):
            self._begin_table()
        self._table_begun()

    def _begin_table(self) -> None:
        """Let rows go into a new table from here on; within a transaction."""
        create_hot(self._cursor, self._generation + 1)
        self._members.enter(hot_table(self._generation + 1), ())

    def _table_begun(self) -> None:
        """The transaction has come through."""
        self._generation += 1
        self._hot_rows = 0

    def _full_generations(self) -> list[int]:
        """The tables of recent rows that no more rows go into."""
        with self._writing:
            return [each for each in hot_generations(self._cursor) if each != self._generation]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """A change of the database. Where one fails, the next begins with what the database knows."""
        with self._writing, _named(self._directory):
            if not self._in_step:
                self._catch_up()
            self._in_step = False
            yield
            self._in_step = True

    def _catch_up(self) -> None:
        """Know how far the database is; names that it does not have yet are told it with the next rows."""
        self._generation = hot_generations(self._cursor)[-1]
        self._hot_rows = value(self._cursor, f"select count(*) from {hot_table(self._generation)}")
        load_heads(self._cursor, self._registry, reached(self._cursor)[1] or 0)
        self._saved = Saved(load_registry(self._cursor))
        self._in_step = True

    def _put_damaged_aside(self, suspects: Collection[str]) -> None:
        """A read has failed: see which of its files cannot be read, and let them count no more."""
        with self._writing, _named(self._directory):
            put_damaged_aside(self._cursor, self._directory, suspects, now_s=time.time())


@contextlib.contextmanager
def _named(directory: Path) -> Iterator[None]:
    """Faults of DuckDB and of the disk as errors of the history."""
    try:
        yield
    except duckdb.Error as error:
        raise HistoryError(f"{directory}: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise HistoryError(f"{error.filename or directory}: {error.strerror or error}") from error
