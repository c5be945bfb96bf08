"""The store of insights: what it keeps once, gives up and shows, whatever happens between two pages."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_mock_engine, event
from sqlalchemy.dialects import postgresql

from tradewatch.access.database import open_database
from tradewatch.access.store import KeyStore
from tradewatch.clock import ManualClock
from tradewatch.errors import TradewatchError
from tradewatch.insights.insight import Entry, Insight, MetaData
from tradewatch.insights.store import Added, InsightPage, InsightStore
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import Cursor

CRYPTO, STOCKS = AssetClass.CRYPTO, AssetClass.STOCKS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InsightStore]:
    with InsightStore.open(tmp_path) as store:
        yield store


def said(timestamp: int, content: str = "a", asset_class: AssetClass = CRYPTO) -> Entry:
    return Entry(asset_class, Insight(timestamp=timestamp, content=content))


def shown(page: InsightPage) -> list[int]:
    return [msgspec.json.decode(item)["timestamp"] for item in page.items]


def test_what_was_added_is_read_the_newest_first(store: InsightStore, tmp_path: Path) -> None:
    full = Entry(
        STOCKS,
        Insight(
            timestamp=5,
            content="“quoted”\n\\",
            meta_data=MetaData(markets=("NYSE",), tickets=("AAPL", "SPY"), hashtags=("a",)),
        ),
    )
    assert store.add([said(1), full, said(3)]) == Added(added=3)
    with InsightStore.open(tmp_path) as beside:
        assert list(beside.read(AssetClass)) == [full, said(3), said(1)]
        assert list(beside.read([CRYPTO], limit=1)) == [said(3)]
        (item,) = beside.page(STOCKS, size=9).items
    assert msgspec.json.decode(item, type=Insight) == full.insight


def test_the_same_is_kept_once(store: InsightStore) -> None:
    assert store.add([said(1), said(1), said(2)]) == Added(added=2, known=1)
    assert store.add([said(2), said(3), said(2, asset_class=STOCKS)]) == Added(added=2, known=1)
    assert store.add([]) == Added()
    assert store.page(CRYPTO, size=9).total == 3


def test_one_is_removed_from_its_class_only(store: InsightStore) -> None:
    store.add([said(1), said(1, asset_class=STOCKS)])
    assert store.remove(said(1).id) == said(1)
    assert list(store.read(AssetClass)) == [said(1, asset_class=STOCKS)]
    with pytest.raises(TradewatchError, match=f"no insight has the id '{said(1).id}'"):
        store.remove(said(1).id)


def test_the_oldest_of_all_classes_give_way(tmp_path: Path) -> None:
    with InsightStore(open_database(tmp_path), max_insights=3) as store:
        store.add([said(3), said(1, asset_class=STOCKS), said(2)])
        assert store.add([said(5), said(4)]) == Added(added=2, removed=2)
        assert list(store.read(AssetClass)) == [said(5), said(4), said(3)]
        assert store.add([said(1)]) == Added(added=1, removed=1), "it is the oldest itself"
        assert list(store.read(AssetClass)) == [said(5), said(4), said(3)]


def test_pages_to_the_end_and_back(store: InsightStore) -> None:
    store.add([said(number) for number in range(1, 6)] + [said(9, asset_class=STOCKS)])
    first = store.page(CRYPTO, size=2)
    second = store.page(CRYPTO, first.next, size=2)
    third = store.page(CRYPTO, second.next, size=2)
    assert [shown(page) for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert [page.total for page in (first, second, third)] == [5, 5, 5]
    assert (first.previous, third.next) == (None, None)
    assert store.page(CRYPTO, third.previous, size=2) == second
    assert store.page(CRYPTO, second.previous, size=2) == first
    assert store.page(CRYPTO, second.current, size=2) == second
    assert store.page(CRYPTO, second.current_backwards, size=2) == second
    assert shown(store.page(CRYPTO, Cursor((), backwards=True), size=2)) == [2, 1]


def test_a_page_that_is_empty_by_now_leads_back(store: InsightStore) -> None:
    assert store.page(CRYPTO, size=2) == InsightPage(
        [], 0, Cursor(()), Cursor((), backwards=True, inclusive=True), None, None
    )
    store.add([said(1), said(2), said(3)])
    cursor = store.page(CRYPTO, size=2).next
    store.remove(said(1).id)
    page = store.page(CRYPTO, cursor, size=2)
    assert (shown(page), page.next) == ([], None)
    assert shown(store.page(CRYPTO, page.previous, size=2)) == [3, 2]
    assert page.previous == page.current_backwards
    store.add([said(1)])
    assert shown(store.page(CRYPTO, page.current, size=2)) == [1]


TIMES = st.lists(st.tuples(st.integers(0, 8), st.sampled_from("abc")), unique=True, max_size=16)


@settings(deadline=None, max_examples=40)
@given(
    present=TIMES,
    changes=st.lists(TIMES, max_size=6),
    removed=st.data(),
    size=st.integers(1, 4),
    backwards=st.booleans(),
)
def test_no_insight_that_stays_is_left_out_or_comes_twice(
    present: list[tuple[int, str]],
    changes: list[list[tuple[int, str]]],
    removed: st.DataObject,
    size: int,
    backwards: bool,
) -> None:
    """Whatever comes and goes between two pages, in either direction."""
    with tempfile.TemporaryDirectory() as directory, InsightStore.open(Path(directory)) as store:
        entries = [said(*one) for one in present]
        store.add(entries)
        staying = set(entries)
        page = store.page(CRYPTO, Cursor((), backwards=backwards), size=size)
        read: list[str] = []
        for steps in range(60):
            read = [*page.items, *read] if backwards else [*read, *page.items]
            cursor = page.previous if backwards else page.next
            if steps < len(changes):
                store.add([said(*one) for one in changes[steps]])
                if staying:
                    gone = removed.draw(st.sampled_from(sorted(staying, key=lambda entry: entry.id)))
                    staying.discard(gone)
                    store.remove(gone.id)
            if cursor is None:
                break
            page = store.page(CRYPTO, cursor, size=size)
        kept = [Entry(CRYPTO, msgspec.json.decode(item, type=Insight)) for item in read]
        assert len(set(kept)) == len(kept)
        assert staying <= set(kept)
        keys = [(entry.insight.timestamp, entry.id) for entry in kept]
        assert keys == sorted(keys, reverse=True)


def test_a_page_is_found_by_its_key_and_not_by_reading_all_before_it(store: InsightStore) -> None:
    store.add([said(number) for number in range(50)])
    asked: list[tuple[str, object]] = []
    cursors = [Cursor((30, "x"), backwards=backwards) for backwards in (False, True)]
    with store._engine.connect() as connection:

        def note(
            _connection: object, _cursor: object, statement: str, parameters: object, *_: object
        ) -> None:
            asked.append((statement, parameters))

        event.listen(store._engine, "before_cursor_execute", note)
        for cursor in cursors:
            store.page(CRYPTO, cursor, size=2)
        event.remove(store._engine, "before_cursor_execute", note)
        pages = [one for one in asked if "ORDER BY" in one[0]]
        assert len(pages) == 4
        for statement, parameters in pages:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            (step,) = [row.detail for row in plan]
            assert "USING INDEX insights_by_class (asset_class=? AND (timestamp_ms,id)" in step


def test_keys_live_beside_insights(store: InsightStore, tmp_path: Path) -> None:
    with KeyStore.open(tmp_path, clock=ManualClock()) as keys:
        key, _ = keys.create("desk", plan="standard")
        store.add([said(1)])
        assert keys.load() == [key]


def test_postgresql_is_told_the_same() -> None:
    engine = create_mock_engine("postgresql://", lambda _: None)
    insert = InsightStore(engine)._insert  # type: ignore[arg-type]
    assert str(insert.compile(dialect=postgresql.dialect())).endswith("ON CONFLICT DO NOTHING")
