"""A transaction as a block."""

import contextlib

import duckdb

from tradewatch.history.duckdb.database import run


class transaction:  # noqa: N801 - reads as the statement that it is
    """All statements of a block, or none of them."""

    def __init__(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        self._cursor = cursor

    def __enter__(self) -> None:
        run(self._cursor, "begin")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._roll_back()
            return
        try:
            run(self._cursor, "commit")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with contextlib.suppress(duckdb.Error):  # it was rolled back by the fault itself
            run(self._cursor, "rollback")
