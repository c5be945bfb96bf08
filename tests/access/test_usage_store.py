"""The usage store: what it keeps, replaces and forgets, in SQLite, and what it would say to PostgreSQL."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from tradewatch.access.database import FILE_NAME, open_database, reading, writing
from tradewatch.access.lags import Lags
from tradewatch.access.store import KeyStore
from tradewatch.access.usage import DAY_S, HOUR_S, Counts, Usage, UsageRow
from tradewatch.access.usage_store import UsageStore
from tradewatch.clock import ManualClock
from tradewatch.errors import KeyStoreError

HOUR_0_S = 1_767_387_600  # 2026-01-02T21:00:00Z


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UsageStore]:
    with UsageStore.open(tmp_path) as store:
        yield store


def row(key_id: str, hour: int = 0, *, gateway: str = "g", **counts: int) -> UsageRow:
    return UsageRow(key_id, HOUR_0_S + hour * HOUR_S, gateway, Usage(Counts(**counts)))


FULL = UsageRow(
    "abcdefghijkl",
    HOUR_0_S,
    "g",
    Usage(Counts(1, 2, 2**33, 2**62, 5, 6, 7, 8, 9), 4, Lags([(3, 17), (239, 2**40)])),
)


def test_what_was_written_is_read(store: UsageStore, tmp_path: Path):
    store.write([FULL])
    assert store.read(0, 2**62) == [FULL]
    store.close()
    with UsageStore.open(tmp_path) as again:
        assert again.read(0, 2**62) == [FULL]


def test_a_row_takes_the_place_of_the_one_before_and_of_no_other(store: UsageStore):
    others = [row("b", requests=1), row("a", 1, requests=2), row("a", gateway="h", requests=3)]
    store.write([row("a", bytes_in=5), *others])
    newer = UsageRow("a", HOUR_0_S, "g", Usage(Counts(bytes_in=4), 2, Lags([(1, 1)])))
    for _ in range(2):
        store.write([newer])
        assert sorted(store.read(0, 2**62), key=lambda row: row[:3]) == [
            newer,
            others[2],
            others[1],
            others[0],
        ]


def test_a_span_of_some_keys_the_oldest_first(store: UsageStore):
    rows = [row(key_id, hour, requests=hour) for key_id in "ba" for hour in (3, 2, 1, 0)]
    store.write(rows)
    found = store.read(HOUR_0_S + HOUR_S, HOUR_0_S + 3 * HOUR_S)
    assert [(each.key_id, each.usage.counts.requests) for each in found] == [
        ("a", 1),
        ("b", 1),
        ("a", 2),
        ("b", 2),
    ]
    assert [each.key_id for each in store.read(HOUR_0_S, HOUR_0_S + 1, key_ids={"b", "c"})] == ["b"]
    assert store.read(HOUR_0_S, HOUR_0_S + 1, key_ids=set()) == []


def test_what_one_gateway_counted_in_one_hour(store: UsageStore):
    mine = [row("a", requests=1), row("b", requests=2)]
    store.write([*mine, row("a", gateway="h"), row("a", 1)])
    assert store.of_gateway("g", HOUR_0_S) == mine
    assert store.of_gateway("x", HOUR_0_S) == []


def test_old_hours_are_forgotten(store: UsageStore):
    store.write([row("a", hour) for hour in range(4)])
    assert store.forget_before(HOUR_0_S + 2 * HOUR_S) == 2
    assert store.forget_before(HOUR_0_S + 2 * HOUR_S) == 0
    assert store.read(0, 2**62) == [row("a", 2), row("a", 3)]


def test_rows_are_written_all_or_none(store: UsageStore, tmp_path: Path):
    engine = open_database(tmp_path)
    with writing(engine) as connection:
        connection.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON usage WHEN NEW.key_id = 'b'"
                " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        )
    engine.dispose()
    with pytest.raises(KeyStoreError) as caught:
        store.write([row("a"), row("b")])
    assert str(caught.value) == f"{tmp_path / FILE_NAME}: database or disk is full"
    assert store.read(0, 2**62) == []
    store.write([])


def test_a_database_without_usage_gets_it_and_keeps_its_keys(tmp_path: Path):
    with KeyStore.open(tmp_path, clock=ManualClock()) as keys:
        key, _ = keys.create("desk", plan="demo")
    engine = open_database(tmp_path)
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE usage"))
        connection.execute(text("DROP TABLE insights"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    with UsageStore.open(tmp_path) as store:
        store.write([FULL])
        assert store.read(0, 2**62) == [FULL]
    with KeyStore.open(tmp_path, clock=ManualClock()) as keys:
        assert keys.load() == [key]


def test_threads_write_side_by_side(store: UsageStore):
    def write(key_id: str) -> None:
        for count in range(20):
            store.write([row(key_id, requests=count)])

    threads = [threading.Thread(target=write, args=key_id) for key_id in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(0, 2**62) == [row(key_id, requests=19) for key_id in "abcd"]


def test_a_key_is_found_without_reading_the_others(store: UsageStore, tmp_path: Path):
    engine = open_database(tmp_path)
    with reading(engine) as connection:
        plans = [
            str(connection.execute(text(f"EXPLAIN QUERY PLAN SELECT * FROM usage WHERE {condition}")).all())
            for condition in ("key_id IN ('a') AND hour_s >= 1 AND hour_s < 9", "hour_s < 9")
        ]
    engine.dispose()
    assert "(key_id=? AND hour_s>? AND hour_s<?)" in plans[0]
    assert "usage_hours (hour_s<?)" in plans[1]


def test_postgresql_is_told_the_same():
    class Engine:
        dialect = postgresql.dialect()

    statement = str(UsageStore(Engine())._upsert.compile(dialect=postgresql.dialect()))
    assert "ON CONFLICT (key_id, hour_s, gateway) DO UPDATE SET" in statement
    replaced = statement.split(" DO UPDATE SET ")[1].split(", ")
    names = (*Counts._fields, "peak_connections", "lags")
    assert replaced == [f"{name} = excluded.{name}" for name in names]


def test_sums_of_a_key_by_hour_and_by_day(store: UsageStore):
    """The first hour is 21:00, so the day has three of these."""
    store.write([row("a", hour, requests=10**hour, bytes_in=2**61) for hour in range(4)])
    store.write([row("a", 1, gateway="h", requests=5), row("b", 1, requests=7)])
    day_s = HOUR_0_S - 21 * HOUR_S
    by_hour = store.sums("a", HOUR_0_S, HOUR_0_S + 2 * HOUR_S, interval_s=HOUR_S)
    assert list(by_hour.items()) == [
        (HOUR_0_S, Counts(requests=1, bytes_in=2**61)),
        (HOUR_0_S + HOUR_S, Counts(requests=15, bytes_in=2**61)),
    ]
    by_day = store.sums("a", 0, 2**62, interval_s=DAY_S)
    assert by_day == {
        day_s: Counts(requests=116, bytes_in=3 * 2**61),
        day_s + DAY_S: Counts(requests=1_000, bytes_in=2**61),
    }
    assert store.sums("c", 0, 2**62, interval_s=DAY_S) == {}


def test_sums_without_what_is_in_memory(store: UsageStore):
    store.write([row("a", requests=1), row("a", 1, requests=2), row("a", gateway="h", requests=4)])
    sums = store.sums("a", 0, 2**62, interval_s=DAY_S, without=[row("a", requests=99), row("a", 2)])
    assert [counts.requests for counts in sums.values()] == [6]


def test_the_requests_of_each_key_since_an_hour(store: UsageStore):
    store.write([row("a", hour, requests=10**hour) for hour in range(3)])
    store.write([row("a", 1, gateway="h", requests=5), row("b", 2, requests=7), row("c", requests=9)])
    assert store.requests_since(HOUR_0_S + HOUR_S) == {"a": 115, "b": 7}
