import asyncio
import csv
import gzip
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path

import duckdb
import psutil
import pytest

from tradewatch.errors import FeedSpecError
from tradewatch.feeds.replay import SEAM_NS, ReplaySource
from tradewatch.feeds.source import MAX_BATCH
from tradewatch.feeds.spec import ReplaySpec, parse_feed_spec
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.record import Record
from tradewatch.reference.catalogue import Catalogue

_REAL = [
    ("currencies-EURUSD-20140508.csv.gz", 87_833, 5),
    ("commodities-XAUUSD-20140509.csv.gz", 60_000, 3),
    ("crypto-BTCUSDT-20240808.csv.gz", 28_040, 2),
    ("indices-ESU4-20240701.csv.gz", 2_288, 2),
    ("indices-DE30EUR-20190220.csv.gz", 1_206, 1),
    ("stocks-SPY-20131007.csv.gz", 27_409, 2),
]

_Value = tuple[str, int, Decimal | None, Decimal | None]


def _source(text: str, timeline, catalogue: Catalogue) -> ReplaySource:
    spec = parse_feed_spec(f"replay:{text}")
    assert isinstance(spec, ReplaySpec)
    return ReplaySource(spec, catalogue, timeline.clock, timeline.sleep)


async def _records(source: ReplaySource, limit: int = 10**9) -> list[Record]:
    records: list[Record] = []
    async with aclosing(source.batches()) as batches:
        async for batch in batches:
            assert 1 <= len(batch) <= MAX_BATCH
            records += batch
            if len(records) >= limit:
                break
    return records


def _value(record: Record) -> _Value:
    return (
        record.instrument.key,
        record.event_ns,
        None if record.bid is None else Decimal(record.bid.text),
        None if record.ask is None else Decimal(record.ask.text),
    )


