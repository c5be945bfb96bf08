"""The database of the history: `<data-dir>/history/hot.duckdb`, its settings and its tables."""

import logging
import shutil
import time
from pathlib import Path
from typing import Any

import duckdb

from tradewatch.errors import HistoryError
from tradewatch.history.ticks import DTYPES

_log = logging.getLogger("tradewatch.history")

FORMAT = 1
#: What DuckDB says of a database file or of its log when their bytes are not those that it wrote.
_DAMAGE = ("not a valid duckdb database file", "corrupt", "could not read enough bytes", "deserialize")
#: Nothing is fetched from the network at run time; `duckdb.connect` takes these.
NO_EXTENSIONS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
_SQL_TYPES = {"<i1": "tinyint", "<i4": "integer", "<i8": "bigint"}

_DECLARED = ", ".join(f"{name} {_SQL_TYPES[dtype]}" for name, dtype in DTYPES.items())

_TABLES = """
create table if not exists meta (key varchar primary key, value bigint);
create table if not exists reached (log_offset bigint, epoch integer);
create table if not exists instruments (number integer, class tinyint, symbol varchar, scale tinyint,
    size_scale tinyint);
create table if not exists sources (number integer, name varchar);
create table if not exists epochs (number integer, epoch_ms bigint);
create table if not exists heads (instrument integer, epoch integer, seq bigint);
create table if not exists holes (instrument integer, epoch integer, first_seq bigint, last_seq bigint,
    found_ms bigint);
create table if not exists parts (part integer, run integer, class tinyint, day integer, level tinyint,
    file varchar, bytes bigint, rows bigint, last_received_us bigint);
create table if not exists hot_generations (generation bigint);
create table if not exists contents (part integer, file varchar, day integer, instrument integer,
    epoch integer, rows bigint, first_ms bigint, last_ms bigint, first_seq bigint, last_seq bigint);
create table if not exists imports (digest varchar, rows bigint, imported_ms bigint);
create table if not exists garbage (file varchar);
"""


class Database:
    """An open database. One connection for each thread at a time: see `cursor`.

    Args:
        directory: `<data-dir>/history`; made where it does not exist.
        memory_bytes: what DuckDB may take.
        threads: that it may use.

    Attributes:
        directory: likewise.
        scratch: a folder for what need not outlive the process.

    Raises:
        HistoryError: the directory or the database cannot be used.
    """

    def __init__(self, directory: Path, *, memory_bytes: int, threads: int) -> None:
        self.directory = directory
        self.scratch = directory / "tmp"
        self._connection = self._opened(memory_bytes, threads)
        for left in self.scratch.glob("*/"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            for statement in _TABLES.split(";"):
                if statement.strip():
                    run(self._connection, statement)
            found = value(self._connection, "select value from meta where key = 'format'")
            if found is None:
                run(self._connection, "begin")
                run(self._connection, "insert into meta values ('format', ?)", FORMAT)
                run(self._connection, "insert into reached values (null, null)")
                run(self._connection, "commit")
        except duckdb.Error as error:
            raise HistoryError(f"{directory}: {str(error).splitlines()[0]}") from error
        if found not in (None, FORMAT):
            raise HistoryError(f"{directory}: the history is of format {found}; this version reads {FORMAT}")

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """A connection of one's own to the same database; to be closed."""
        return self._connection.cursor()

    def close(self) -> None:
        """Write what is in memory, and close."""
        self._connection.close()

    def _opened(self, memory_bytes: int, threads: int) -> "duckdb.DuckDBPyConnection":
        path = self.directory / "hot.duckdb"
        config: dict[str, Any] = {
            "memory_limit": f"{memory_bytes}B",
            "threads": threads,
            "temp_directory": str(self.scratch),
            "preserve_insertion_order": "true",
            **NO_EXTENSIONS,
        }
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _sound(path, config)
        except OSError as error:
            raise HistoryError(f"{self.directory}: {error.strerror or error}") from error
        except duckdb.Error as error:
            if "Conflicting lock" in str(error):
                raise HistoryError(f"{path} is in use by another process") from error
            if not _tells_damage(error):
                raise HistoryError(f"{path}: {str(error).splitlines()[0]}") from error
            damage = error
        # What can still be read stands in the Parquet files; the rest comes again from the tape.
        aside = path.with_suffix(f".damaged-{time.time_ns() // 10**9}")
        _log.error("%s cannot be read and is put aside as %s: %s", path, aside.name, damage)
        try:
            path.rename(aside)
            log = path.with_name(path.name + ".wal")
            if log.exists():
                log.rename(aside.with_name(aside.name + ".wal"))
            return _sound(path, config)
        except (OSError, duckdb.Error) as error:
            raise HistoryError(f"{path}: {error}") from error


def _sound(path: Path, config: dict[str, Any]) -> "duckdb.DuckDBPyConnection":
    """A connection to a database of which every row was read, so that damage shows now and not later."""
    connection = duckdb.connect(str(path), config=config)
    try:
        run(connection, "set global parquet_metadata_cache = true")  # of an extension: no option of `connect`
        for (table,) in run(connection, "select table_name from duckdb_tables()"):
            run(connection, f"select bit_xor(hash(columns(*))) from {table}")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _tells_damage(error: duckdb.Error) -> bool:
    """Whether a database is damaged; a full disk, say, or a file of a newer version, is no damage."""
    text = str(error).lower()
    return any(sign in text for sign in _DAMAGE)


def run(
    connection: "duckdb.DuckDBPyConnection", statement: str, *parameters: object
) -> list[tuple[Any, ...]]:
    """Run a statement to its end; its rows. An unfinished result would block the connection."""
    rows: list[tuple[Any, ...]] = connection.execute(statement, list(parameters)).fetchall()
    return rows


def value(connection: "duckdb.DuckDBPyConnection", statement: str, *parameters: object) -> Any:
    """The one value that a query answers; None where it answers no row."""
    rows = run(connection, statement, *parameters)
    return rows[0][0] if rows else None


def hot_table(generation: int) -> str:
    """The name of a table of recent rows."""
    return f"hot_{generation}"


def create_hot(connection: "duckdb.DuckDBPyConnection", generation: int) -> None:
    """Make a table for recent rows."""
    run(connection, f"create table {hot_table(generation)} (instrument integer, {_DECLARED})")
    run(connection, "insert into hot_generations values (?)", generation)


def drop_hot(connection: "duckdb.DuckDBPyConnection", generation: int) -> None:
    """Let a table of recent rows go."""
    run(connection, f"drop table {hot_table(generation)}")
    run(connection, "delete from hot_generations where generation = ?", generation)


def hot_generations(connection: "duckdb.DuckDBPyConnection") -> list[int]:
    """The tables of recent rows, the oldest first; to ask the catalogue for them would take longer."""
    return sorted(generation for (generation,) in run(connection, "from hot_generations"))


def hot_tables(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    """Their names, likewise."""
    return [hot_table(generation) for generation in hot_generations(connection)]
