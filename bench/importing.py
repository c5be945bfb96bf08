"""`tradewatch import`: how fast a file of quotes is taken in, without a server."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bench import day
from bench.report import say
from bench.served import PROGRAM
from tradewatch.tape import layout

FORMATS = ("csv", "parquet")
_SYMBOLS = 100
_CLASS = "currencies"


@dataclass(frozen=True)
class Import:
    """One import, the start of the program included.

    Attributes:
        rows: of the file.
        bytes: of the file.
        seconds: wall time.
        cpu_s: user and system time, all threads.
        resident_bytes: the most memory that it had.
    """

    rows: int
    bytes: int
    seconds: float
    cpu_s: float
    resident_bytes: int

    @property
    def rows_per_s(self) -> float:
        """By wall time."""
        return self.rows / self.seconds

    @property
    def rows_per_cpu_s(self) -> float:
        """By CPU."""
        return self.rows / self.cpu_s


def measure_import(rows: int, rounds: int) -> dict[str, list[Import]]:
    """The same day as CSV and as Parquet, in turn, each time into a history of its own."""
    measured: dict[str, list[Import]] = {form: [] for form in FORMATS}
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name:
        folder = Path(name)
        _write_files(folder, rows)
        for number in range(rounds):
            for form, imports in measured.items():
                imports.append(_import(folder / f"day.{form}", folder / f"data-{form}-{number}", rows))
                say(f"{form}: {imports[-1].rows_per_s:,.0f} rows/s")
    return measured


def table(measured: dict[str, list[Import]]) -> list[list[str]]:
    """Medians, a row for each format."""
    rows = [
        ["a day of 100 symbols", "rows", "file MB", "rows/s", "rows/s of CPU", "seconds", "CPU s", "peak MB"]
    ]
    for form, imports in measured.items():

        def middle(figure: Callable[[Import], float], of: list[Import] = imports) -> float:
            return statistics.median(map(figure, of))

        rows.append(
            [
                form,
                f"{imports[0].rows:,}",
                f"{imports[0].bytes / 1e6:,.0f}",
                f"{middle(lambda each: each.rows_per_s):,.0f}",
                f"{middle(lambda each: each.rows_per_cpu_s):,.0f}",
                f"{middle(lambda each: each.seconds):.1f}",
                f"{middle(lambda each: each.cpu_s):.1f}",
                f"{middle(lambda each: each.resident_bytes) / 1e6:,.0f}",
            ]
        )
    return rows


def as_json(measured: dict[str, list[Import]]) -> dict[str, list[dict[str, Any]]]:
    """For a results file."""
    return {form: [asdict(each) for each in imports] for form, imports in measured.items()}


def _write_files(folder: Path, rows: int) -> None:
    """`ts_ms,symbol,bid,ask` in the order of arrival; prices are decimals of five digits behind the point."""
    database = duckdb.connect(str(folder / "day.duckdb"))
    database.execute("create table quotes (ts_ms bigint, symbol integer, bid bigint, ask bigint)")
    with day.batches(rows, symbols=_SYMBOLS) as batches:
        for batch in batches:
            slots = layout.slots(batch)
            columns = {
                "ts_ms": slots["event_ns"] // 1_000_000,
                "symbol": slots["instrument"].astype(np.int32) - 1,
                "bid": day.points(slots, "bid"),
                "ask": day.points(slots, "ask"),
            }
            database.execute("insert into quotes by name select * from columns")
            del columns  # DuckDB read it by its name
    shown = (
        "select ts_ms, format('SYM{:05d}', symbol) as symbol,"
        " (bid::decimal(18, 5) / 100000)::decimal(18, 5) as bid,"
        " (ask::decimal(18, 5) / 100000)::decimal(18, 5) as ask from quotes"
    )
    for form in FORMATS:
        database.execute(f"copy ({shown}) to '{folder / f'day.{form}'}' (format {form})")
    database.close()
    (folder / "day.duckdb").unlink()


def _import(file: Path, data_dir: Path, rows: int) -> Import:
    command = [*PROGRAM, "import", "--class", _CLASS, "--data-dir", str(data_dir), str(file)]
    begin_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin_s
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert said == f"{file.name}: {rows:,} quotes\n", said
    return Import(rows, file.stat().st_size, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
