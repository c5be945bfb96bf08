"""Rows of recorded quotes in a Parquet file, read by DuckDB piece by piece."""

import glob
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import duckdb

from tradewatch.feeds.lines import Complaint
from tradewatch.feeds.rows import COLUMNS, Block, Rows, UnusableFileError, known_columns

_BLOCK_ROWS = 500
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "256MB",
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def parquet_rows(path: Path, complain: Complaint) -> Rows:
    """Open a Parquet file; columns are found by their names, and columns of numbers become texts.

    A decimal keeps its digits, a double becomes the shortest text that means this double.

    Raises:
        UnusableFileError: it is no Parquet file, or lacks a column.
    """
    connection = duckdb.connect(":memory:", config=_CONFIG)
    # DuckDB takes a path for a glob pattern, and a relative one could be taken for an address.
    source = glob.escape(str(path.absolute()))
    try:
        connection.execute("set streaming_buffer_size = '100KB'").fetchall()  # 1 MB stalls the loop for 40 ms
        described = connection.execute("describe select * from read_parquet(?)", [source]).fetchall()
        names = [str(name) for name, *_ in described]
        places = known_columns(names)
    except (duckdb.Error, UnusableFileError) as error:
        connection.close()
        raise UnusableFileError(_first_line(error)) from None
    texts = ", ".join(
        f"{_quoted(names[places[column]])}::varchar" if column in places else "null" for column in COLUMNS
    )

    def blocks() -> Generator[Block, None, None]:
        number = 1
        with closing(connection):
            try:
                result = connection.execute(f"select {texts} from read_parquet(?)", [source])  # noqa: S608
                while rows := result.fetchmany(_BLOCK_ROWS):
                    yield number, rows
                    number += len(rows)
            except duckdb.Error as error:
                complain(number, f"the file ends early: {_first_line(error)}")

    return Rows(frozenset(places), blocks())


def _quoted(name: str) -> str:
    """A column's name as SQL takes it, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    """What went wrong, without the statement that DuckDB shows below it."""
    return str(error).partition("\n")[0]
