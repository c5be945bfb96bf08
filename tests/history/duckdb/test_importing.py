import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.duckdb.conftest import Open
from tests.history.duckdb.test_tidying import put, tidied
from tests.history.tapes import DAY_MS, EURUSD, NOW_MS, Row, Tape, everything

from tradewatch.errors import HistoryError, ImportFileError, InvalidPriceError
from tradewatch.history.archive import Archive
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.request import Phase, Progress
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.model.record import Flags

HEADER = "ts_ms,symbol,bid,ask,bid_size,ask_size"


def taken(history: DuckHistory, path: Path, **options: Any) -> list[Progress]:
    """All steps of an import."""
    options = {"asset_class": None, "skip_bad_rows": False, "now_ms": NOW_MS} | options
    return list(history.import_file(path, **options))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of lines."""

    def write(*lines: str, header: str = HEADER, name: str = "currencies-day.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *lines, ""]))
        return path

    return write


def rows_of(history: Archive, symbol: str, asset_class: AssetClass = AssetClass.CURRENCIES) -> list[Row]:
    return everything(history, Instrument(0, asset_class, symbol, 0))


def price(text: str) -> Price | None:
    return Price.parse(text) if text else None


def test_rows_are_there_as_they_stand_in_the_file(history: DuckHistory, write: Callable[..., Path]) -> None:
    path = write(
        f"{DAY_MS + 2},EURUSD,1.10500,1.1052,1000000,2.50",
        f"{DAY_MS + 1},eurusd,1.1,,,",
        f"{DAY_MS + 1}.000250,EURUSD,1.2,1.1,0.5,",
        f"{DAY_MS + 3},USDJPY,,157.3e0,,7",
        f" {DAY_MS + 4} , EURUSD , 1.3 , 1.3 ,,",
    )
    *_, done = taken(history, path)
    assert done == Progress(Phase.DONE, 5, 5, rows=5)
    epoch_ms = NOW_MS

    def row(event_ms: int, seq: int, *texts: str, flags: int = 0, sub_ns: int = 0) -> Row:
        prices = [price(text) for text in texts]
        return Row(event_ms * 1_000_000 + sub_ns, epoch_ms, seq, NOW_MS * 1_000_000, *prices, "", flags)  # type: ignore[arg-type]

    one_sided = Flags.ONE_SIDED.value
    assert rows_of(history, "EURUSD") == [
        row(DAY_MS + 1, 2, "1.1", "", "", "", flags=one_sided),
        row(DAY_MS + 1, 3, "1.2", "1.1", "0.5", "", flags=Flags.CROSSED.value, sub_ns=250),
        row(DAY_MS + 2, 1, "1.105", "1.1052", "1000000", "2.5"),
        row(DAY_MS + 4, 4, "1.3", "1.3", "", "", flags=Flags.LOCKED.value),
    ]
    assert rows_of(history, "USDJPY") == [row(DAY_MS + 3, 1, "", "157.3", "", "7", flags=one_sided)]


numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)).map(lambda pair: f"{pair[0]}.{pair[1]:06}00"),
    st.text("0123456789.+-eE_x ", min_size=1, max_size=8),
    st.sampled_from(
        [".5", "5.", "+1.50", "-0", "0.0", "1e-36", "1e-37", "9223372036854775807", "1e19", "1e3"]
    ),
    st.sampled_from(["nan", "inf", "Infinity", "0x1F", "1_000", "٣", "1,5", "1.2.3", ".", "e5", "1e", "--1"]),
)


#: Every file is of a symbol of its own, and all go into one history, which takes longer to open than to fill.
symbols = (f"G{number}" for number in itertools.count())


@given(texts=st.lists(numbers, min_size=1, max_size=60))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_a_number_is_what_the_model_takes_for_one(
    tmp_path: Path, history: DuckHistory, texts: list[str]
) -> None:
    """Differential: DuckDB's SQL against `Price.parse`, digit by digit."""
    path, symbol = tmp_path / "commodities-x.csv", next(symbols)
    path.write_text(
        "\n".join([HEADER, *(f'{DAY_MS + at},{symbol},"{text}",,,' for at, text in enumerate(texts))])
    )
    expected: list[tuple[int, Price]] = []
    for at, text in enumerate(texts):
        try:
            expected.append((DAY_MS + at, Price.parse(text.strip())))
        except InvalidPriceError:
            continue
    *_, done = taken(history, path, skip_bad_rows=True)
    assert (done.rows, done.skipped) == (len(expected), len(texts) - len(expected))
    found = rows_of(history, symbol, AssetClass.COMMODITIES) if expected else []
    assert [(row.event_ns // 1_000_000, row.bid) for row in found] == expected


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (f"{DAY_MS},EUR USD,1,2,,", "not a symbol: EUR USD"),
        (f"{DAY_MS},,1,2,,", "not a symbol: "),
        ("yesterday,EURUSD,1,2,,", "ts_ms is no time between 1970 and 2200: yesterday"),
        ("-1,EURUSD,1,2,,", "ts_ms is no time between 1970 and 2200: -1"),
        ("999999999999999,EURUSD,1,2,,", "ts_ms is no time between 1970 and 2200: 999999999999999"),
        ("1e300,EURUSD,1,2,,", "ts_ms is no time between 1970 and 2200: 1e300"),
        (",EURUSD,1,2,,", "ts_ms is no time between 1970 and 2200: "),
        (f"{DAY_MS},EURUSD,,,,", "neither bid nor ask"),
        (f"{DAY_MS},EURUSD,1.0x,2,,", "bid is no exact number: 1.0x"),
        (f"{DAY_MS},EURUSD,1,NaN,,", "ask is no exact number: NaN"),
        (f"{DAY_MS},EURUSD,1,9223372036854775808,,", "ask is no exact number: 9223372036854775808"),
        (f"{DAY_MS},EURUSD,0,2,,", "a price that is not above zero: 0, 2"),
        (f"{DAY_MS},EURUSD,1,-2,,", "a price that is not above zero: 1, -2"),
        (f"{DAY_MS},EURUSD,1,2,-5,", "bid_size is no size"),
        (f"{DAY_MS},EURUSD,1,2,,many", "ask_size is no size"),
    ],
)
def test_a_file_with_a_bad_row_is_refused_with_its_line(
    history: DuckHistory, write: Callable[..., Path], line: str, trouble: str
) -> None:
    good = f"{DAY_MS},EURUSD,1.1,1.2,,"
    path = write(good, good, line, good, line)
    with pytest.raises(ImportFileError) as refused:
        taken(history, path)
    assert str(refused.value) == (f"{path}: line 4: {trouble} (2 bad rows; nothing of the file was taken in)")
    assert history.totals().rows == 0
    *_, done = taken(history, path, skip_bad_rows=True)
    assert (done.rows, done.skipped) == (3, 2)
    assert len(rows_of(history, "EURUSD")) == 3