def _expected(path: Path) -> list[_Value]:
    """What stands in a file, read without any of the code under test."""
    asset_class = path.name.partition("-")[0]
    with gzip.open(path, "rt", newline="") as file:
        return [
            (
                f"{asset_class}:{row['symbol']}",
                int(row["ts_ms"]) * 10**6,
                Decimal(row["bid"]),
                Decimal(row["ask"]),
            )
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize(("name", "rows", "decimals"), _REAL)
async def test_every_row_of_a_real_file_comes_out_in_its_order(
    shared_data: Path, timeline, catalogue, name: str, rows: int, decimals: int
) -> None:
    source = _source(f"{shared_data / name}?speed=max", timeline, catalogue)
    [instrument] = source.instruments()
    assert instrument.decimals == decimals
    records = await _records(source)
    assert [_value(record) for record in records] == _expected(shared_data / name)
    assert len(records) == rows
    state = source.state
    assert (state.quotes, state.bad_rows, state.last_bad, state.finished) == (rows, 0, "", True)
    assert timeline.waits == []


async def test_a_folder_is_merged_by_time_and_equal_times_keep_the_order_of_files(
    shared_data: Path, timeline, catalogue
) -> None:
    records = await _records(_source(f"{shared_data}?speed=max", timeline, catalogue))
    names = sorted(name for name, _, _ in _REAL)
    expected = [value for name in names for value in _expected(shared_data / name)]
    expected.sort(
        key=lambda value: value[1]
    )  # every real file is in the order of time, so this is stable too
    assert [_value(record) for record in records] == expected


async def test_two_files_of_one_hour_take_turns(write_rows, timeline, catalogue) -> None:
    first = write_rows("crypto-a.csv", "1,A,1,2", "5,A,2,3", "3,A,3,4", "9,A,4,5")
    second = write_rows("crypto-b.csv.gz", "1,B,1,2", "4,B,2,3", "5,B,3,4", "6,B,4,5")
    records = await _records(_source(f"{first},{second}?speed=max", timeline, catalogue))
    order = [f"{record.instrument.symbol}{record.bid.mantissa}" for record in records if record.bid]
    assert order == ["A1", "B1", "B2", "A2", "A3", "B3", "B4", "A4"]


async def test_rows_are_due_as_far_apart_as_they_were_recorded(write_rows, timeline, catalogue) -> None:
    path = write_rows("crypto-a.csv", "5000,A,1,2", "5000,A,2,3", "5250,A,3,4", "5100,A,4,5", "65250.5,A,5,6")
    source = _source(str(path), timeline, catalogue)
    start_ns = timeline.clock.now_ns()
    found = []
    async for batch in source.batches():
        passed_ns = timeline.clock.now_ns() - start_ns
        found.append((passed_ns, [record.bid.text for record in batch if record.bid]))
        assert {record.received_ns for record in batch} == {(start_ns + passed_ns) // 1000 * 1000}
    assert found == [(0, ["1", "2"]), (250_000_000, ["3", "4"]), (60_250_500_000, ["5"])]
    assert source.state.behind_s == 0


@pytest.mark.parametrize(
    ("speed", "waits"), [("10", [0.1, 0.3]), ("0.5", [2.0, 6.0]), ("3", [0.333333, 1.0])]
)
async def test_speed_divides_the_waits(
    write_rows, timeline, catalogue, speed: str, waits: list[float]
) -> None:
    path = write_rows("crypto-a.csv", "1000,A,1,2", "2000,A,2,3", "5000,A,3,4")
    records = await _records(_source(f"{path}?speed={speed}", timeline, catalogue))
    assert [record.event_ns for record in records] == [1_000_000_000, 2_000_000_000, 5_000_000_000]
    assert timeline.waits == waits


async def test_a_batch_takes_all_that_is_due_and_no_more_than_its_limit(
    write_rows, timeline, catalogue
) -> None:
    """A reader that comes back late gets what fell due meanwhile, in full batches, late as it is."""
    path = write_rows("crypto-a.csv", *[f"{number},A,1,2" for number in range(5_000)])
    source = _source(str(path), timeline, catalogue)
    sizes, behind = [], []
    async for batch in source.batches():
        if not sizes:
            timeline.clock.advance(3.0)
        sizes.append(len(batch))
        behind.append(round(source.state.behind_s, 3))
        if sum(sizes) >= 3_001:
            break
    assert sizes == [1, 1000, 1000, 1000]
    assert behind == [0, 2.999, 1.999, 0.999]


async def test_time_now_shifts_events_exactly_and_never_back(write_rows, timeline, catalogue) -> None:
    path = write_rows("crypto-a.csv", "1000,A,1,2", "2000.123456,A,2,3", "1500,A,3,4", "5000,A,4,5")
    start_ns = timeline.clock.now_ns()
    records = await _records(_source(f"{path}?time=now&speed=4", timeline, catalogue))
    assert [record.event_ns - start_ns for record in records] == [0, 250_030_864, 250_030_864, 1_000_000_000]
    assert all(0 <= record.received_ns + 999 - record.event_ns < 1_000_000 for record in records)


async def test_time_now_at_full_speed_is_the_time_of_the_hand_over(write_rows, timeline, catalogue) -> None:
    path = write_rows("crypto-a.csv", "1000,A,1,2", "900000,A,2,3")
    now_ns = timeline.clock.now_ns()
    records = await _records(_source(f"{path}?time=now&speed=max", timeline, catalogue))
    assert [record.event_ns for record in records] == [now_ns, now_ns]


@pytest.mark.parametrize("time", ["original", "now"])
async def test_a_loop_begins_again_after_a_second(write_rows, timeline, catalogue, time: str) -> None:
    path = write_rows("crypto-a.csv.gz", "1000,A,1,2", "3000,A,2,3")
    start_ns = timeline.clock.now_ns()
    source = _source(f"{path}?loop=true&time={time}", timeline, catalogue)
    records = await _records(source, limit=6)
    assert SEAM_NS == 1_000_000_000
    assert timeline.waits == [2.0, 1.0, 2.0, 1.0, 2.0]
    seconds = [0, 2, 3, 5, 6, 8] if time == "now" else [1, 3, 1, 3, 1, 3]
    origin_ns = start_ns if time == "now" else 0
    assert [record.event_ns - origin_ns for record in records] == [each * 10**9 for each in seconds]
    assert not source.state.finished


async def test_a_loop_over_nothing_ends(write_rows, timeline, catalogue) -> None:
    path = write_rows("crypto-a.csv", "1,A,x,y")
    source = _source(f"{path}?loop=true", timeline, catalogue)
    assert await _records(source) == []
    assert (source.state.finished, source.state.bad_rows) == (True, 1)


async def test_bad_rows_are_counted_and_the_others_go_on(write_rows, timeline, catalogue) -> None:
    path = write_rows(
        "crypto-a.csv", "1,A,1,2", "2,A,NaN,2", "3,A,2", "4,A,-1,2", "no time,A,1,2", "6,A\0,1,2", "7,A,3,"
    )
    with path.open("ab") as file:
        file.write(b"8,A,\xff,2\n" + b"9" * 70_000 + b"\n10,A,4,5\n")
    source = _source(f"{path}?speed=max", timeline, catalogue)
    records = await _records(source)
    assert [record.event_ns // 10**6 for record in records] == [1, 7, 10]
    assert records[1].ask is None
    assert (source.state.quotes, source.state.bad_rows) == (3, 7)


async def test_a_long_run_of_bad_rows_lets_the_loop_turn(write_rows, timeline, catalogue) -> None:
    path = write_rows("crypto-a.csv", "1,A,1,2", *["2,A,x,y"] * 100_000, "3,A,1,2")
    source = _source(f"{path}?speed=max", timeline, catalogue)
    assert len(await _records(source)) == 2
    assert len(timeline.slept) > 20
    assert source.state.bad_rows == 100_000


async def test_a_cut_gzip_gives_the_rows_before_the_cut(
    shared_data: Path, tmp_path: Path, timeline, catalogue
) -> None:
    name = "stocks-SPY-20131007.csv.gz"
    whole = (shared_data / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * 2 // 3])
    source = _source(f"{tmp_path / name}?speed=max", timeline, catalogue)
    records = await _records(source)
    expected = _expected(shared_data / name)
    assert [_value(record) for record in records] == expected[: len(records)]
    assert len(records) > len(expected) / 2
    assert source.state.bad_rows == 1
    line = len(records) + 2
    assert source.state.last_bad == f"{name} line {line}: the file ends early: the gzip stream is cut"


async def test_a_file_without_its_columns_is_counted_once_and_the_others_go_on(
    write_rows, timeline, catalogue
) -> None:
    bad = write_rows("crypto-a.csv", "1,A,1", header="ts_ms,symbol,bid")
    good = write_rows("crypto-b.csv", "1,B,1,2")
    source = _source(f"{bad},{good}?speed=max&loop=true", timeline, catalogue)
    records = await _records(source, limit=3)
    assert [record.instrument.symbol for record in records] == ["B"] * 3
    assert source.state.bad_rows == 1
    assert source.state.last_bad == "crypto-a.csv: no column ask in its header 'ts_ms,symbol,bid'"


@pytest.mark.parametrize(
    ("name", "fault"), [("crypto-none.csv", "no such file or folder"), ("a.csv", "nothing says which class")]
)
def test_what_cannot_be_replayed_is_refused_at_the_start(
    write_rows, timeline, catalogue, name: str, fault: str
) -> None:
    path = write_rows("a.csv", "1,A,1,2").with_name(name)
    with pytest.raises(FeedSpecError, match=fault) as caught:
        _source(str(path), timeline, catalogue)
    assert name in str(caught.value)


async def test_an_unknown_instrument_is_added_with_the_precision_seen(
    write_rows, timeline, catalogue
) -> None:
    rows = ["1,A,1.5,2", "2,A,1.125,2"]
    late = [*["3,A,1,2"] * 15_000, "4,B,0.5,0.75"]
    source = _source(str(write_rows("crypto-a.csv", *rows, *late)), timeline, catalogue)
    assert [(each.symbol, each.decimals) for each in source.instruments()] == [("A", 3)]
    await _records(source)
    found = catalogue.get(AssetClass.CRYPTO, "B")
    assert found is not None
    assert found.decimals == 2


@pytest.mark.parametrize("kind", ["double", "decimal(18, 5)", "varchar"])
async def test_parquet_says_the_same_as_csv(
    shared_data: Path, tmp_path: Path, timeline, catalogue, kind: str
) -> None:
    name = "currencies-EURUSD-20140508"
    packed = tmp_path / f"{name}.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            f"copy (select ts_ms, symbol, bid::{kind} as bid, ask::{kind} as ask from "
            f"read_csv('{shared_data / name}.csv.gz', all_varchar = true)) to '{packed}' (format parquet)"
        ).fetchall()
    source = _source(f"{packed}?speed=max", timeline, catalogue)
    assert [_value(record) for record in await _records(source)] == _expected(shared_data / f"{name}.csv.gz")
    assert source.state.bad_rows == 0


async def test_bad_rows_of_parquet_are_named_too(tmp_path: Path, timeline, catalogue) -> None:
    path = tmp_path / "crypto-a.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "copy (select * from (values (1, 'A', 1.5::double, null), (2, 'A', 'nan'::double, 1), "
            "(null, 'A', 1, 2), (4, 'A', null, 2.25)) t(ts_ms, symbol, bid, ask)) "
            f"to '{path}' (format parquet)"
        ).fetchall()
    source = _source(f"{path}?speed=max", timeline, catalogue)
    assert [_value(record) for record in await _records(source)] == [
        ("crypto:A", 1_000_000, Decimal("1.5"), None),
        ("crypto:A", 4_000_000, None, Decimal("2.25")),
    ]
    assert source.state.bad_rows == 2
    assert source.state.last_bad == "crypto-a.parquet line 3: ts_ms: not a decimal number: ''"


async def test_cancelling_closes_the_files(write_rows, timeline, catalogue) -> None:
    path = write_rows("crypto-a.csv", *["1,A,1,2"] * 5_000, "99999999,A,1,2")
    source = _source(str(path), timeline, catalogue)

    async def play() -> None:
        async with aclosing(source.batches()) as batches:
            async for _ in batches:
                await asyncio.sleep(0)
                playing.set()

    def is_open() -> bool:
        return any(path.samefile(file.path) for file in psutil.Process().open_files())

    playing = asyncio.Event()
    task = asyncio.create_task(play())
    await playing.wait()
    assert is_open()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_open()


async def test_called_again_it_begins_again(write_rows, timeline, catalogue) -> None:
    source = _source(str(write_rows("crypto-a.csv", "1,A,1,2", "2,A,2,3")), timeline, catalogue)
    first = [_value(record) for record in await _records(source)]
    assert [_value(record) for record in await _records(source)] == first
