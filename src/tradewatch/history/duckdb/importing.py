"""Importing: a file of quotes becomes parts at once, whole or not at all, and only once."""

import contextlib
import glob
import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb

from tradewatch.errors import ImportFileError
from tradewatch.history.duckdb.database import run, value
from tradewatch.history.duckdb.import_sql import ROWS, parsed
from tradewatch.history.request import Phase, Progress
from tradewatch.model.asset_class import CLASS_BY_NUMBER, CLASS_NUMBERS, AssetClass

COLUMNS = ("ts_ms", "symbol", "bid", "ask", "bid_size", "ask_size", "asset_class")
_REQUIRED = COLUMNS[:4]
_PARQUET_MAGIC = b"PAR1"
_GZIP_MAGIC = b"\x1f\x8b"
_READ_BYTES = 4 << 20


class Symbol(NamedTuple):
    """An instrument that a file quotes, with the most decimals of its prices and sizes."""

    asset_class: AssetClass
    symbol: str
    scale: int
    size_scale: int


class ImportFile:
    """One file on its way into the history.

    Args:
        connection: of its own, to the database of the history.
        path: CSV, plain or gzip, or Parquet; its first bytes say which.
        asset_class: the class of all rows; None where a column `asset_class` or the file's name says it.
        scratch: a directory for what is put down meanwhile.
    """

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        path: Path,
        *,
        asset_class: AssetClass | None,
        scratch: Path,
    ) -> None:
        self._connection = connection
        self._path = path
        self._escaped = glob.escape(str(path))  # DuckDB takes `*` for any
        self._asset_class = asset_class
        self._folder = scratch / f"import-{id(self):x}"
        self._schema = f"import_{id(self):x}"
        self._reader = ""
        self._first_line = 0
        self._columns: dict[str, str] = {}
        self._class = ""

    def read_header(self) -> None:
        """Look what columns there are, and what says the class.

        Raises:
            ImportFileError: it cannot be read, or does not say enough.
        """
        try:
            is_parquet, is_gzip = self._magic() == _PARQUET_MAGIC, self._is_gzip()
        except OSError as error:
            raise ImportFileError(f"{self._path}: {error.strerror}") from error
        compression = "gzip" if is_gzip else "none"
        csv = f"read_csv(?, all_varchar = true, header = true, delim = ',', compression = '{compression}')"
        self._reader, self._first_line = ("read_parquet(?)", 1) if is_parquet else (csv, 2)
        try:
            found = run(self._connection, f"describe select * from {self._reader}", self._escaped)
        except duckdb.Error as error:
            raise ImportFileError(f"{self._path}: {str(error).splitlines()[0]}") from error
        self._columns = {name.strip().lower(): '"' + name.replace('"', '""') + '"' for name, *_ in found}
        missing = [name for name in _REQUIRED if name not in self._columns]
        if missing:
            raise ImportFileError(f"{self._path}: no column {', '.join(missing)} in its header")
        self._class = self._class_number()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """A database beside that of the history, for as long as the import lasts."""
        self._folder.mkdir(mode=0o700, parents=True)
        try:
            file = str(self._folder / "rows.duckdb").replace("'", "''")
            run(self._connection, f"attach '{file}' as {self._schema}")
            yield
        finally:
            with contextlib.suppress(duckdb.Error):
                run(self._connection, f"detach {self._schema}")
            shutil.rmtree(self._folder, ignore_errors=True)

    def digest(self) -> Iterator[Progress | str]:
        """How far it is read, and at last what identifies its quotes: content, and a class it does not say.

        Raises:
            ImportFileError: it cannot be read.
        """
        total = self._path.stat().st_size
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self._class.encode())
        with self._path.open("rb") as raw:
            file: BinaryIO = gzip.GzipFile(fileobj=raw) if self._is_gzip() else raw  # type: ignore[assignment]
            try:
                while data := file.read(_READ_BYTES):
                    digest.update(data)
                    yield Progress(Phase.READING, raw.tell(), total)
            except (OSError, EOFError) as error:
                raise ImportFileError(f"{self._path}: {error}") from error
        yield digest.hexdigest()

    def parse(self, *, skip_bad_rows: bool) -> int:
        """Read all rows; how many of them are bad.

        Raises:
            ImportFileError: it has no rows of quotes, or bad ones that are not to be skipped.
        """
        try:
            statement = f"create table {self._schema}.parsed as {parsed(self._texts())}"
            run(self._connection, statement, self._escaped)
        except duckdb.InvalidInputException as error:
            raise ImportFileError(f"{self._path}: {str(error).splitlines()[0]}") from error
        bad = value(self._connection, f"select count(*) from {self._schema}.parsed where wrong is not null")
        if bad and not skip_bad_rows:
            row, wrong = run(
                self._connection,
                f"select rowid, wrong from {self._schema}.parsed where wrong is not null"
                " order by rowid limit 1",
            )[0]
            raise ImportFileError(
                f"{self._path}: line {row + self._first_line}: {wrong}"
                f" ({bad:,} bad rows; nothing of the file was taken in)"
            )
        return int(bad)

    def symbols(self) -> list[Symbol]:
        """What the good rows quote."""
        found = run(
            self._connection,
            "select class, symbol, max(greatest(bid_scale, ask_scale)), max(greatest(bid_size_scale,"
            f" ask_size_scale)) from {self._schema}.parsed where wrong is null group by 1, 2 order by 1, 2",
        )
        return [Symbol(CLASS_BY_NUMBER[number], *rest) for number, *rest in found]

    def sort(self, *, epoch: int, now_us: int) -> str:
        """Put the good rows into a table as the store has them; its name."""
        rows = ROWS.replace("from parsed", f"from {self._schema}.parsed")
        statement = f"create table {self._schema}.rows as {rows}"
        self._connection.execute(statement, {"epoch": epoch, "now_us": now_us}).fetchall()
        run(self._connection, f"drop table {self._schema}.parsed")
        return f"{self._schema}.rows"

    def _magic(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(4)

    def _is_gzip(self) -> bool:
        return self._magic().startswith(_GZIP_MAGIC)

    def _texts(self) -> str:
        """The query for the rows as texts."""
        sides = ", ".join(f"{self._text(name)} as {name}_text" for name in COLUMNS[2:6])
        return (
            f"select {self._class} as class, upper({self._text('symbol')}) as symbol,"
            f" {self._text('ts_ms')} as ts_text, {sides} from {self._reader}"
        )

    def _text(self, name: str) -> str:
        """The SQL for a column's text; an empty one where there is none."""
        if name not in self._columns:
            return "''"
        return f"coalesce(trim({self._columns[name]}::varchar), '')"

    def _class_number(self) -> str:
        """The SQL for the number of a row's class."""
        if self._asset_class is not None:
            return f"{CLASS_NUMBERS[self._asset_class]}::tinyint"
        if "asset_class" in self._columns:
            cases = " ".join(f"when '{each.value}' then {CLASS_NUMBERS[each]}" for each in AssetClass)
            return f"(case lower({self._text('asset_class')}) {cases} end)::tinyint"
        named, dash, _ = self._path.name.partition("-")
        if dash and named in set(AssetClass):
            return f"{CLASS_NUMBERS[AssetClass(named)]}::tinyint"
        raise ImportFileError(
            f"{self._path}: nothing says which class its quotes are of: add --class, a column asset_class,"
            " or begin its name with the class and a dash"
        )