def test_the_line_is_right_in_a_large_file_read_by_many(opened: Open, write: Callable[..., Path]) -> None:
    lines = [f"{DAY_MS + at},EURUSD,1.{at:06}5,2,," for at in range(400_000)]
    lines[313_370] = f"{DAY_MS},EURUSD,bad,2,,"
    history = opened(threads=4)
    with pytest.raises(ImportFileError, match=r"line 313372: bid is no exact number: bad \(1 bad rows"):
        taken(history, write(*lines))
    taken(history, write(*lines), skip_bad_rows=True)
    found = rows_of(history, "EURUSD")
    assert [row.seq for row in found] == list(range(1, 400_000))
    assert found[399_998].bid == Price.parse("1.3999995")


def test_lines_are_counted_as_an_editor_counts_them(history: DuckHistory, tmp_path: Path) -> None:
    path = tmp_path / "currencies-x.csv"
    good, bad = f"{DAY_MS},EURUSD,1,2,,", f"{DAY_MS},EURUSD,one,2,,"
    path.write_bytes("\r\n".join([HEADER, good, "", "", good, bad, f"{good},7,8", ""]).encode())
    with pytest.raises(ImportFileError, match=r"line 6: bid is no exact number: one \(2 bad rows"):
        taken(history, path)
    path.write_text(f"{HEADER}\n{good}\nEURUSD,1\n\n{bad}\n{good}")
    with pytest.raises(ImportFileError, match=r"line 3: missing columns \(2 bad rows"):
        taken(history, path)
    *_, done = taken(history, path, skip_bad_rows=True)
    assert (done.rows, done.skipped) == (2, 2)


def test_a_row_that_never_ends_takes_the_file_with_it(
    history: DuckHistory, write: Callable[..., Path]
) -> None:
    good = f"{DAY_MS},EURUSD,1,2,,"
    path = write(good, f'{DAY_MS},EURUSD,"1,2,,', good, good)
    with pytest.raises(ImportFileError, match=r"line 3: a quote is not closed; nothing"):
        taken(history, path, skip_bad_rows=True)
    assert history.totals().rows == 0


