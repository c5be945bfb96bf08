"""Who has rows in the tables of recent rows, so that the others need not be looked for there."""

from collections.abc import Iterable, Sequence

import duckdb

from tradewatch.history.duckdb.database import hot_tables, run

#: Tables that are remembered: a reader may still see one that was dropped since it began.
_REMEMBERED = 16


class HotMembers:
    """Instruments by table; rather too many than too few.

    They are entered before their rows are committed and stay when their table goes, so whoever sees a row in
    a table finds its instrument here. A table that nobody entered may have rows of all.
    """

    def __init__(self) -> None:
        self._members: dict[str, set[int]] = {}

    def load(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        """Enter what the tables of a database have."""
        for table in hot_tables(cursor):
            self.enter(
                table, (number for (number,) in run(cursor, f"select distinct instrument from {table}"))
            )

    def enter(self, table: str, numbers: Iterable[int]) -> None:
        """Rows of these instruments are about to be committed to a table; with none, it is known as empty."""
        self._members.setdefault(table, set()).update(numbers)
        while len(self._members) > _REMEMBERED:
            del self._members[next(iter(self._members))]

    def tables_of(self, number: int, tables: Sequence[str]) -> list[str]:
        """Those of some tables that may have rows of an instrument."""
        members = self._members
        return [table for table in tables if table not in members or number in members[table]]
