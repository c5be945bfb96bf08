"""Importing: a file of quotes becomes rows of the store in a database of its own, exactly."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from tradewatch.history.duckdb.database import run, value
from tradewatch.history.duckdb.import_sql import ROWS, parsed
from tradewatch.history.duckdb.source_file import SourceFile
from tradewatch.model.asset_class import CLASS_BY_NUMBER, AssetClass

#: What DuckDB rejects a row for that took all rows behind it with it.
_ENDLESS = "unquoted value"


class Symbol(NamedTuple):
    """An instrument that a file quotes, with the most decimals of its prices and sizes."""

    asset_class: AssetClass
    symbol: str
    scale: int
    size_scale: int


class Import:
    """One file on its way into the history.

    Args:
        connection: of its own, to the database of the history.
        source: the file.
        scratch: a directory for what is put down meanwhile.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", source: SourceFile, *, scratch: Path) -> None:
        self._connection = connection
        self._source = source
        self._folder = scratch / f"import-{id(self):x}"
        self._schema = f"import_{id(self):x}"

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

    def parse(self, *, skip_bad_rows: bool) -> int:
        """Read all rows; how many of them are bad.

        Raises:
            ImportFileError: it has no rows of quotes, or bad ones that are not to be skipped.
        """
        try:
            statement = f"create table {self._schema}.parsed as {parsed(self._source.texts())}"
            run(self._connection, statement, self._source.parameter)
        except duckdb.InvalidInputException as error:
            raise self._source.refused(str(error).splitlines()[0]) from error
        rejected = self._rejected()
        where = f"from {self._schema}.parsed where wrong is not null"
        bad = len(rejected) + int(value(self._connection, f"select count(*) {where}"))
        if bad and not skip_bad_rows:
            first = run(self._connection, f"select rowid, wrong {where} order by rowid limit 1")
            wrong = {self._source.number_of(row, rejected): trouble for row, trouble in first}
            number, trouble = min((rejected | wrong).items())
            place = f"{self._source.unit} {number}"
            raise self._source.refused(
                f"{place}: {trouble} ({bad:,} bad rows; nothing of the file was taken in)"
            )
        return bad

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

    def _rejected(self) -> dict[int, str]:
        """The lines that could not be read as rows, and why.

        Raises:
            ImportFileError: nobody can say where the row ends with which one of them began.
        """
        try:
            found = run(
                self._connection,
                "select line, min(lower(error_type::varchar)) from reject_errors group by line order by line",
            )
        except duckdb.CatalogException:  # there is none where nothing was rejected
            return {}
        rejected = dict(found)
        for line, trouble in rejected.items():
            if trouble == _ENDLESS:
                raise self._source.refused(
                    f"line {line}: a quote is not closed; nothing of the file was taken in"
                )
        return rejected
