"""Damage: files that cannot be read are put aside, and what was in them is named."""

import logging
from collections.abc import Collection
from pathlib import Path

import duckdb

from tradewatch.history.duckdb.database import run
from tradewatch.history.duckdb.parts import FILES, forget_part, put_aside
from tradewatch.history.duckdb.recording import add_meta, keep_heads
from tradewatch.history.duckdb.transaction import transaction

_log = logging.getLogger("tradewatch.history")


def put_damaged_aside(
    cursor: "duckdb.DuckDBPyConnection", directory: Path, suspects: Collection[str], *, now_s: float
) -> int:
    """Look at some files, and let those count no more that cannot be read whole; how many these are.

    Their positions become holes, and the file keeps its bytes under another name.

    Args:
        cursor: a connection to the database, in no transaction.
        directory: `<data-dir>/history`.
        suspects: the paths of the files.
        now_s: Unix time.
    """
    damaged = [
        (part, file)
        for part, file, size in run(cursor, "select part, file, bytes from parts")
        if str(directory / file) in suspects and not _readable(cursor, directory / file, size)
    ]
    for part, file in damaged:
        path = directory / file
        _log.error("%s cannot be read and is put aside; its positions are named as holes", path)
        with transaction(cursor):
            run(
                cursor,
                "insert into holes select instrument, epoch, first_seq, last_seq, ? from contents"
                " where part = ?",
                *(round(now_s * 1_000), part),
            )
            add_meta(cursor, "holes", run(cursor, "select count(*) from contents where part = ?", part)[0][0])
            add_meta(cursor, "damaged", 1)
            keep_heads(cursor, part)
            forget_part(cursor, part)
        if path.exists():
            put_aside(path)
    return len(damaged)


def _readable(cursor: "duckdb.DuckDBPyConnection", path: Path, size: int) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        # Statistics at the end of the file answer counts and maxima; this is answered by the rows alone.
        run(cursor, f"select bit_xor(hash(columns(*))) from {FILES}", str(path))
    except (OSError, duckdb.Error):
        return False
    return True
