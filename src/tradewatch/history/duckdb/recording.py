"""Recording: what was taken of the tape goes into the table of recent rows, in one transaction."""

import duckdb
import numpy as np

from tradewatch.history.duckdb.database import hot_table, hot_tables, run, value
from tradewatch.history.intake import Taken
from tradewatch.history.registry import Registry
from tradewatch.model.asset_class import CLASS_BY_NUMBER, CLASS_NUMBERS

#: Holes that are remembered one by one; of more only the number.
MAX_HOLES = 100_000


def load_registry(cursor: "duckdb.DuckDBPyConnection") -> Registry:
    """The names and numbers of a database, and how far each instrument is recorded."""
    registry = Registry()
    for _, class_number, symbol, *scales in run(cursor, "from instruments order by number"):
        registry.add(CLASS_BY_NUMBER[class_number], symbol, scale=scales[0], size_scale=scales[1])
    for _, name in run(cursor, "from sources order by number"):
        registry.source(name)
    for _, epoch_ms in run(cursor, "from epochs order by number"):
        registry.epoch(epoch_ms)
    load_heads(cursor, registry, reached(cursor)[1] or 0)
    return registry


def load_heads(cursor: "duckdb.DuckDBPyConnection", registry: Registry, epoch: int) -> None:
    """Let a registry know how far each instrument is recorded in an epoch."""
    registry.heads_epoch = epoch
    registry.heads[:] = 0
    rows = ["select instrument, epoch, last_seq as seq from contents", "from heads"]
    rows += [f"select instrument, epoch, seq from {table}" for table in hot_tables(cursor)]
    heads = f"select instrument, max(seq) from ({' union all '.join(rows)}) where epoch = ? group by 1"
    for number, seq in run(cursor, heads, epoch):
        registry.heads[number] = seq


def keep_heads(cursor: "duckdb.DuckDBPyConnection", part: int) -> None:
    """Remember how far each instrument is recorded, although a part goes; within the caller's transaction."""
    run(
        cursor,
        "merge into heads using (select instrument, epoch, last_seq from contents where part = ?) as gone"
        " on heads.instrument = gone.instrument and heads.epoch = gone.epoch"
        " when matched then update set seq = greatest(heads.seq, gone.last_seq)"
        " when not matched then insert values (gone.instrument, gone.epoch, gone.last_seq)",
        part,
    )


class Saved:
    """How much of a registry the database has, so that only what is new is written.

    Args:
        registry: as it was loaded.
    """

    def __init__(self, registry: Registry) -> None:
        self._instruments = len(registry.instruments)
        self._sources = len(registry.sources)
        self._epochs = len(registry.epochs)
        self._scales = registry.scales.copy()
        self._size_scales = registry.size_scales.copy()

    def write_new(self, cursor: "duckdb.DuckDBPyConnection", registry: Registry) -> None:
        """Write what the registry has learnt since; within a transaction of the caller's."""
        for stored in registry.instruments[self._instruments :]:
            run(
                cursor,
                "insert into instruments values (?, ?, ?, ?, ?)",
                *(stored.number, CLASS_NUMBERS[stored.asset_class], stored.symbol),
                *_scales(registry, stored.number),
            )
        for number in self._rescaled(registry):
            statement = "update instruments set scale = ?, size_scale = ? where number = ?"
            run(cursor, statement, *_scales(registry, number), number)
        for number, name in enumerate(registry.sources[self._sources :], self._sources + 1):
            run(cursor, "insert into sources values (?, ?)", number, name)
        for number, epoch_ms in enumerate(registry.epochs[self._epochs :], self._epochs + 1):
            run(cursor, "insert into epochs values (?, ?)", number, epoch_ms)

    def _rescaled(self, registry: Registry) -> list[int]:
        """The instruments that were known, and have finer prices or sizes now."""
        known = self._instruments + 1
        finer = (registry.scales[:known] != self._scales[:known]) | (
            registry.size_scales[:known] != self._size_scales[:known]
        )
        return [int(number) for number in np.flatnonzero(finer)]


def _scales(registry: Registry, number: int) -> tuple[int, int]:
    return int(registry.scales[number]), int(registry.size_scales[number])


def write_taken(cursor: "duckdb.DuckDBPyConnection", generation: int, taken: Taken, *, now_ms: int) -> None:
    """Write rows and holes; within a transaction of the caller's."""
    if len(taken.ticks):
        columns = {"instrument": taken.instrument.astype(np.int32), **taken.ticks.columns()}
        insert_columns(cursor, hot_table(generation), columns)
    if taken.holes:
        columns = dict(
            zip(
                ("instrument", "epoch", "first_seq", "last_seq"),
                np.array(taken.holes, dtype=np.int64).T.copy(),
                strict=True,
            )
        )
        columns["found_ms"] = np.full(len(taken.holes), now_ms, dtype=np.int64)
        insert_columns(cursor, "holes", columns)
        count = value(cursor, "select count(*) from holes")
        add_meta(cursor, "holes", len(taken.holes))
        if count > MAX_HOLES:
            run(
                cursor,
                "delete from holes where rowid in (select rowid from holes order by rowid limit ?)",
                count - MAX_HOLES,
            )


def insert_columns(cursor: "duckdb.DuckDBPyConnection", table: str, columns: dict[str, np.ndarray]) -> None:
    """Append arrays to a table by their names; DuckDB takes a dict of arrays in scope for a table."""
    cursor.execute(f"insert into {table} by name select * from columns").fetchall()


def reached(cursor: "duckdb.DuckDBPyConnection") -> tuple[int | None, int | None]:
    """The log offset behind what was recorded last, and its epoch's number; nothing where nothing was."""
    (found,) = run(cursor, "select log_offset, epoch from reached")
    return found[0], found[1]


def reach(cursor: "duckdb.DuckDBPyConnection", log_offset: int, epoch: int) -> None:
    """Have a log offset remembered as reached.

    One row without a key, and not two of `meta`: they took three milliseconds of every batch.
    """
    run(cursor, "update reached set log_offset = ?, epoch = ?", log_offset, epoch)


def get_meta(cursor: "duckdb.DuckDBPyConnection", key: str) -> int | None:
    """A number that the database remembers."""
    found: int | None = value(cursor, "select value from meta where key = ?", key)
    return found


def set_meta(cursor: "duckdb.DuckDBPyConnection", key: str, number: int) -> None:
    """Have a number remembered."""
    run(cursor, "insert or replace into meta values (?, ?)", key, number)


def add_meta(cursor: "duckdb.DuckDBPyConnection", key: str, more: int) -> None:
    """Have a number remembered that is larger by so much."""
    if more:
        set_meta(cursor, key, (get_meta(cursor, key) or 0) + more)
