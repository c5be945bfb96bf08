"""The usage store: what keys used, by the hour, in the access database."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, Row, Table, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from tradewatch.access.database import open_database, reading, writing
from tradewatch.access.lags import Lags
from tradewatch.access.schema import USAGE
from tradewatch.access.usage import DAY_S, Counts, Usage, UsageRow

#: How long usage is kept: a year, and a month to look back at it.
KEPT_S = 400 * DAY_S

_IDENTITY = [column.name for column in USAGE.primary_key]
#: "Insert, or replace what is there" is in no common dialect of SQL; these two write it alike.
_INSERTS: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class UsageStore:
    """Usage in a database.

    Every method opens a short transaction of its own and may be called from any thread. Each may raise
    KeyStoreError where the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        statement = _INSERTS[engine.dialect.name](USAGE)
        replaced = {name: column for name, column in statement.excluded.items() if name not in _IDENTITY}
        self._upsert = statement.on_conflict_do_update(index_elements=_IDENTITY, set_=replaced)

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """The store in a data directory, both made where they are missing.

        Raises:
            DataDirectoryError: the directory or the file cannot be made.
            KeyStoreError: the file is no database of ours, or one of a newer version.
        """
        return cls(open_database(data_dir))

    def write(self, rows: Sequence[UsageRow]) -> None:
        """Keep these rows in place of what was kept of the same keys, hours and gateways: all or none."""
        if rows:
            with writing(self._engine) as connection:
                connection.execute(self._upsert, [_columns(row) for row in rows])

    def of_gateway(self, gateway: str, hour_s: int) -> list[UsageRow]:
        """What one server process counted in one hour."""
        query = select(USAGE).where(USAGE.c.hour_s == hour_s, USAGE.c.gateway == gateway)
        with reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(query)]

    def read(self, from_s: int, to_s: int, *, key_ids: Collection[str] | None = None) -> list[UsageRow]:
        """Usage in a span of time, the oldest hour first.

        Args:
            from_s: the first hour; Unix seconds.
            to_s: the hour behind the last one.
            key_ids: of these keys only; None for all.
        """
        query = select(USAGE).where(USAGE.c.hour_s >= from_s, USAGE.c.hour_s < to_s)
        if key_ids is not None:
            query = query.where(USAGE.c.key_id.in_(key_ids))
        with reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(query.order_by(USAGE.c.hour_s, USAGE.c.key_id))]

    def sums(
        self, key_id: str, from_s: int, to_s: int, *, interval_s: int, without: Collection[UsageRow] = ()
    ) -> dict[int, Counts]:
        """What one key used in a span of time, by when each interval began, the oldest first.

        Args:
            key_id: the key's id.
            from_s: the first hour; Unix seconds.
            to_s: the hour behind the last one.
            interval_s: `HOUR_S` or `DAY_S`.
            without: rows in memory, whose like in the store are left out.
        """
        start_s = (USAGE.c.hour_s - USAGE.c.hour_s % interval_s).label("start_s")
        query = select(start_s, *(func.sum(USAGE.c[name]) for name in Counts._fields)).where(
            USAGE.c.key_id == key_id, USAGE.c.hour_s >= from_s, USAGE.c.hour_s < to_s
        )
        for row in without:
            query = query.where(or_(USAGE.c.gateway != row.gateway, USAGE.c.hour_s != row.hour_s))
        with reading(self._engine) as connection:
            rows = connection.execute(query.group_by("start_s").order_by("start_s"))
            return {int(start): Counts._make(map(int, counts)) for start, *counts in rows}

    def requests_since(self, hour_s: int) -> dict[str, int]:
        """How many HTTP requests each key made from this hour on, by the keys' ids."""
        query = select(USAGE.c.key_id, func.sum(USAGE.c.requests)).where(USAGE.c.hour_s >= hour_s)
        with reading(self._engine) as connection:
            rows = connection.execute(query.group_by(USAGE.c.key_id))
            return {key_id: int(requests) for key_id, requests in rows}

    def forget_before(self, hour_s: int) -> int:
        """Delete all hours before this one; how many rows that were."""
        with writing(self._engine) as connection:
            return connection.execute(delete(USAGE).where(USAGE.c.hour_s < hour_s)).rowcount

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _columns(row: UsageRow) -> dict[str, Any]:
    """A row as the table has it."""
    key_id, hour_s, gateway, usage = row
    return {
        "key_id": key_id,
        "hour_s": hour_s,
        "gateway": gateway,
        **usage.counts._asdict(),
        "peak_connections": usage.peak_connections,
        "lags": usage.lags.counts,
    }


def _row(row: Row[*tuple[Any, ...]]) -> UsageRow:
    """A row of the table."""
    key_id, hour_s, gateway, *counts, peak_connections, lags = row
    usage = Usage(Counts._make(counts), peak_connections, Lags((slot, count) for slot, count in lags))
    return UsageRow(key_id, hour_s, gateway, usage)
