"""Exports: rows as CSV, Arrow or Parquet, window by window, so that none is in memory whole."""

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import nanoarrow
from nanoarrow.ipc import StreamWriter

from tradewatch.errors import HistoryError
from tradewatch.history.arrow import batch_of, schema_of
from tradewatch.history.duckdb.database import NO_EXTENSIONS, run
from tradewatch.history.shown import Columns, Form

#: Bytes that one piece of an answer has at most.
CHUNK_BYTES = 256 * 1024
_MEMORY_BYTES = 128 << 20


class _Sink:
    """Takes what a writer writes, until somebody wants it."""

    closed = False

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def arrow_bytes(windows: Iterable[Columns]) -> Iterator[bytes]:
    """An Arrow IPC stream; at least one window, which may be empty, tells the schema."""
    sink = _Sink()
    with StreamWriter.from_writable(sink) as writer:
        for columns in windows:
            batch = batch_of(columns)
            if batch.length:
                writer.write_array(batch)
            else:
                empty = nanoarrow.c_array_stream([], schema_of(columns))
                writer.write_stream(empty)
            yield from _chunks(sink.take())
    yield sink.take()


def csv_bytes(windows: Iterable[Columns], directory: Path) -> Iterator[bytes]:
    """Comma separated values with a line of names; times in ISO 8601 or in Unix seconds.

    Args:
        windows: the rows; at least one window, which may be empty.
        directory: where a window is put down for a moment.
    """
    with _scratch(directory) as (connection, folder):
        path = folder / "rows.csv"
        header = True
        for columns in windows:
            connection.register("batch", nanoarrow.Array(batch_of(columns)))
            shown = ", ".join(_csv_value(column.name, column.form) for column in columns)
            run(connection, f"copy (select {shown} from batch) to '{path}' (format csv, header {header})")
            header = False
            yield from _file_chunks(path)


def parquet_bytes(windows: Iterable[Columns], directory: Path) -> Iterator[bytes]:
    """A Parquet file: its beginning depends on its end, so it is written to the disk first.

    Args:
        windows: the rows; at least one window, which may be empty.
        directory: where it is put down.
    """
    with _scratch(directory) as (connection, folder):
        path = folder / "rows.parquet"
        into = "create table rows as"
        for columns in windows:
            connection.register("batch", nanoarrow.Array(batch_of(columns)))
            run(connection, f"{into} select * from batch")
            into = "insert into rows"
        run(connection, f"copy rows to '{path}' (format parquet, compression zstd)")
        yield from _file_chunks(path)


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[tuple["duckdb.DuckDBPyConnection", Path]]:
    """A database and a folder for one export, gone behind it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as name:
        folder = Path(name)
        # A name with a quote would end the SQL text that it stands in.
        if "'" in name:
            raise HistoryError(f"{directory}: exports cannot be written below a name with a quote")
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{_MEMORY_BYTES}B",
            "threads": 1,
            **NO_EXTENSIONS,
        }
        connection = duckdb.connect(str(folder / "scratch.duckdb"), config=config)
        try:
            yield connection, folder
        finally:
            connection.close()


def _csv_value(name: str, form: Form) -> str:
    match form:
        case Form.NANOSECONDS:
            # Not strftime: with nanoseconds, that of DuckDB 2.0.0 writes bytes that are no text.
            return f"replace(make_timestamp_ns(epoch_ns({name}))::varchar, ' ', 'T') || 'Z' as {name}"
        case Form.SECONDS:
            return f"epoch({name})::bigint as {name}"
        case Form.DECIMAL:
            text = f"{name}::varchar"
            return f"if(contains({text}, '.'), rtrim(rtrim({text}, '0'), '.'), {text}) as {name}"
        case _:
            return name


def _chunks(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for begin in range(0, len(view), CHUNK_BYTES):
        yield bytes(view[begin : begin + CHUNK_BYTES])


def _file_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
