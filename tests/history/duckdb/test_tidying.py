from pathlib import Path
from typing import Any

import pytest
from tests.history.duckdb.conftest import Open
from tests.history.tapes import ALL, BTCUSDT, DAY_MS, EURUSD, NOW_MS, XAUUSD, Tape, everything, read, rows

from tradewatch.history.archive import Recorded
from tradewatch.history.duckdb.runs import Runs
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.record import Record

DAY = 86_400_000
HOUR = 3_600_000
#: Before a day counts as settled.
SOON = DAY_MS + HOUR // 2


def tidied(history: DuckHistory, now_ms: int = SOON) -> None:
    while history.tidy(now_ms=now_ms):
        pass


def parts(directory: Path) -> list[str]:
    """The folders of all files, one for each file."""
    return sorted(path.parent.relative_to(directory).as_posix() for path in directory.glob("*/*/*.parquet"))


def put(history: DuckHistory, tape: Tape, records: list[Record]) -> None:
    history.record(tape.stretch(records), now_ms=NOW_MS)


def test_full_tables_become_a_part_for_each_class_and_day(directory: Path, history: DuckHistory) -> None:
    tape = Tape()
    records = [
        tape.quote(instrument, event_ns=(DAY_MS + day * DAY + at) * 1_000_000)
        for instrument, day in ((EURUSD, 0), (EURUSD, -1), (BTCUSDT, 0), (XAUUSD, 3))
        for at in range(15)
    ]
    put(history, tape, records)
    assert (history.totals().hot_rows, parts(directory)) == (60, [])
    assert history.tidy(now_ms=SOON) is True
    assert (history.totals().hot_rows, history.totals().rows, history.totals().parts) == (0, 60, 4)
    assert parts(directory) == [
        "commodities/2026-05-14",
        "crypto/2026-05-11",
        "currencies/2026-05-10",
        "currencies/2026-05-11",
    ]
    assert history.totals().bytes == sum(path.stat().st_size for path in directory.glob("*/*/*.parquet"))
    for instrument in (EURUSD, BTCUSDT, XAUUSD):
        expected = sorted(rows(each for each in records if each.instrument is instrument))
        assert everything(history, instrument) == expected


