import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.history.duckdb.conftest import Open
from tests.history.duckdb.test_tidying import put, tidied
from tests.history.duckdb.writing import BATCH, batch, stretch
from tests.history.tapes import (
    ALL,
    BTCUSDT,
    DAY_MS,
    EURUSD,
    NOW_MS,
    Tape,
    everything,
    read,
    rows,
    stored,
)

from tradewatch.errors import HistoryError
from tradewatch.history.archive import Recorded
from tradewatch.history.duckdb import recording, store
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.span import Key
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument

ROOT = Path(__file__).resolve().parents[3]
_DEADLINE_S = 30


@pytest.fixture
def writing(directory: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts a process that records and tidies."""
    processes = []

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.history.duckdb.writing", str(directory)]
        processes.append(
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_killed_at_any_moment_it_has_every_row_once(writing: Any, opened: Open) -> None:
    acknowledged = 0
    picked = random.Random(5)
    for _ in range(4):
        process = writing()
        wanted = acknowledged + picked.randrange(3, 10)
        while acknowledged < wanted:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            acknowledged = int(line)
        time.sleep(picked.random() * 0.03)  # the moment is the point
        process.kill()
        process.wait()
    history = opened()
    count = (history.next_offset or 0) // BATCH
    assert count >= acknowledged
    records = [record for number in range(count) for record in batch(number)]
    for instrument in (EURUSD, BTCUSDT):
        expected = sorted(rows(each for each in records if each.instrument is instrument))
        assert everything(history, instrument) == expected
    totals = history.totals()
    assert (totals.holes, totals.missing, totals.damaged) == (0, 0, 0)
    assert totals.hot_rows + totals.rows == count * BATCH
    assert history.record(stretch(count), now_ms=NOW_MS) == Recorded(BATCH, 0, 0, 0)


def test_a_second_process_is_refused(writing: Any, directory: Path) -> None:
    process = writing()
    assert process.stdout.readline() == "1\n"
    with pytest.raises(HistoryError, match="is in use by another process"):
        DuckHistory(directory)


def test_a_directory_that_is_none_is_refused(directory: Path) -> None:
    directory.write_text("a file")
    with pytest.raises(HistoryError, match="history"):
        DuckHistory(directory)


def test_a_history_of_a_later_format_is_left_alone(directory: Path, opened: Open) -> None:
    put(opened(), Tape(), Tape().quotes(5))
    opened().close()
    with duckdb.connect(str(directory / "hot.duckdb")) as connection:
        connection.execute("update meta set value = 2 where key = 'format'").fetchall()
    with pytest.raises(HistoryError, match="is of format 2; this version reads 1"):
        DuckHistory(directory)
    assert not list(directory.glob("*damaged*"))


@pytest.mark.parametrize("at", ["write_taken", "reach", "add_meta", "create_hot", "commit"])
def test_what_fails_within_a_transaction_leaves_no_trace(
    opened: Open, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    history, tape = opened(), Tape()
    put(history, tape, tape.quotes(40))
    new = Instrument(70, AssetClass.STOCKS, "SPY", 2)
    tape.instruments = (*tape.instruments, new)
    later = tape.stretch([*tape.quotes(15), *tape.quotes(5, new)], missing=3)
    with monkeypatch.context() as patched:
        if at == "commit":
            run = recording.run

            def fails(cursor: Any, statement: str, *parameters: object) -> Any:
                if statement == "commit":
                    raise duckdb.IOException("no room")
                return run(cursor, statement, *parameters)

            patched.setattr("tradewatch.history.duckdb.transaction.run", fails)
        else:
            patched.setattr(store, at, _failing)
        with pytest.raises(HistoryError, match="no room"):
            history.record(later, now_ms=NOW_MS)
    assert (history.next_offset, history.epoch_ms) == (40, DAY_MS)
    assert (history.totals().hot_rows, history.totals().missing) == (40, 0)
    assert history.record(later, now_ms=NOW_MS) == Recorded(20, 0, 3, 0)
    tidied(history)
    for _ in range(2):
        assert len(everything(history)) == 55
        assert len(everything(history, new)) == 5
        assert [each.number for each in history.instruments()] == [1, 2, 3, 4]
        assert history.totals().missing == 3
        history = opened()


def _failing(*_: object, **__: object) -> None:
    raise duckdb.IOException("no room")


def test_nothing_is_lost_while_the_disk_is_full(directory: Path, opened: Open) -> None:
    history, tape = opened(hot_rows=4_000), Tape()
    put(history, tape, tape.quotes(1_000))
    stretches = [tape.stretch(tape.quotes(1_000)) for _ in range(12)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    failures = 0
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, limits[1]))
        for each in stretches:
            try:
                history.record(each, now_ms=NOW_MS)
                tidied(history)
            except HistoryError:
                failures += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failures
    for each in stretches:
        if each.next_offset > (history.next_offset or 0):
            assert history.record(each, now_ms=NOW_MS).holes == 0
    tidied(history)
    for _ in range(2):
        assert sorted(each.seq for each in everything(history)) == list(range(1, 13_001))
        history = opened()


def test_a_reading_that_fails_or_is_left_early_lets_go_of_everything(
    directory: Path, history: DuckHistory
) -> None:
    tape = Tape()
    for _ in range(8):
        put(history, tape, tape.quotes(50))
    with pytest.raises(KeyError):
        with history.reading() as reading:
            next(reading.windows(1, ALL))
            raise KeyError
    tidied(history)
    tidied(history)
    assert len(list(directory.glob("*/*/*.parquet"))) == history.totals().parts
    assert history.totals().damaged == 0


def test_readers_see_whole_stretches_while_others_record_and_tidy(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever anybody reads is what was recorded up to some stretch, in order, each row once."""
    monkeypatch.setattr("tradewatch.history.duckdb.tidying._MERGED_RUNS", 3)
    history, tape = opened(hot_rows=300), Tape()
    put(history, tape, tape.quotes(40))
    number = stored(history, EURUSD).number
    ended = time.monotonic() + 3
    seen: list[int] = []

    def going() -> bool:
        return time.monotonic() < ended

    def record() -> int:
        count = 40
        while going():
            records = [
                tape.quote(event_ns=(DAY_MS + count // 400 * 7_200_000 + at) * 1_000_000) for at in range(40)
            ]
            assert history.record(tape.stretch(records), now_ms=NOW_MS) == Recorded(40, 0, 0, 0)
            count += 40
        return count

    def tidy() -> None:
        while going():
            if not history.tidy(now_ms=NOW_MS):
                time.sleep(0.005)

    def look(which: int) -> None:
        while going():
            with history.reading() as reading:
                if which % 2:
                    found = [each.seq for each in read(history, reading)]
                else:
                    found = reading.positions(number, ALL, limit=10**6, first=None, last=None).seq.tolist()
                page = reading.page(
                    number, ALL, limit=9, beside=Key(DAY_MS, 0, 1, 0), backwards=False, inclusive=True
                )
                assert len(page) == 9
            assert sorted(found) == list(range(1, len(found) + 1))
            assert len(found) % 40 == 0
            seen.append(len(found))
            history.totals()

    threads = threading.active_count()
    with ThreadPoolExecutor(6) as pool:
        recorded = pool.submit(record)
        others = [pool.submit(tidy), *(pool.submit(look, which) for which in range(4))]
        for other in others:
            other.result(_DEADLINE_S)
        count = recorded.result(_DEADLINE_S)
    assert len(seen) > 10
    assert max(seen) > min(seen)
    assert len(everything(history)) == count
    assert history.totals().damaged == 0
    assert threading.active_count() == threads
