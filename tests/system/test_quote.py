"""`tradewatch quote` against a real server with real quotes."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.server import Server, run_command

SYMBOLS = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    rows = tmp_path / "rows.csv"
    with rows.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ts_ms", "symbol", "bid", "ask"])
        for number in range(10):
            writer.writerow([1767389239253 + number, "BTCUSD", f"61837.6{number}", f"61837.7{number}"])
        writer.writerow([1767389239300, "ETHUSD", "3000.10", "3000.20"])
    running = Server(tmp_path / "data", "--feed", f"replay:{rows}?class=crypto&speed=max")
    yield running
    running.kill()


def ask(server: Server, *arguments: str) -> tuple[int, list[dict[str, object]], str]:
    done = run_command("quote", "--url", f"ws://{server.address}", "--api-key", server.demo_key, *arguments)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_newest_quotes_in_the_order_asked_for(server: Server) -> None:
    code, rows, words = ask(server, "ETHUSD", "crypto:BTCUSD")
    assert (code, words) == (0, "")
    assert [(row["symbol"], row["bid"], row["ask"], row["mid"]) for row in rows] == [
        ("ETHUSD", "3000.1", "3000.2", "3000.15"),
        ("BTCUSD", "61837.69", "61837.79", "61837.74"),
    ]
    assert rows[1]["timestamp"] == "1767389239262"
    assert str(rows[1]["position"]).endswith(":10")


def test_what_has_no_quote_is_named_and_the_others_are_printed(server: Server) -> None:
    code, rows, words = ask(server, "crypto:BTCUSD", "stocks:AAPL", "crypto:BTCUDS")
    assert code == 1
    assert [row["symbol"] for row in rows] == ["BTCUSD"]
    assert "stocks:AAPL was never quoted" in words
    assert "crypto:BTCUDS: unknown_symbol (did you mean crypto:BTCUSD" in words
    assert words.count("\n") == 1


def test_a_wrong_key_is_one_line(server: Server) -> None:
    done = run_command("quote", "--url", f"ws://{server.address}", "--api-key", "tw_no", "BTCUSD")
    assert done.returncode == 1
    assert "key_unknown" in done.stderr
    assert "tw_no" not in done.stderr
    assert done.stderr.count("\n") == 1
