"""`tradewatch symbols`: a table for people, JSON lines for pipes, one line where there is nothing."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(
        "asset_class,symbol,name,decimals,type,country,mic\n"
        "stocks,ACME,Acme Gold,3,ordinary,us,XNYS\n"
        "crypto,BTCUSD,Renamed,,coin,,\n"
    )
    return path


def lines(done: "subprocess.CompletedProcess[str]") -> list[dict[str, object]]:
    assert (done.stderr, done.returncode) == ("", 0)
    return [json.loads(line) for line in done.stdout.splitlines()]


def in_a_terminal(*arguments: str, environ: Mapping[str, str]) -> tuple[str, int]:
    """Run the program with a terminal for its output; what it wrote, and its exit code."""
    terminal, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "tradewatch", *arguments], stdout=slave, env=environ)
    os.close(slave)
    written = b""
    try:
        while chunk := os.read(terminal, 65_536):
            written += chunk
    except OSError:  # the other side is closed
        pass
    os.close(terminal)
    return written.decode().replace("\r\n", "\n"), process.wait(30)


def test_a_pipe_gets_json_lines_best_first(run: Run) -> None:
    found = lines(run("symbols", "gold", "--limit", "2"))

    assert found == [
        {
            "asset_class": "commodities",
            "symbol": "GOLD",
            "decimals": 2,
            "name": "Gold",
            "type": "metal",
            "country": "",
            "mic": "",
        },
        {
            "asset_class": "currencies",
            "symbol": "USDZWG",
            "decimals": 5,
            "name": "US Dollar / Zimbabwean Gold",
            "type": "",
            "country": "",
            "mic": "",
        },
    ]


def test_without_a_text_it_is_everything_of_the_classes(run: Run) -> None:
    everything = lines(run("symbols"))
    some = lines(run("symbols", "--class", "indices", "--class", "commodities"))

    assert len(everything) > 3_000
    assert some == [one for one in everything if one["asset_class"] in ("indices", "commodities")]


def test_own_files_are_searched_wherever_they_are_named(run: Run, own: Path, tmp_path: Path) -> None:
    expected = {
        "asset_class": "stocks",
        "symbol": "ACME",
        "decimals": 3,
        "name": "Acme Gold",
        "type": "ordinary",
        "country": "us",
        "mic": "XNYS",
    }
    config = tmp_path / "tradewatch.toml"
    config.write_text(f"instruments = ['{own}']\n")

    assert lines(run("symbols", "acme", "--instruments", str(own))) == [expected]
    assert lines(run("symbols", "acme", "--config", str(config))) == [expected]
    assert lines(run("symbols", "acme", environ={"TRADEWATCH_INSTRUMENTS": str(own)})) == [expected]
    (bitcoin,) = lines(run("symbols", "renamed", "--instruments", str(own)))
    assert (bitcoin["symbol"], bitcoin["decimals"], bitcoin["type"]) == ("BTCUSD", 2, "coin")


def test_nothing_found_is_one_line_with_what_is_alike(run: Run) -> None:
    done = run("symbols", "microsft", "--class", "stocks")

    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith(
        "tradewatch: nothing matches 'microsft'; did you mean: stocks:MSFT (Microsoft)"
    )
    assert done.stderr.count("\n") == 1
    assert run("symbols", "qqqqqqqq").stderr == "tradewatch: nothing matches 'qqqqqqqq'\n"


def test_a_fault_in_a_file_is_one_line_and_code_2(run: Run, own: Path) -> None:
    own.write_text("asset_class,symbol\nbonds,X\n")

    done = run("symbols", "x", "--instruments", str(own))

    classes = "currencies, crypto, stocks, indices, commodities"
    line = f"{own}, line 2, column 'asset_class': not one of {classes}: 'bonds'"
    assert (done.stdout, done.stderr, done.returncode) == ("", f"tradewatch: {line}\n", 2)


def test_a_terminal_gets_a_table(own: Path, clean_environment: dict[str, str]) -> None:
    command = ("symbols", "acme", "--instruments", str(own))
    table, code = in_a_terminal(*command, environ=clean_environment)
    assert code == 0
    assert table == (
        "CLASS   SYMBOL  NAME       DECIMALS  TYPE      COUNTRY  MIC\n"
        "stocks  ACME    Acme Gold         3  ordinary  us       XNYS\n"
    )
    assert json.loads(in_a_terminal(*command, "--json", environ=clean_environment)[0])["symbol"] == "ACME"

    table, _ = in_a_terminal("symbols", "--class", "stocks", environ=clean_environment)
    assert len(table.splitlines()) == 21  # with the headings
    table, _ = in_a_terminal("symbols", "--class", "stocks", "--limit", "30", environ=clean_environment)
    assert len(table.splitlines()) == 31
