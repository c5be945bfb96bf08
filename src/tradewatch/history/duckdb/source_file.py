"""Source files: quotes that others wrote down, CSV or Parquet, and how DuckDB reads them as texts."""

import contextlib
import csv
import glob
import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import duckdb

from tradewatch.errors import ImportFileError
from tradewatch.history.duckdb.database import run
from tradewatch.history.duckdb.parts import FILES
from tradewatch.history.request import Phase, Progress
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass

_COLUMNS = ("ts_ms", "symbol", "bid", "ask", "bid_size", "ask_size", "asset_class")
_REQUIRED = _COLUMNS[:4]
_SIDES = _COLUMNS[2:6]
_PARQUET_MAGIC = b"PAR1"
_GZIP_MAGIC = b"\x1f\x8b"
_READ_BYTES = 4 << 20
_MAX_HEADER_BYTES = 64 << 10
#: Said, all of it: what DuckDB finds out by itself it may find out wrongly, and leave rows out for it.
_DIALECT = (
    "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', comment = '', skip = 0,"
    " store_rejects = true, hive_partitioning = false"
)


class SourceFile:
    """One file, whose header was read.

    Args:
        connection: describes Parquet.
        path: CSV, plain or gzip, or Parquet; its first bytes say which.
        asset_class: the class of all rows; None where a column `asset_class` or the file's name says it.

    Attributes:
        path: likewise.
        parameter: that of the query for its texts.
        unit: what is counted in it, `line` or `row`.

    Raises:
        ImportFileError: it cannot be read, or does not say enough.
    """

    def __init__(
        self, connection: "duckdb.DuckDBPyConnection", path: Path, *, asset_class: AssetClass | None
    ) -> None:
        self.path = path
        self.parameter = glob.escape(str(path))  # DuckDB takes `*` for any
        with self._reading():
            with path.open("rb") as file:
                magic = file.read(4)
            self._is_gzip = magic.startswith(_GZIP_MAGIC)
            self._is_parquet = magic == _PARQUET_MAGIC
            self.unit = "row" if self._is_parquet else "line"
            if self._is_parquet:
                self._reader = FILES
                found = run(connection, f"describe select * from {self._reader}", self.parameter)
                names = {name: '"' + name.replace('"', '""') + '"' for name, *_ in found}
            else:
                header = self._header()
                declared = ", ".join(f"'c{place}': 'varchar'" for place in range(len(header)))
                compression = "gzip" if self._is_gzip else "none"
                self._reader = (
                    f"read_csv(?, {_DIALECT}, compression = '{compression}', columns = {{{declared}}})"
                )
                names = {name: f"c{place}" for place, name in reversed([*enumerate(header)])}
        self._columns = {name.strip().lower(): column for name, column in names.items()}
        missing = [name for name in _REQUIRED if name not in self._columns]
        if missing:
            raise ImportFileError(f"{path}: no column {', '.join(missing)} in its header")
        self._class, self._told_class = self._class_number(asset_class)

    def digest(self) -> Iterator[Progress | str]:
        """How far it is read, and at last what identifies its quotes: content, and a class it does not say.

        Raises:
            ImportFileError: it cannot be read.
        """
        total = self.path.stat().st_size
        digest = hashlib.blake2b(self._told_class.encode(), digest_size=16)
        with self._reading(), self.path.open("rb") as raw:
            file = self._plain(raw)
            while data := file.read(_READ_BYTES):
                digest.update(data)
                yield Progress(Phase.READING, raw.tell(), total)
        yield digest.hexdigest()

    def texts(self) -> str:
        """The query for its rows: `class`, `symbol`, `ts_text` and the texts of both sides."""
        sides = ", ".join(f"{self._text(name)} as {name}_text" for name in _SIDES)
        return (
            f"select {self._class} as class, upper({self._text('symbol')}) as symbol,"
            f" {self._text('ts_ms')} as ts_text, {sides} from {self._reader}"
        )

    def number_of(self, row: int, rejected: Collection[int]) -> int:
        """The number of a row, or of its line.

        Args:
            row: how many rows were read before it.
            rejected: the lines that were not read as rows.
        """
        if self._is_parquet:
            return row + 1
        with self.path.open("rb") as raw:
            lines = (
                number
                for number, line in enumerate(self._plain(raw), 1)
                if number not in rejected and not line.isspace()
            )
            return next(islice(lines, row + 1, None), row + 2)

    def refused(self, trouble: str) -> ImportFileError:
        """The error that says what is wrong with it."""
        return ImportFileError(f"{self.path}: {trouble}")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise self.refused(str(error).splitlines()[0]) from error
        except OSError as error:
            raise self.refused(error.strerror or str(error)) from error
        except (EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
            raise self.refused(str(error)) from error

    def _plain(self, raw: BinaryIO) -> BinaryIO:
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if self._is_gzip else raw

    def _header(self) -> list[str]:
        with self.path.open("rb") as raw:
            line = self._plain(raw).readline(_MAX_HEADER_BYTES)
        return next(csv.reader([line.decode("utf-8-sig")], strict=True), [])

    def _text(self, name: str) -> str:
        """The SQL for a column's text; an empty one where there is none."""
        if name not in self._columns:
            return "''"
        return f"coalesce(trim({self._columns[name]}::varchar), '')"

    def _class_number(self, asset_class: AssetClass | None) -> tuple[str, str]:
        """The SQL for the number of a row's class; and the class, where the rows do not say it themselves."""
        if asset_class is None and "asset_class" in self._columns:
            cases = " ".join(f"when '{each.value}' then {CLASS_NUMBERS[each]}" for each in AssetClass)
            return f"(case lower({self._text('asset_class')}) {cases} end)::tinyint", ""
        named, dash, _ = self.path.name.partition("-")
        if asset_class is None and dash and named in set(AssetClass):
            asset_class = AssetClass(named)
        if asset_class is None:
            raise self.refused(
                "nothing says which class its quotes are of: add --class, a column asset_class,"
                " or begin its name with the class and a dash"
            )
        return f"{CLASS_NUMBERS[asset_class]}::tinyint", asset_class.value
