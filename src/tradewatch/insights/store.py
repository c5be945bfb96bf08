"""The store of insights: a table of the access database, beside any number of servers and command lines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from sqlalchemy import Connection, Engine, Select, Table, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from tradewatch.access.database import open_database, reading, writing
from tradewatch.access.schema import INSIGHTS
from tradewatch.errors import TradewatchError
from tradewatch.insights.insight import Entry, Insight
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursor

#: The most insights of one store, those of all classes; beyond, the oldest give way. Each page counts its
#: list, which takes a database some 15 ms at this length.
MAX_INSIGHTS = 200_000

_INSERTS: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
#: By time, and where that is equal by id: the same order for everybody, whatever comes or goes.
_KEY = (INSIGHTS.c.timestamp_ms, INSIGHTS.c.id)
_NEWEST_FIRST = tuple(column.desc() for column in _KEY)
_ROWS_PER_FETCH = 1_000


class Added(NamedTuple):
    """What became of insights that were handed in.

    Attributes:
        added: those that are new.
        known: those that were there already.
        removed: the oldest of the store, which gave way.
    """

    added: int = 0
    known: int = 0
    removed: int = 0


class InsightPage(NamedTuple):
    """Some insights of one class, the newest first, and the places beside them.

    Attributes:
        items: each as the JSON that clients read.
        total: how many the class has.
        current: leads to this page, from its first item on.
        current_backwards: leads to this page, up to its last item.
        previous: leads to the newer ones; None where there are none.
        next: leads to the older ones; None where there are none.
    """

    items: list[str]
    total: int
    current: Cursor
    current_backwards: Cursor
    previous: Cursor | None
    next: Cursor | None


class InsightStore:
    """Insights in a database.

    Every method opens a short transaction of its own and may be called from any thread; what it wrote is seen
    by the next transaction of any process. Each may raise KeyStoreError where the database does not answer.
    """

    def __init__(self, engine: Engine, *, max_insights: int = MAX_INSIGHTS) -> None:
        self._engine = engine
        self._max_insights = max_insights
        self._insert = _INSERTS[engine.dialect.name](INSIGHTS).on_conflict_do_nothing()

    @classmethod
    def open(cls, data_dir: Path) -> Self:
        """The store in a data directory, both made where they are missing.

        Raises:
            DataDirectoryError: the directory or the file cannot be made.
            KeyStoreError: the file is no database of ours, or one of a newer version.
        """
        return cls(open_database(data_dir))

    def add(self, entries: Sequence[Entry]) -> Added:
        """Keep these, all or none; what is there already is not kept twice."""
        if not entries:
            return Added()
        with writing(self._engine) as connection:
            added = connection.execute(self._insert, [_columns(entry) for entry in entries]).rowcount
            return Added(added, len(entries) - added, self._make_room(connection))

    def _make_room(self, connection: Connection) -> int:
        """Remove the oldest, as long as there are too many; how many that were."""
        excess = (connection.scalar(select(func.count()).select_from(INSIGHTS)) or 0) - self._max_insights
        if excess <= 0:
            return 0
        oldest = select(INSIGHTS.c.id).order_by(*_KEY).limit(excess)
        return connection.execute(delete(INSIGHTS).where(INSIGHTS.c.id.in_(oldest))).rowcount

    def remove(self, insight_id: str) -> Entry:
        """Delete one.

        Returns:
            What it was.

        Raises:
            TradewatchError: there is none of this id.
        """
        with writing(self._engine) as connection:
            query = delete(INSIGHTS).where(INSIGHTS.c.id == insight_id)
            row = connection.execute(query.returning(INSIGHTS.c.asset_class, INSIGHTS.c.body)).one_or_none()
        if row is None:
            raise TradewatchError(f"no insight has the id {insight_id[:64]!r}")
        return _entry(*row)

    def read(self, classes: Iterable[AssetClass], *, limit: int | None = None) -> Iterator[Entry]:
        """The insights of these classes, the newest first; the list as it is when the first is asked for.

        Args:
            classes: whose.
            limit: so many at most; None for all.
        """
        query = (
            select(INSIGHTS.c.asset_class, INSIGHTS.c.body)
            .where(INSIGHTS.c.asset_class.in_(list(classes)))
            .order_by(*_NEWEST_FIRST)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=_ROWS_PER_FETCH).execute(query):
                yield _entry(*row)

    def page(self, asset_class: AssetClass, cursor: Cursor | None = None, *, size: int) -> InsightPage:
        """Insights of one class from a place on.

        The database finds the place by its key, so that a page costs the same wherever it stands in a list of
        any length.

        Args:
            asset_class: whose.
            cursor: the place, from an earlier page; None for the newest.
            size: how many at most.
        """
        cursor = cursor or Cursor(())
        of_class = INSIGHTS.c.asset_class == asset_class
        query = select(*_KEY, INSIGHTS.c.body).where(of_class)
        with reading(self._engine) as connection:
            rows = connection.execute(_from(query, cursor).limit(size + 1)).all()
            turned = cursor.key and connection.execute(_from(query, _turned(cursor)).limit(1)).first()
            total = connection.scalar(select(func.count()).where(of_class)) or 0
        further, left_behind, rows = len(rows) > size, bool(turned), rows[:size]
        newer, older = (further, left_behind) if cursor.backwards else (left_behind, further)
        if cursor.backwards:
            rows = rows[::-1]
        if rows:
            first, last = tuple(rows[0][:2]), tuple(rows[-1][:2])
            back, on = Cursor(first, backwards=True), Cursor(last)
            here = Cursor(first, inclusive=True), Cursor(last, backwards=True, inclusive=True)
        else:
            back, on = (cursor, _turned(cursor)) if cursor.backwards else (_turned(cursor), cursor)
            here = on, back
        return InsightPage(
            [row.body for row in rows], total, *here, back if newer else None, on if older else None
        )

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _from(query: Select[Any], cursor: Cursor) -> Select[Any]:
    """The query from a place on, in the direction of its reader."""
    query = query.order_by(*(_KEY if cursor.backwards else _NEWEST_FIRST))
    if not cursor.key:
        return query
    here, place = tuple_(*_KEY), tuple_(*map(literal, cursor.key))
    if cursor.inclusive:
        return query.where(here >= place if cursor.backwards else here <= place)
    return query.where(here > place if cursor.backwards else here < place)


def _turned(cursor: Cursor) -> Cursor:
    """The place from which a reader who turns round finds all that the other one does not."""
    return Cursor(cursor.key, backwards=not cursor.backwards, inclusive=not cursor.inclusive)


def _columns(entry: Entry) -> dict[str, Any]:
    """An insight as the table has it."""
    return {
        "id": entry.id,
        "asset_class": entry.asset_class.value,
        "timestamp_ms": entry.insight.timestamp,
        "body": msgspec.json.encode(entry.insight).decode(),
    }


def _entry(asset_class: str, body: str) -> Entry:
    """A row of the table."""
    return Entry(AssetClass(asset_class), msgspec.json.decode(body, type=Insight))
