import random
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest
from tests.history.duckdb.conftest import Open
from tests.history.duckdb.test_tidying import HOUR, parts, put, tidied
from tests.history.tapes import DAY_MS, NOW_MS, Row, Tape, everything

from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument

PAIRS = [Instrument(number, AssetClass.CRYPTO, f"C{number:02}USD", 2) for number in range(1, 11)]


class KilledError(Exception):
    """Here it ends."""


def killed(*_: object) -> NoReturn:
    raise KilledError


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is full with as many rows as 50 of each of two instruments."""
    monkeypatch.setattr("tradewatch.history.duckdb.runs._SLICE_ROWS", 100)


def filled(history: DuckHistory) -> dict[str, list[Row]]:
    """A day of ten instruments, the third with the most; what they have."""
    tape = Tape(instruments=PAIRS)
    for at in range(5):
        begin_ms = DAY_MS + at * HOUR
        for each in sorted(
            PAIRS, key=lambda each: each is PAIRS[2]
        ):  # its rows fill a table, and none are left
            put(history, tape, tape.quotes(60 if each is PAIRS[2] else 10, each, from_ms=begin_ms))
            history.tidy(now_ms=DAY_MS + HOUR // 2)
    return all_of(history)


def all_of(history: DuckHistory) -> dict[str, list[Row]]:
    return {each.symbol: everything(history, each) for each in PAIRS}


def instruments_of(directory: Path) -> list[list[int]]:
    """Of each file, in the order of their numbers."""
    files = sorted(directory.glob("*/*/*.parquet"), key=lambda path: path.stem)
    return [
        [
            number
            for (number,) in duckdb.sql(f"select distinct instrument from '{path}' order by 1").fetchall()
        ]
        for path in files
    ]


def settled(history: DuckHistory) -> None:
    tidied(history, DAY_MS + 48 * HOUR)


def test_many_rows_stand_in_slices_each_with_all_of_some_instruments(
    directory: Path, history: DuckHistory
) -> None:
    expected = filled(history)
    assert [len(each) for each in expected.values()] == [50, 50, 300, *[50] * 7]
    settled(history)
    assert instruments_of(directory) == [[1, 2], [3], [4, 5], [6, 7], [8, 9], [10]]
    assert all_of(history) == expected
    assert history.tidy(now_ms=DAY_MS + 48 * HOUR) is False, "slices of one run are not merged again"


def test_slices_are_merged_with_what_comes_later(directory: Path, history: DuckHistory) -> None:
    filled(history)
    settled(history)
    tape = Tape(epoch_ms=DAY_MS + HOUR, offset=1 << 40, instruments=PAIRS)
    put(history, tape, tape.quotes(60, PAIRS[0], from_ms=DAY_MS + 5))
    expected = all_of(history)
    assert len(expected["C01USD"]) == 110
    settled(history)
    assert instruments_of(directory) == [[1], [2], [3], [4, 5], [6, 7], [8, 9], [10]]
    assert all_of(history) == expected


@pytest.mark.parametrize("came", range(7))
@pytest.mark.parametrize("keeps_database", [True, False])
def test_killed_while_slices_come_it_has_every_row_once(
    directory: Path, opened: Open, monkeypatch: pytest.MonkeyPatch, came: int, keeps_database: bool
) -> None:
    history = opened()
    expected = filled(history)
    rename, renamed = Path.rename, []

    def dies(path: Path, target: Path) -> Path:
        if len(renamed) == came:
            raise KilledError
        renamed.append(target)
        return rename(path, target)

    with monkeypatch.context() as patched, pytest.raises(KilledError), history.reading():
        patched.setattr(Path, "rename", dies)
        patched.setattr(Path, "unlink", lambda *_, **__: None)
        patched.setattr("tradewatch.history.duckdb.runs.transaction", killed)
        settled(history)
    history.close()
    if not keeps_database:
        (directory / "hot.duckdb").unlink()
    history = opened()
    assert all_of(history) == expected
    settled(history)
    assert all_of(history) == expected
    assert len(parts(directory)) == 6


def test_slices_beside_one_that_was_put_aside_are_adopted(directory: Path, opened: Open) -> None:
    """Its run is finished, though files that it replaced are still there."""
    history = opened()
    expected = filled(history)
    before = set(directory.glob("*/*/*.parquet"))
    with history.reading():
        settled(history)
        history.close()
    *_, last = sorted(set(directory.glob("*/*/*.parquet")) - before)
    gone = duckdb.sql(f"select distinct instrument from '{last}'").fetchall()
    last.rename(last.with_suffix(".damaged"))
    (directory / "hot.duckdb").unlink()
    history = opened()
    symbols = {PAIRS[number - 1].symbol for (number,) in gone}
    assert all_of(history) == {name: [] if name in symbols else rows for name, rows in expected.items()}


def test_what_could_not_be_made_to_count_is_not_on_the_disk(
    directory: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = opened()
    expected = filled(history)
    before = sorted(directory.glob("*/*/*"))
    for patched in ("runs.transaction", "tidying.leave_part", "runs.enter_part"):
        with monkeypatch.context() as patch, pytest.raises(KilledError):
            patch.setattr(f"tradewatch.history.duckdb.{patched}", killed)
            settled(history)
        assert sorted(directory.glob("*/*/*")) == before
    settled(history)
    assert all_of(history) == expected


def test_eight_slices_of_one_run_are_not_eight_runs(
    directory: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.history.duckdb.runs._SLICE_ROWS", 40)
    history = opened()
    expected = filled(history)
    history.freeze_all(now_ms=DAY_MS + HOUR // 2)
    settled(history)
    assert len(parts(directory)) == 10
    assert history.tidy(now_ms=DAY_MS + 48 * HOUR) is False
    assert all_of(history) == expected


def test_a_large_run_is_left_alone_and_does_not_hold_up_the_others(
    directory: Path, history: DuckHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewatch.history.duckdb.runs._SLICE_ROWS", 10_000)
    expected = filled(history)
    settled(history)
    (large,) = directory.glob("*/*/*.parquet")
    monkeypatch.setattr("tradewatch.history.duckdb.tidying._LARGE_RUN_ROWS", 500)
    tape = Tape(epoch_ms=DAY_MS + HOUR, offset=1 << 40, instruments=PAIRS)
    for _ in range(20):
        put(history, tape, tape.quotes(50, PAIRS[0], from_ms=DAY_MS + 5))
        tidied(history, DAY_MS + HOUR // 2)
    settled(history)
    files = sorted(directory.glob("*/*/*.parquet"))
    assert files[0] == large
    assert len(files) < 5
    assert len(everything(history, PAIRS[0])) == len(expected["C01USD"]) + 1_000


def test_a_day_that_is_written_to_again_and_again_stays_at_its_level(
    directory: Path, history: DuckHistory
) -> None:
    tape = Tape(instruments=PAIRS)
    for _ in range(130):
        put(history, tape, tape.quotes(50, PAIRS[0]))
        settled(history)
    assert len(parts(directory)) == 1
    assert len(everything(history, PAIRS[0])) == 6_500


@pytest.mark.parametrize("lost", [0, 5])
def test_slices_of_which_one_is_gone_since_are_adopted(directory: Path, opened: Open, lost: int) -> None:
    history = opened()
    expected = filled(history)
    settled(history)
    history.close()
    (directory / "hot.duckdb").unlink()
    path = sorted(directory.glob("*/*/*.parquet"))[lost]
    gone = {PAIRS[number - 1].symbol for number in instruments_of(directory)[lost]}
    path.unlink()
    history = opened()
    assert all_of(history) == {name: [] if name in gone else rows for name, rows in expected.items()}
    assert history.tidy(now_ms=DAY_MS + 48 * HOUR) is False, "they are known as slices of one run"


@pytest.mark.parametrize("classes", [["crypto"], ["crypto", "stocks"]])
def test_an_imported_file_has_its_rows_in_order_in_all_parts(
    directory: Path, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: list[str]
) -> None:
    monkeypatch.setattr("tradewatch.history.duckdb.runs._SLICE_ROWS", 150_000)
    chance = random.Random(3)
    lines = [
        f"{DAY_MS + chance.randrange(48 * HOUR)},C{chance.randrange(4)},{at}.5,,,,{chance.choice(classes)}"
        for at in range(1, 400_001)
    ]
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join(["ts_ms,symbol,bid,ask,bid_size,ask_size,asset_class", *lines]))
    history = opened(threads=2)
    for _ in history.import_file(path, asset_class=None, skip_bad_rows=False, now_ms=NOW_MS):
        pass
    assert history.totals().rows == 400_000
    files = list(directory.glob("*/*/*.parquet"))
    assert len(files) >= 4
    for file in files:
        keys = duckdb.sql(f"select instrument, event_ms, seq from '{file}'").fetchall()
        assert keys == sorted(keys)
