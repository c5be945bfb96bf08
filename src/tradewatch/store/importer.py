"""Imports from the command line: through the store process that runs, or into the store itself."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tradewatch.errors import HistoryError
from tradewatch.history.request import ImportRequest, Progress
from tradewatch.store.address import reachable_path, socket_path
from tradewatch.store.frames import HEADER, Kind, read_head, request_frame

_decoder = msgspec.json.Decoder(Progress)


def import_through(history: Path, request: ImportRequest) -> Iterator[Progress] | None:
    """Have the store process of a history take a file in; None where none answers.

    Raises:
        HistoryError: by the iterator: it broke off.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        with reachable_path(socket_path(history)) as name:
            connection.connect(name)
        connection.sendall(request_frame(request))
    except OSError:
        connection.close()
        return None
    return _progress(connection)


def import_here(history: Path, request: ImportRequest) -> Iterator[Progress]:
    """Take a file in without a store process; the caller sees to it that none runs.

    Raises:
        HistoryError: the history cannot be opened or written.
        ImportFileError: the file cannot be taken in.
    """
    # Imported here: who asks the process that runs needs no DuckDB.
    from tradewatch.history.duckdb.store import DuckHistory  # noqa: PLC0415

    with contextlib.closing(DuckHistory(history)) as archive:
        yield from archive.import_file(
            Path(request.path),
            asset_class=request.asset_class,
            skip_bad_rows=request.skip_bad_rows,
            now_ms=time.time_ns() // 1_000_000,
        )


def _progress(connection: socket.socket) -> Iterator[Progress]:
    with connection, connection.makefile("rb") as answer:
        read: Callable[[int], bytes] = answer.read
        while True:
            header = read(HEADER.size)
            if len(header) < HEADER.size:
                raise HistoryError("the store process broke the import off; what it had begun is undone")
            kind, length = HEADER.unpack(header)
            body = read(length)
            if kind == Kind.CHUNK:
                yield _decoder.decode(body)
            elif kind == Kind.HEAD:
                head = read_head(body)
                if head.reason:
                    raise HistoryError(head.message)
            elif kind == Kind.END:
                return
            else:
                raise HistoryError("the store process could not finish the import; its log says why")
