"""`tradewatch import`: beside a running server and without one, as a person runs it."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.system.server import Server, run_command
from tests.system.test_history import exact, pages, status, store_process, until, until_rows

Serve = Callable[..., Server]
#: 2026-05-11T00:00Z.
DAY_S = 1_778_457_600


def day(folder: Path, rows: int, *, name: str = "currencies-day.csv") -> Path:
    """So many quotes of one symbol, a millisecond apart."""
    path = folder / name
    lines = (f"{DAY_S * 1_000 + at},EURUSD,1.{at:07},1.{at:07}5,1000,2500.5" for at in range(rows))
    path.write_text("\n".join(["ts_ms,symbol,bid,ask,bid_size,ask_size", *lines, ""]))
    return path


def imported(server_or_directory: Server | Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    directory = getattr(server_or_directory, "data_dir", server_or_directory)
    return run_command("import", *map(str, arguments), "--data-dir", str(directory))


def ticks(server: Server) -> list[tuple[Decimal, Decimal]]:
    span = {"start": DAY_S, "end": DAY_S + 86_400, "limit": 1_000}
    return [(item["bid"], item["ask"]) for item in pages(server, "/currencies/EURUSD/ticks", **span)]


def expected(rows: int) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(f"1.{at:07}"), Decimal(f"1.{at:07}5")) for at in range(rows)]


def test_without_a_server_and_served_afterwards(serve: Serve, tmp_path: Path) -> None:
    path, data_dir = day(tmp_path, 2_500), tmp_path / "data"
    broken = tmp_path / "currencies-broken.csv"
    broken.write_text("ts_ms,symbol,bid,ask\n1,EURUSD,1,2\n2,EURUSD,one,2\n")
    done = imported(data_dir, path, broken, tmp_path / "none.csv", path)
    assert done.returncode == 1
    assert done.stdout == (
        "currencies-day.csv: 2,500 quotes\ncurrencies-day.csv: taken in before, nothing to do\n"
    )
    assert done.stderr.splitlines() == [
        (
            f"tradewatch: {broken}: line 3: bid is no exact number: one"
            " (1 bad rows; nothing of the file was taken in)"
        ),
        f"tradewatch: {tmp_path / 'none.csv'}: No such file or directory",
    ]
    skipping = imported(data_dir, "--skip-bad-rows", broken)
    assert (skipping.returncode, skipping.stdout) == (
        0,
        "currencies-broken.csv: 1 quotes, 1 bad rows left out\n",
    )
    server = serve("--feed", "none")
    until_rows(server, 2_501)
    assert ticks(server) == expected(2_500)
    candles = exact(
        server, "/currencies/EURUSD/ohlc", resolution=60, start=DAY_S, end=DAY_S + 60, prices="bid,ask"
    )
    (candle,) = candles["items"]
    assert (candle["open_bid"], candle["close_ask"]) == (Decimal(1), Decimal("1.00024995"))


def test_beside_a_server_which_goes_on(serve: Serve, tmp_path: Path) -> None:
    server = serve("--feed", "simulated?symbols=5&rate=2000&prefix=SYM&class=crypto")
    until_rows(server, 100)
    path = day(tmp_path, 20_000)
    assert imported(server, path).stdout == "currencies-day.csv: 20,000 quotes\n"
    again = tmp_path / "currencies-again.csv.gz"
    again.write_bytes(gzip.compress(path.read_bytes()))
    assert imported(server, again).stdout == "currencies-again.csv.gz: taken in before, nothing to do\n"
    assert ticks(server) == expected(20_000)
    found = status(server)
    assert (found["totals"]["holes"], found["totals"]["missing"]) == (0, 0)
    rows = found["rows"]
    until(lambda: status(server)["rows"] > rows + 1_000)
    assert server.stop() == 0
    assert "Traceback" not in server.errors


def test_a_store_process_that_is_killed_meanwhile_has_nothing_of_the_file(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--feed", "none")
    until(lambda: status(server))
    path = day(tmp_path, 500_000)
    killed = threading.Event()

    def kill() -> None:
        until(lambda: list((server.data_dir / "history" / "tmp").glob("import-*")))
        child = store_process(server)
        assert child is not None
        child.kill()
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    done = imported(server, path)
    killer.join()
    assert killed.is_set()
    assert done.returncode != 0
    assert "broke the import off; what it had begun is undone" in done.stderr
    assert "Traceback" not in done.stderr
    until(lambda: status(server)["totals"]["rows"] == 0)
    until(lambda: imported(server, path).stdout == "currencies-day.csv: 500,000 quotes\n")
    assert status(server)["totals"]["rows"] == 500_000
    assert list((server.data_dir / "history" / "tmp").glob("import-*")) == []


def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    program = pexpect.spawn(
        sys.executable,
        ["-m", "tradewatch", "import", str(day(tmp_path, 300_000)), "--data-dir", str(tmp_path / "data")],
        dimensions=(20, 100),
        timeout=30,
    )
    program.expect("currencies-day.csv")
    program.expect("parsing")
    program.expect("currencies-day.csv: 300,000 quotes")
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus == 0


@pytest.mark.parametrize("option", [["--class", "bonds"], []])
def test_what_is_asked_wrongly_is_said(tmp_path: Path, option: list[str]) -> None:
    path = day(tmp_path, 1, name="day.csv")
    done = imported(tmp_path / "data", *option, path)
    assert done.returncode == (2 if option else 1)
    assert ("bonds" in done.stderr) if option else ("nothing says which class" in done.stderr)
    assert not done.stdout