def test_no_row_is_taken_for_something_else(history: DuckHistory, write: Callable[..., Path]) -> None:
    """What looks like a comment, a header or a table of its own is a row, and a bad one is told of."""
    lines = [f"{DAY_MS + at},EURUSD,1.{at:02},2,," for at in range(60)]
    lines[30] = f"#{lines[30]}"
    first = [f"{DAY_MS},EURUSD,1,2"] * 10
    with pytest.raises(ImportFileError, match=r"line 32: ts_ms is no time between 1970 and 2200: #17"):
        taken(history, write(*lines))
    with pytest.raises(ImportFileError, match=r"line 2: missing columns \(10 bad rows"):
        taken(history, write(*first, *lines[:30]))
    with pytest.raises(ImportFileError, match=r"no column bid, ask in its header"):
        taken(history, write("a,b,c,d,e,f", HEADER, *lines[:30], header="ts_ms;symbol,symbol,ts_ms"))
    assert history.totals().rows == 0


@pytest.mark.parametrize("folder", ["symbol=FOO", "asset_class=stocks", "bid=7"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_names_of_folders_say_nothing(
    history: DuckHistory, tmp_path: Path, folder: str, form: str
) -> None:
    path = tmp_path / folder / f"crypto-a.{form}"
    path.parent.mkdir()
    duckdb.sql(
        f"copy (select {DAY_MS} as ts_ms, 'BTCUSD' as symbol, '1.5' as bid, '2' as ask)"
        f" to '{path}' (format {form})"
    )
    assert taken(history, path)[-1].rows == 1
    (row,) = rows_of(history, "BTCUSD", AssetClass.CRYPTO)
    assert row.bid == Price.parse("1.5")


def test_a_mark_of_the_byte_order_and_a_column_twice_do_no_harm(history: DuckHistory, tmp_path: Path) -> None:
    path = tmp_path / "currencies-x.csv"
    path.write_bytes(f"\ufeff{HEADER},bid,note\n{DAY_MS},EURUSD,1,2,,,9,x\n".encode())
    assert taken(history, path)[-1].rows == 1
    assert rows_of(history, "EURUSD")[0].bid == Price.parse("1")


def test_rows_of_parquet_are_counted_from_one(history: DuckHistory, tmp_path: Path) -> None:
    path = tmp_path / "crypto-a.parquet"
    duckdb.sql(
        f"copy (select {DAY_MS} as ts_ms, 'BTCUSD' as symbol, if(range = 6, 'x', '1') as bid, '2' as ask"
        f" from range(9)) to '{path}' (format parquet)"
    )
    with pytest.raises(ImportFileError, match=r"row 7: bid is no exact number: x"):
        taken(history, path)


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"ts_ms,symbol,bid\n1,EURUSD,1\n", "no column ask in its header"),
        (b"", ""),
        (b"PAR1 and no more", ""),
        (b"\x1f\x8b and no more", ""),
        (gzip.compress(b"ts_ms,symbol,bid,ask\n" + b"1,EURUSD,1,2\n" * 5_000)[:-9], ""),
        (b'ts_ms,symbol,bid,ask\n1,EURUSD,"1,2\n', ""),
        (bytes(range(256)) * 16, ""),
    ],
)
def test_a_file_that_is_none_is_refused_and_leaves_nothing(
    history: DuckHistory, tmp_path: Path, directory: Path, content: bytes, trouble: str
) -> None:
    path = tmp_path / "currencies-x.csv"
    path.write_bytes(content)
    with pytest.raises(ImportFileError) as refused:
        taken(history, path)
    assert str(refused.value).startswith(f"{path}: {trouble}")
    assert history.totals().rows == 0
    assert list((directory / "tmp").glob("import-*")) == []
    tape = Tape()
    put(history, tape, tape.quotes(3))
    assert len(everything(history)) == 3, "the history goes on"


def test_a_file_that_is_not_there_is_refused(history: DuckHistory, tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match=r"none\.csv"):
        taken(history, tmp_path / "none.csv")
    with pytest.raises(ImportFileError):
        taken(history, tmp_path)


def test_a_file_is_taken_in_once_compressed_or_not(history: DuckHistory, write: Callable[..., Path]) -> None:
    path = write(*(f"{DAY_MS + at},EURUSD,1.1,1.2,," for at in range(100)))
    assert taken(history, path)[-1].rows == 100
    again = path.with_name("currencies-other.csv.gz")
    again.write_bytes(gzip.compress(path.read_bytes()))
    for each in (path, again):
        assert taken(history, each)[-1] == Progress(Phase.DONE, repeated=True)
    assert len(rows_of(history, "EURUSD")) == 100
    *_, done = taken(history, write(f"{DAY_MS},EURUSD,1.1,1.2,,", name="currencies-new.csv"))
    assert done.rows == 1
    assert len(rows_of(history, "EURUSD")) == 101