def test_days_beyond_a_number_share_a_part(
    directory: Path, history: DuckHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.history.duckdb.tidying._MAX_GROUPS", 4)
    tape = Tape()
    records = [
        tape.quote(event_ns=(day * DAY + at) * 1_000_000)
        for day in range(30)
        for at in range(3 if day % 8 else 5)
    ]
    put(history, tape, records)
    tidied(history)
    assert parts(directory) == [
        "currencies/1970-01-01",
        "currencies/1970-01-09",
        "currencies/1970-01-17",
        "currencies/1970-01-25",
        "currencies/days",
    ]
    assert everything(history) == rows(records)


def test_rows_of_days_that_share_a_part_are_read_in_bounded_windows(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.history.duckdb.tidying._MAX_GROUPS", 1)
    monkeypatch.setattr("tradewatch.history.duckdb.index._WINDOW_ROWS", 30)
    history, tape = opened(), Tape()
    records = [tape.quote(event_ns=(day * DAY + at) * 1_000_000) for day in range(50) for at in range(6)]
    put(history, tape, records)
    tidied(history)
    with history.reading() as reading:
        windows = list(reading.windows(1, ALL))
        assert max(map(len, windows)) < 80
        assert read(history, reading) == rows(records)
        assert read(history, reading, backwards=True) == rows(records)


def test_eight_parts_of_a_day_become_one(directory: Path, history: DuckHistory) -> None:
    tape = Tape()
    expected = []
    for at in range(8):
        records = tape.quotes(50, from_ms=DAY_MS + at)
        put(history, tape, records)
        assert history.tidy(now_ms=SOON) is True
        assert history.totals().parts == at + 1
        expected += rows(records)
    assert history.tidy(now_ms=SOON) is True
    assert (history.totals().parts, history.totals().rows) == (1, 400)
    assert everything(history) == sorted(expected)
    tidied(history)
    assert parts(directory) == ["currencies/2026-05-11"]


def test_a_day_that_is_settled_becomes_one_part(directory: Path, history: DuckHistory) -> None:
    tape = Tape()
    for _ in range(3):
        put(history, tape, tape.quotes(50))
    tidied(history, DAY_MS + HOUR)
    assert history.totals().parts == 3, "nobody knows yet whether more comes"
    tidied(history, DAY_MS + HOUR + 2_000)
    assert history.totals().parts == 1
    assert history.tidy(now_ms=DAY_MS + 2 * DAY) is False
    assert len(everything(history)) == 150
    assert len(parts(directory)) == 1


def test_rows_of_yesterday_leave_the_database_although_they_are_few(history: DuckHistory) -> None:
    tape = Tape()
    put(history, tape, tape.quotes(5))
    tidied(history, DAY_MS + DAY + 599_000)
    assert history.totals().hot_rows == 5
    tidied(history, DAY_MS + DAY + 600_000)
    assert (history.totals().hot_rows, history.totals().rows) == (0, 5)
    put(history, tape, tape.quotes(5))
    assert len(everything(history)) == 10


def test_rows_go_when_their_class_keeps_them_no_longer(directory: Path, opened: Open) -> None:
    day_s = 86_400.0
    history = opened(
        retain_s={AssetClass.CURRENCIES: day_s, AssetClass.CRYPTO: 3 * day_s, AssetClass.STOCKS: None}
    )
    tape = Tape()
    for instrument in (EURUSD, BTCUSDT, XAUUSD):
        put(history, tape, tape.quotes(50, instrument))
    later = DAY_MS + DAY + HOUR
    tidied(history, later)
    assert [everything(history, each) == [] for each in (EURUSD, BTCUSDT, XAUUSD)] == [True, False, False]
    assert parts(directory) == ["commodities/2026-05-11", "crypto/2026-05-11"]
    history = opened(retain_s={AssetClass.CURRENCIES: day_s})
    assert history.record(tape.stretch(tape.quotes(1)), now_ms=later) == Recorded(1, 0, 0, 0), "no hole"


def test_a_file_goes_only_when_nobody_reads_who_may_want_it(directory: Path, history: DuckHistory) -> None:
    tape = Tape()
    for _ in range(7):
        put(history, tape, tape.quotes(50))
        tidied(history)
    expected = everything(history)
    with history.reading() as early:
        put(history, tape, tape.quotes(50))
        tidied(history)
        assert history.totals().parts == 1
        assert len(parts(directory)) == 9
        with history.reading() as late:
            assert read(history, early) == expected
            assert len(read(history, late)) == 400
        tidied(history)
        assert len(parts(directory)) == 9
    tidied(history)
    assert len(parts(directory)) == 1


def test_a_reader_that_began_while_files_were_merged_keeps_them(
    directory: Path, history: DuckHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape()
    for _ in range(8):
        put(history, tape, tape.quotes(50))
    while history.totals().parts < 8:
        history.tidy(now_ms=SOON)
    begun: list[Any] = []
    finish = Runs._finish

    def begins_meanwhile(*given: Any) -> None:
        begun.append(history.reading())
        begun.append(begun[0].__enter__())
        finish(*given)

    monkeypatch.setattr(Runs, "_finish", begins_meanwhile)
    assert history.tidy(now_ms=SOON) is True
    tidied(history)
    assert len(read(history, begun[1])) == 400
    begun[0].__exit__(None, None, None)
    tidied(history)
    assert len(parts(directory)) == 1


def test_stray_files_go_when_it_is_opened(directory: Path, opened: Open) -> None:
    history, tape = opened(), Tape()
    put(history, tape, tape.quotes(50))
    tidied(history)
    strays = [
        directory / "currencies/2026-05-11" / name for name in ("0000000077.parquet", "0000000078.unfinished")
    ]
    for stray in strays:
        stray.write_bytes(b"left")
    kept = [
        directory / "currencies/2026-05-11" / name
        for name in ("0000000079.damaged", "notes.txt", "0000000001 (copy).parquet")
    ]
    for path in kept:
        path.write_bytes(b"kept")
    history = opened()
    assert not any(stray.exists() for stray in strays)
    assert all(path.exists() for path in kept)
    put(history, tape, tape.quotes(50))
    tidied(history)
    assert (kept[0].with_name("0000000080.parquet")).exists(), "a number that no file has"
    assert len(everything(history)) == 100


@pytest.mark.parametrize("name", ["it's", "source=7 [a]*"])
def test_the_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    history, tape = DuckHistory(tmp_path / name / "history", hot_rows=20), Tape()
    try:
        for _ in range(9):
            put(history, tape, tape.quotes(20))
            tidied(history)
        assert len(everything(history)) == 180
        assert {each.source for each in everything(history)} == {"replay"}
        assert (history.totals().parts, history.totals().damaged) == (2, 0)
    finally:
        history.close()
