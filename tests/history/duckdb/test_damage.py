import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.history.duckdb.conftest import Open
from tests.history.duckdb.test_tidying import put, tidied
from tests.history.tapes import BTCUSDT, DAY_MS, NOW_MS, Tape, everything

from tradewatch.errors import HistoryError
from tradewatch.history.archive import Recorded
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.model.position import epoch_text

DAY = 86_400_000


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def overwrite_rows(path: Path) -> None:
    """Only the middle: head, tail and size are as they were."""
    with path.open("r+b") as file:
        file.seek(4)
        file.write(os.urandom(400))


def three_days(history: DuckHistory) -> Tape:
    """A part of each of three days."""
    tape = Tape()
    for day in range(3):
        put(history, tape, tape.quotes(50, from_ms=DAY_MS + day * DAY))
        tidied(history)
    return tape


@pytest.mark.parametrize("harm", [truncate, overwrite, overwrite_rows, Path.unlink])
def test_a_damaged_part_is_told_of_once_and_left_out(
    directory: Path, opened: Open, harm: Callable[[Path], None]
) -> None:
    history = opened()
    tape = three_days(history)
    expected = everything(history)
    history = opened()
    (part,) = directory.glob("currencies/2026-05-12/*.parquet")
    harm(part)
    with pytest.raises(HistoryError):
        everything(history)
    for _ in range(2):
        assert everything(history) == expected[:50] + expected[100:]
        totals = history.totals()
        assert (totals.damaged, totals.holes, totals.parts) == (1, 1, 2)
        (hole,) = history.holes(5)
        assert (hole.instrument.symbol, *hole[1:4]) == ("EURUSD", epoch_text(DAY_MS), 51, 100)
        assert not part.exists()
        assert part.with_suffix(".damaged").exists() == (harm is not Path.unlink)
        history = opened()
    assert history.record(tape.stretch(tape.quotes(5)), now_ms=NOW_MS) == Recorded(5, 0, 0, 0)


def test_damage_of_the_last_part_makes_no_second_hole(directory: Path, opened: Open) -> None:
    history = opened()
    tape = three_days(history)
    (part,) = directory.glob("currencies/2026-05-13/*.parquet")
    overwrite(part)
    with pytest.raises(HistoryError):
        everything(history)
    history = opened()
    assert history.record(tape.stretch(tape.quotes(5)), now_ms=NOW_MS) == Recorded(5, 0, 0, 0)
    assert history.totals().holes == 1


def test_damage_that_a_merge_meets_is_put_aside_as_well(directory: Path, history: DuckHistory) -> None:
    tape = Tape()
    for _ in range(3):
        put(history, tape, tape.quotes(50))
        tidied(history)
    overwrite(sorted(directory.glob("*/*/*.parquet"))[1])
    settled = DAY_MS + DAY
    with pytest.raises(HistoryError):
        tidied(history, settled)
    tidied(history, settled)
    assert (history.totals().parts, history.totals().damaged) == (1, 1)
    assert {each.seq for each in everything(history)} == {*range(1, 51), *range(101, 151)}


HOT_DAMAGE = {
    "all": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "short": lambda path: os.truncate(path, 100),
    "head": lambda path: _scribble(path, 4096, 8192),
    "rows": lambda path: _scribble(path, 12_288, path.stat().st_size - 12_288),
    "gone": Path.unlink,
}


def _scribble(path: Path, at: int, count: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(os.urandom(count))


@pytest.mark.parametrize("harm", HOT_DAMAGE)
def test_without_its_database_it_goes_on_with_what_stands_in_files(
    directory: Path, opened: Open, harm: str
) -> None:
    history = opened()
    tape = three_days(history)
    put(history, tape, tape.quotes(60, BTCUSDT))
    tidied(history)
    expected = everything(history), everything(history, BTCUSDT)
    stretch = tape.stretch(tape.quotes(5))
    history.record(stretch, now_ms=NOW_MS)
    history.close()
    HOT_DAMAGE[harm](directory / "hot.duckdb")
    history = opened()
    assert bool(list(directory.glob("hot.damaged-*"))) == (harm != "gone")
    assert history.next_offset is None, "all is asked for again"
    assert (everything(history), everything(history, BTCUSDT)) == expected
    assert history.totals().parts == 4
    assert history.epochs() == [DAY_MS]
    again = Tape()
    whole = again.stretch([*again.quotes(150), *again.quotes(60, BTCUSDT)])
    assert history.record(whole, now_ms=NOW_MS) == Recorded(0, 0, 0, 210)
    assert history.record(stretch, now_ms=NOW_MS) == Recorded(5, 0, 0, 0)
    assert [each.symbol for each in history.instruments()][:2] == ["EURUSD", "BTCUSDT"]
    history = opened()
    assert len(everything(history)) == 155


def test_files_that_were_merged_are_not_adopted_beside_the_merged_one(directory: Path, opened: Open) -> None:
    history, tape = opened(), Tape()
    for _ in range(8):
        put(history, tape, tape.quotes(50))
    with history.reading():
        tidied(history)
        assert len(list(directory.glob("*/*/*.parquet"))) == 9
        expected = everything(history)
    history.close()
    (directory / "hot.duckdb").unlink()
    history = opened()
    assert history.totals().parts == 1
    assert everything(history) == expected
    assert len(list(directory.glob("*/*/*.parquet"))) == 1


def test_a_file_that_cannot_be_adopted_is_put_aside(directory: Path, opened: Open) -> None:
    history = opened()
    three_days(history)
    history.close()
    (directory / "hot.duckdb").unlink()
    (part,) = directory.glob("currencies/2026-05-12/*.parquet")
    overwrite(part)
    duckdb.sql(f"copy (select 1 as mine) to '{part.parent}/mine.parquet'")
    history = opened()
    assert len(everything(history)) == 100
    assert part.with_suffix(".damaged").exists()


@pytest.mark.parametrize("at", [0, 3, 5])
def test_whatever_is_wrong_with_the_log_of_the_database_files_are_read(
    directory: Path, opened: Open, at: int
) -> None:
    history = opened()
    tape = three_days(history)
    history.close()
    subprocess.run([sys.executable, "-c", _WRITES_AND_DIES, str(directory / "hot.duckdb")], check=True)
    log = directory / "hot.duckdb.wal"
    _scribble(log, log.stat().st_size * at // 6 + 1, 50)
    history = opened()
    assert len(everything(history)) == 150
    assert history.record(tape.stretch(tape.quotes(5)), now_ms=NOW_MS) == Recorded(5, 0, 0, 0)
    assert bool(list(directory.glob("hot.damaged-*"))) == bool(list(directory.glob("hot.damaged-*.wal")))


_WRITES_AND_DIES = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
for at in range(50):
    connection.execute("insert into holes select 1, 1, 1, range, 1 from range(100)").fetchall()
os._exit(0)
"""


def test_what_is_no_damage_puts_nothing_aside(
    directory: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails, say: the database is well, and must not be given up for it."""
    history = opened()
    three_days(history)
    history.close()

    def fail(*_: object, **__: object) -> None:
        raise duckdb.IOException('IO Error: Could not write file "x": No space left on device in block 7')

    with monkeypatch.context() as patched:
        patched.setattr(duckdb, "connect", fail)
        with pytest.raises(HistoryError, match="No space left"):
            opened()
    history = opened()
    assert len(everything(history)) == 150
    assert not list(directory.glob("hot.damaged-*"))