def test_the_class_is_of_the_option_then_of_the_column_then_of_the_name(
    history: DuckHistory, write: Callable[..., Path]
) -> None:
    header = HEADER + ",Asset_Class"
    lines = [f"{DAY_MS},X1,1,2,,,crypto", f"{DAY_MS},X2,1,2,,,STOCKS"]
    taken(history, write(*lines, header=header, name="indices-1.csv"), asset_class=AssetClass.COMMODITIES)
    assert {each.asset_class for each in history.instruments()} == {AssetClass.COMMODITIES}
    taken(history, write(*lines, header=header, name="indices-2.csv"))
    taken(history, write(f"{DAY_MS},X1,1,2,,", name="indices-3.csv"))
    known = {(each.asset_class.value, each.symbol) for each in history.instruments()}
    assert known == {
        ("commodities", "X1"),
        ("commodities", "X2"),
        ("crypto", "X1"),
        ("stocks", "X2"),
        ("indices", "X1"),
    }
    with pytest.raises(ImportFileError, match="nothing says which class"):
        taken(history, write(f"{DAY_MS},X1,1,2,,", name="some.csv"))
    with pytest.raises(ImportFileError, match="line 2: no such asset class"):
        taken(history, write(f"{DAY_MS},X1,1,2,,,bonds", header=header, name="some.csv"))


@pytest.mark.parametrize("kind", ["varchar", "decimal(18, 5)", "double"])
def test_parquet_is_read_whatever_its_columns_are(history: DuckHistory, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "crypto-day.parquet"
    duckdb.sql(
        f"copy (select {DAY_MS} + range as ts_ms, 'BTCUSDT' as symbol, '61837.63'::{kind} as bid,"
        f" '61837.6405'::{kind} as ask from range(1000)) to '{path}' (format parquet)"
    )
    assert taken(history, path)[-1].rows == 1_000
    found = rows_of(history, "BTCUSDT", AssetClass.CRYPTO)
    assert {(row.bid, row.ask) for row in found} == {(Price.parse("61837.63"), Price.parse("61837.6405"))}


@pytest.mark.parametrize("name", ["crypto-[1]*.csv", "crypto-day=1 'x'.csv", "crypto-ü {a,b}?.csv.gz"])
def test_a_file_may_have_any_name(history: DuckHistory, tmp_path: Path, name: str) -> None:
    (tmp_path / "crypto-1.csv").write_text(f"{HEADER}\n{DAY_MS},OTHER,1,2,,\n")
    path = tmp_path / name
    content = f"{HEADER}\n{DAY_MS},X,1,2,,\n".encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert taken(history, path)[-1].rows == 1
    assert [each.symbol for each in history.instruments()] == ["X"]


def test_what_is_imported_stands_beside_what_was_recorded(
    history: DuckHistory, write: Callable[..., Path]
) -> None:
    tape = Tape()
    put(history, tape, tape.quotes(20))
    taken(history, write(*(f"{DAY_MS + at},EURUSD,1.12345678,2,," for at in range(20))))
    put(history, tape, tape.quotes(5, from_ms=DAY_MS + 100))
    found = everything(history, EURUSD)
    assert len(found) == 45
    assert [row.event_ns for row in found] == sorted(row.event_ns for row in found)
    assert {row.epoch_ms for row in found} == {DAY_MS, NOW_MS}
    tidied(history, DAY_MS + 72 * 3_600_000)
    assert everything(history, EURUSD) == found


def test_what_ends_in_the_middle_leaves_nothing(
    directory: Path, opened: Open, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    history = opened()
    days = [f"{DAY_MS + day * 86_400_000},EURUSD,1.{day},2,," for day in range(1, 9)]
    path = write(*days)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises((HistoryError, OSError)):
        patched.setattr("tradewatch.history.duckdb.runs.Runs._finish", fails)
        taken(history, path)
    for step in history.import_file(path, asset_class=None, skip_bad_rows=False, now_ms=NOW_MS):
        if step.phase is Phase.WRITING:
            break
    assert history.totals().rows == 0
    assert list(directory.glob("currencies/*/*")) == [], "nor on the disk"
    history = opened()
    assert history.totals().rows == 0
    assert taken(history, path)[-1].rows == 8
    assert len(rows_of(history, "EURUSD")) == 8


def test_how_far_it_is_can_be_seen(history: DuckHistory, write: Callable[..., Path]) -> None:
    steps = taken(history, write(*(f"{DAY_MS + at * 43_200_000},EURUSD,1,2,," for at in range(10))))
    assert list(dict.fromkeys(step.phase for step in steps)) == [
        Phase.READING,
        Phase.PARSING,
        Phase.SORTING,
        Phase.WRITING,
        Phase.DONE,
    ]
    for step in steps:
        assert 0 <= step.done <= step.total
    writing = [step.done for step in steps if step.phase is Phase.WRITING]
    assert writing == [2, 4, 6, 8, 10]
