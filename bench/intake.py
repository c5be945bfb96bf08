"""What a quote costs before anybody hears it: read, numbered, kept, encoded."""

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.contestants import Tradewatch
from bench.process import Cores
from bench.scenario import SCENARIOS, symbol
from tradewatch.clock import SystemClock
from tradewatch.feeds.row_parser import RowParser
from tradewatch.feeds.rows import csv_rows
from tradewatch.model.asset_class import AssetClass
from tradewatch.model.record import Record
from tradewatch.protocol.v1 import V1
from tradewatch.reference.catalogue import Catalogue
from tradewatch.tape.segments import SegmentLog
from tradewatch.tape.tape import Tape

_QUOTES = 50_000
_SYMBOLS = 100
_ROUNDS = 3
_BLOCKS = (1, 100, 1_000)
_INTAKE_RATE = 20_000
_SETTLE_S = 3.0


def measure_steps() -> dict[str, float]:
    """CPU µs per quote of each step, in this process; the best of a few rounds."""
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name:
        folder = Path(name)
        path = _write_rows(folder / "quotes.csv")
        catalogue = Catalogue(limit=_SYMBOLS)
        records = _read(path, catalogue)
        logs = (folder / f"log-{number}" for number in itertools.count())
        steps = {"CSV row to record": _best(_read, path, catalogue)}
        for block in _BLOCKS:
            step = f"record to tape and log, blocks of {block:,}"
            steps[step] = _best(lambda block: _append(next(logs), catalogue, records, block), block)
        steps["encode for v1, framed"] = _best(_encode, records)
    return steps


def measure_process(window_s: float, cores: Cores) -> dict[str, float]:
    """Share of a core of a whole server that nobody listens to, at next to no rate and at 20,000 quotes/s."""
    shares = {}
    for rate in (1, _INTAKE_RATE):
        scenario = replace(SCENARIOS["own-500"], rate=rate)
        with Tradewatch().serve(scenario, core=cores.server) as (server, _):
            time.sleep(_SETTLE_S)
            begin_s, begin_cpu_s = time.monotonic(), server.cpu_s()
            time.sleep(window_s)
            shares[f"{rate:,} quotes/s in"] = (server.cpu_s() - begin_cpu_s) / (time.monotonic() - begin_s)
    return shares


def table(steps: dict[str, float], shares: dict[str, float]) -> list[list[str]]:
    """One row per step."""
    idle, busy = shares.values()
    return [
        ["step", "µs per quote", "share of a core"],
        *([step, f"{cost_us:.2f}", ""] for step, cost_us in steps.items()),
        *([f"whole server, nobody subscribed, {rate}", "", f"{share:.1%}"] for rate, share in shares.items()),
        ["whole intake, by difference", f"{(busy - idle) / _INTAKE_RATE * 1e6:.2f}", ""],
    ]


def _best(work: Callable[..., object], *arguments: object) -> float:
    """CPU µs per quote of the fastest round."""
    costs = []
    for _ in range(_ROUNDS):
        begin_s = time.process_time()
        work(*arguments)
        costs.append(time.process_time() - begin_s)
    return min(costs) / _QUOTES * 1e6


def _write_rows(path: Path) -> Path:
    """A recording in which prices move a little and come back, as they do."""
    with path.open("w") as file:
        file.write("ts_ms,symbol,bid,ask\n")
        for number in range(_QUOTES):
            bid = 117_000 + number * 7_919 % 2_003
            file.write(
                f"{1_767_389_239_253 + number},{symbol(number * 31 % _SYMBOLS)},"
                f"{bid / 100_000:.5f},{(bid + 1 + number % 9) / 100_000:.5f}\n"
            )
    return path


def _read(path: Path, catalogue: Catalogue) -> list[Record]:
    parser = RowParser(catalogue, AssetClass.CURRENCIES)
    rows = csv_rows(path, lambda line, what: None)
    return [parser.record(row) for _, block in rows.blocks for row in block if row is not None]


def _append(folder: Path, catalogue: Catalogue, records: Sequence[Record], block: int) -> None:
    clock = SystemClock()
    log, recovered = SegmentLog.open(folder, clock=clock, boot_id="")
    tape = Tape(log, recovered, catalogue=catalogue, clock=clock)
    for first in range(0, len(records), block):
        tape.append(records[first : first + block])
    log.close()


def _encode(records: Sequence[Record]) -> None:
    body = V1(scoped=False).body
    for record in records:
        body(record)
