"""`tradewatch usage`."""

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tradewatch.access.lags import Lags
from tradewatch.access.store import KeyStore
from tradewatch.access.usage import DAY_S, HOUR_S, Counts, Usage, UsageRow
from tradewatch.access.usage_store import UsageStore
from tradewatch.cli.usage import usage
from tradewatch.clock import ManualClock
from tradewatch.errors import KeyStoreError, UsageError

HOUR_0_S = 1_767_387_600  # 2026-01-02T21:00:00Z
JANUARY_2 = ("--from", "2026-01-02", "--to", "2026-01-02")
MEMORY_KEY = "0" * 12

app = typer.Typer()
app.command()(usage)


def lines(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def refused(*arguments: str) -> BaseException | None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert result.stdout == ""
    return result.exception


class Home:
    """A data directory with two keys that were revoked and one of the same name that was not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with KeyStore.open(path, clock=ManualClock()) as store:
            self.former, _ = store.create("desk", plan="demo")
            store.revoke("desk")
            self.desk, self.text = store.create("desk", plan="demo")
            self.other, _ = store.create("other", plan="demo")

    @property
    def option(self) -> tuple[str, str]:
        return "--data-dir", str(self.path)

    def write(self, key_id: str, hour_s: int = HOUR_0_S, *, gateway: str = "g", **counts: int) -> None:
        with UsageStore.open(self.path) as store:
            store.write([UsageRow(key_id, hour_s, gateway, Usage(Counts(**counts), 2, Lags([(75, 1)])))])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "data")


def test_a_line_has_everything(home: Home):
    with UsageStore.open(home.path) as store:
        usage = Usage(Counts(1, 2, 3, 4, 5, 6, 7, 8, 9), 10, Lags([(75, 1)]))
        store.write([UsageRow(home.desk.id, HOUR_0_S, "g", usage)])
    assert lines(*JANUARY_2, *home.option) == [
        {
            "start": "2026-01-02T21:00:00Z",
            "key": home.desk.id,
            "name": "desk",
            "connections": 1,
            "peak_connections": 10,
            "messages_in": 2,
            "bytes_in": 3,
            "bytes_out": 4,
            "delivered": 5,
            "skipped": 6,
            "lag_p99_ms": 3.071,
            "requests": 7,
            "rest_bytes_in": 8,
            "rest_bytes_out": 9,
        }
    ]


def test_a_lag_that_nobody_looked_at_is_null(home: Home):
    with UsageStore.open(home.path) as store:
        store.write([UsageRow(home.desk.id, HOUR_0_S, "g", Usage())])
    (line,) = lines(*JANUARY_2, *home.option)
    assert line["lag_p99_ms"] is None


def test_all_keys_by_hour_and_by_day_over_all_gateways(home: Home):
    home.write(home.other.id, requests=1)
    home.write(home.other.id, gateway="h", requests=2)
    home.write(home.other.id, HOUR_0_S - HOUR_S, requests=4)
    home.write(MEMORY_KEY, HOUR_0_S + 3 * HOUR_S, requests=8)
    span = ("--from", "2026-01-02", "--to", "2026-01-03")
    by_hour = [(line["start"], line["name"], line["requests"]) for line in lines(*span, *home.option)]
    assert by_hour == [
        ("2026-01-02T20:00:00Z", "other", 4),
        ("2026-01-02T21:00:00Z", "other", 3),
        ("2026-01-03T00:00:00Z", None, 8),
    ]
    days = lines(*span, "--by", "day", *home.option)
    assert [(line["start"], line["key"], line["requests"]) for line in days] == [
        ("2026-01-02T00:00:00Z", home.other.id, 7),
        ("2026-01-03T00:00:00Z", MEMORY_KEY, 8),
    ]


def test_both_dates_are_shown_and_nothing_around_them(home: Home):
    day_s = HOUR_0_S - 21 * HOUR_S
    for hour_s in (day_s - HOUR_S, day_s, day_s + 23 * HOUR_S, day_s + DAY_S):
        home.write(home.desk.id, hour_s)
    starts = [line["start"] for line in lines(*JANUARY_2, *home.option)]
    assert starts == ["2026-01-02T00:00:00Z", "2026-01-02T23:00:00Z"]


@pytest.mark.parametrize(("by", "shown_s"), [("hour", DAY_S), ("day", 30 * DAY_S)])
def test_without_dates_the_newest_are_shown(home: Home, by: str, shown_s: int):
    interval_s = {"hour": HOUR_S, "day": DAY_S}[by]
    now_s = int(datetime.now(UTC).timestamp())
    end_s = now_s - now_s % interval_s + interval_s
    for hour_s in (end_s - shown_s - HOUR_S, end_s - shown_s + interval_s, end_s - interval_s):
        home.write(home.desk.id, hour_s)
    shown = [datetime.fromisoformat(line["start"]).timestamp() for line in lines("--by", by, *home.option)]
    assert shown == [end_s - shown_s + interval_s, end_s - interval_s]


@pytest.mark.parametrize("handle", ["name", "id", "text"])
def test_one_key(home: Home, handle: str):
    for key_id in (home.former.id, home.desk.id, home.other.id):
        home.write(key_id)
    given = {"name": "desk", "id": home.desk.id, "text": home.text}[handle]
    found = {line["key"] for line in lines(given, *JANUARY_2, *home.option)}
    assert found == ({home.former.id, home.desk.id} if handle == "name" else {home.desk.id})


def test_a_key_without_usage_and_one_of_memory(home: Home):
    home.write(MEMORY_KEY)
    assert lines("desk", *JANUARY_2, *home.option) == []
    assert [line["name"] for line in lines(MEMORY_KEY, *JANUARY_2, *home.option)] == [None]


@pytest.mark.parametrize("handle", ["nobody", "x" * 12, "tw_x", "tw_" + "x" * 12 + "_" + "S" * 43])
def test_a_key_that_nobody_knows(home: Home, handle: str):
    error = refused(handle, *JANUARY_2, *home.option)
    assert isinstance(error, KeyStoreError)
    assert str(error) == "no key has this name or id, nor was a key of this id used in this time"


def test_dates_the_wrong_way_round(home: Home):
    error = refused("--from", "2026-01-03", "--to", "2026-01-02", *home.option)
    assert isinstance(error, UsageError)
    assert str(error) == "--from is later than --to"


@pytest.mark.parametrize("option", [["--from", "yesterday"], ["--to", "2026-13-01"], ["--by", "week"]])
def test_words_that_do_not_fit_are_used_wrongly(home: Home, option: list[str]):
    result = CliRunner().invoke(app, [*option, *home.option])
    assert result.exit_code == 2
    assert option[1] in result.stderr


def in_a_terminal(arguments: list[str]) -> str:
    """What the program writes where its output is a terminal."""
    own, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "tradewatch", *arguments], stdout=theirs) as process:
        os.close(theirs)
        output = b""
        try:
            while chunk := os.read(own, 4_096):
                output += chunk
        except OSError:  # how Linux says that nobody holds the other end any more
            pass
    os.close(own)
    assert process.returncode == 0
    return output.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("by", ["hour", "day"])
def test_a_table_in_a_terminal(home: Home, by: str):
    home.write(home.other.id, connections=3, messages_in=1_234, bytes_in=1_023, bytes_out=1_024)
    home.write(MEMORY_KEY, bytes_out=3 * 2**40, delivered=12_345_678, skipped=1, rest_bytes_out=1_536)
    start = {"hour": "2026-01-02 21:00", "day": "2026-01-02"}[by]
    assert in_a_terminal(["usage", *JANUARY_2, "--by", by, *home.option]) == (
        f"{'START':{len(start)}}  KEY           CONNECTIONS  PEAK  MESSAGES     IN      OUT   DELIVERED"
        "  SKIPPED  LAG_P99  REQUESTS  REST_IN  REST_OUT\n"
        f"{start}  000000000000            0     2         0      0  3.0 TiB  12,345,678"
        "        1   3.1 ms         0        0   1.5 KiB\n"
        f"{start}  other                   3     2     1,234  1,023  1.0 KiB           0"
        "        0   3.1 ms         0        0         0\n"
    )


def test_json_in_a_terminal_where_it_is_asked_for(home: Home):
    home.write(home.desk.id, requests=5)
    (line,) = in_a_terminal(["usage", *JANUARY_2, "--json", *home.option]).splitlines()
    assert (json.loads(line)["name"], json.loads(line)["requests"]) == ("desk", 5)


def test_importing_the_command_reads_nothing_heavy():
    heavy = {"alembic", "duckdb", "fastapi", "numpy", "rich", "sqlalchemy", "uvicorn", "websockets"}
    program = f"import sys, tradewatch.cli.usage; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
