"""The history of a real server: every record once, whoever is killed, and whatever the disk says."""

import asyncio
import csv
import gzip
import io
import json
import os
import resource
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest

from tests.system.server import Server
from tests.system.test_v2 import client
from tests.system.v2_client import V2Client
from tradewatch.history.candles import RESOLUTIONS_S

Serve = Callable[..., Server]
#: What a feed was when these rows were traded, and where they stand.
FILE, ASSET_CLASS, SYMBOL = "stocks-SPY-20131007.csv.gz", "stocks", "SPY"
LOAD = ("--feed", "simulated?symbols=5&rate=2000&prefix=SYM&class=crypto")
LOADED = [f"SYM{number:05}" for number in range(5)]
_WITHIN_S = 30.0
#: DuckDB's and Arrow's own threads grow too slowly to matter here; what a page may hold does.
_PAGE = 10_000


class Row(NamedTuple):
    """A row of a file."""

    ms: int
    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2


def in_order(path: Path) -> list[Row]:
    """The rows of a file as history has them: by time, and rows of one moment as they stood."""
    with gzip.open(path, "rt") as file:
        found = [
            Row(int(row["ts_ms"]), Decimal(row["bid"]), Decimal(row["ask"])) for row in csv.DictReader(file)
        ]
    return sorted(found, key=lambda row: row.ms)


def get(server: Server, path: str, **parameters: Any) -> httpx.Response:
    answer = httpx.get(
        server.http + path, params=parameters, headers={"api-key": server.demo_key}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer


def exact(server: Server, path: str, **parameters: Any) -> Any:
    """A body of JSON with every number as the decimal that it is."""
    return json.loads(get(server, path, **parameters).text, parse_float=Decimal, parse_int=Decimal)


def status(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = get(server, "/history/status").json()
    return found


def until(condition: Callable[[], Any]) -> Any:
    """What this says, once it says anything; the history may be away meanwhile."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        try:
            if found := condition():
                return found
        except (AssertionError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def until_rows(server: Server, count: int) -> dict[str, Any]:
    """The status once so many rows are recorded."""

    def enough() -> dict[str, Any] | None:
        found = status(server)
        return found if found["totals"]["hot_rows"] + found["totals"]["rows"] >= count else None

    found: dict[str, Any] = until(enough)
    return found


def pages(server: Server, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = exact(server, path, **parameters, **cursor)
        items += page["items"]
        if page["next_page"] is None:
            return items
        cursor = {"cursor": page["next_page"]}


def store_process(server: Server) -> psutil.Process | None:
    """The child that is the store."""
    for child in psutil.Process(server.process.pid).children():
        if child.status() != psutil.STATUS_ZOMBIE and "tradewatch.store.process" in child.cmdline():
            return child
    return None


def folded(rows: list[Row], resolution_s: int) -> list[dict[str, Decimal]]:
    """Candles the slow way."""
    candles: dict[int, list[Row]] = {}
    for row in rows:
        candles.setdefault(row.ms // 1_000 // resolution_s * resolution_s, []).append(row)
    return [
        {
            "time": Decimal(time_s),
            **{
                f"{name}_{price}": value(getattr(row, price) for row in inside)
                for price in ("ask", "bid", "mid")
                for name, value in (
                    ("open", next),
                    ("high", max),
                    ("low", min),
                    ("close", lambda prices: list(prices)[-1]),
                )
            },
        }
        for time_s, inside in candles.items()
    ]


@pytest.fixture
def replayed(serve: Serve, shared_data: Path) -> tuple[Server, list[Row]]:
    """A server that has recorded a day of real quotes, and what stands in the file."""
    path = shared_data / FILE
    server = serve("--feed", f"replay:{path}?class={ASSET_CLASS}&speed=max&time=original")
    rows = in_order(path)
    until_rows(server, len(rows))
    return server, rows


def test_a_file_of_real_quotes_is_read_back_row_for_row(replayed: tuple[Server, list[Row]]) -> None:
    server, rows = replayed
    span = {"start": rows[0].ms // 1_000, "end": rows[-1].ms // 1_000 + 1}
    path = f"/{ASSET_CLASS}/{SYMBOL}"
    items = pages(server, f"{path}/ticks", limit=_PAGE, **span)
    assert [(item["bid"], item["ask"], item["mid"]) for item in items] == [
        (*row[1:], row.mid) for row in rows
    ]
    stamps = pa.array([item["time"] for item in items]).cast(pa.timestamp("ms", "UTC"))
    assert stamps.cast(pa.int64()).to_pylist() == [row.ms for row in rows]
    positions = [item["position"].split(":") for item in items]
    assert len({epoch for epoch, _ in positions}) == 1
    assert sorted(int(seq) for _, seq in positions) == list(range(1, len(rows) + 1))

    for resolution_s in RESOLUTIONS_S:
        # The first candle that begins in the span is whole, so the span begins before the first.
        begin = span["start"] // resolution_s * resolution_s
        answer = exact(
            server,
            f"{path}/ohlc",
            resolution=resolution_s,
            fields="bid,ask,mid",
            start=begin,
            end=span["end"],
        )
        assert answer["items"] == folded(rows, resolution_s), resolution_s

    for form in ("csv", "arrow", "parquet"):
        body = get(server, f"{path}/ticks", format=form, **span).content
        assert _quotes(form, body) == [(row.bid, row.ask, row.mid) for row in rows], form
        body = get(server, f"{path}/ohlc", format=form, resolution=60, start=0, end=span["end"]).content
        table = _table(form, body)
        minutes = folded(rows, 60)
        assert [Decimal(close) for close in table["close_bid"].to_pylist()] == [
            minute["close_bid"] for minute in minutes
        ]
        assert len(table.column_names) == 9
    assert status(server)["totals"]["holes"] == 0
    assert server.stop() == 0
    assert "Traceback" not in server.errors


def _table(form: str, body: bytes) -> pa.Table:
    match form:
        case "csv":
            names = body.partition(b"\n")[0].decode().split(",")
            texts = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names})
            return pa.csv.read_csv(io.BytesIO(body), convert_options=texts)
        case "arrow":
            return pa.ipc.open_stream(body).read_all()
        case _:
            return pa.parquet.read_table(io.BytesIO(body))


def _quotes(form: str, body: bytes) -> list[tuple[Decimal, ...]]:
    table = _table(form, body)
    columns = [[Decimal(text) for text in table[name].to_pylist()] for name in ("bid", "ask", "mid")]
    return list(zip(*columns, strict=True))


async def subscribed(listener: V2Client) -> str:
    """Subscribe all that is quoted; the epoch."""
    answer = await listener.ask("subscribe", symbols=LOADED)
    epoch: str = answer["results"][0]["epoch"]
    return epoch


Heard = dict[str, list[tuple[int, str, str]]]


def heard_by(listener: V2Client) -> Heard:
    """Seq, bid and ask of each quote that a client of the stream saw."""
    heard: Heard = {}
    for quote in listener.quotes:
        heard.setdefault(quote["symbol"], []).append((quote["seq"], quote["bid"], quote["ask"]))
    return heard


async def assert_recorded_once(server: Server, epoch: str, heard: Heard) -> None:
    """What was heard is recorded under the same positions, digit for digit, and nothing is between."""
    for symbol, quotes in heard.items():
        first, last = quotes[0][0], quotes[-1][0]
        span = {"from": f"{epoch}:{first}", "to": f"{epoch}:{last}", "limit": _PAGE}

        def there(symbol: str = symbol, last: int = last) -> bool:
            newest = exact(server, f"/crypto/{symbol}/ticks", **{"from": f"{epoch}:{last}", "limit": 1})
            return bool(newest["items"])

        await asyncio.to_thread(until, there)
        items = await asyncio.to_thread(pages, server, f"/crypto/{symbol}/ticks", **span)
        found = [(int(item["position"].split(":")[1]), item["bid"], item["ask"]) for item in items]
        assert [seq for seq, *_ in found] == list(range(first, last + 1))
        assert found == [(seq, Decimal(bid), Decimal(ask)) for seq, bid, ask in quotes]


async def test_the_store_process_is_killed_under_load_and_has_every_record_once(serve: Serve) -> None:
    server = serve(*LOAD)
    async with client(server) as listener:
        epoch = await subscribed(listener)
        for _ in range(2):
            await asyncio.to_thread(until, lambda: status(server)["rows"] > 100)
            child = store_process(server)
            assert child is not None
            child.kill()
            await listener.until_quotes(len(listener.quotes) + 3_000)
        await asyncio.to_thread(until, lambda: status(server)["rows"] > 100)
        assert listener.skipped == 0
        await assert_recorded_once(server, epoch, heard_by(listener))
    found = status(server)
    assert (found["totals"]["holes"], found["totals"]["missing"]) == (0, 0)
    assert "ended with code -9; it is begun anew" in server.errors
    assert server.stop() == 0


async def test_the_server_is_killed_under_load_and_its_history_goes_on(serve: Serve) -> None:
    lives: list[Heard] = []
    for _ in range(2):
        server = serve(*LOAD)
        async with client(server) as listener:
            epoch = await subscribed(listener)
            await listener.until_quotes(4_000)
            child = store_process(server)
            server.process.kill()
        await asyncio.to_thread(server.process.wait, 10)
        assert child is not None
        await asyncio.to_thread(child.wait, 15)  # it does not outlive the server
        lives.append(heard_by(listener))
    server = serve("--feed", "none")
    for heard in lives:
        await assert_recorded_once(server, epoch, heard)
    for symbol in LOADED:
        items = await asyncio.to_thread(
            pages, server, f"/crypto/{symbol}/ticks", limit=_PAGE, after=f"{epoch}:0"
        )
        seqs = [int(item["position"].split(":")[1]) for item in items]
        assert seqs == list(range(1, len(seqs) + 1))
    assert status(server)["totals"]["missing"] == 0


def metric(server: Server, name: str) -> float | None:
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(f"tradewatch_{name} "):
            return float(line.split()[1])
    return None


async def test_a_full_disk_stops_the_recording_and_not_the_stream(serve: Serve) -> None:
    server = serve(*LOAD)
    async with client(server) as listener:
        epoch = await subscribed(listener)
        await asyncio.to_thread(until, lambda: status(server)["rows"] > 1_000)
        child = store_process(server)
        assert child is not None
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (1 << 10, resource.RLIM_INFINITY))
        await asyncio.to_thread(until, lambda: "records are not written to the history" in server.errors)
        await asyncio.to_thread(until, lambda: status(server)["trouble"])
        await listener.until_quotes(len(listener.quotes) + 3_000)
        if metric(server, "history_up") is not None:
            await asyncio.to_thread(until, lambda: metric(server, "history_failing") == 1)
        now = store_process(server)
        if now is not None:
            resource.prlimit(now.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        await asyncio.to_thread(until, lambda: not status(server)["trouble"])
        await listener.until_quotes(len(listener.quotes) + 100)
        assert listener.skipped == 0
        await assert_recorded_once(server, epoch, heard_by(listener))
    found = status(server)
    assert (found["totals"]["holes"], found["totals"]["missing"]) == (0, 0)
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_store_ends_with_the_server(serve: Serve, number: signal.Signals) -> None:
    """SIGINT goes to the whole group, as a Ctrl-C does; what was streamed is recorded before the end."""
    server = serve(*LOAD, start_new_session=True)
    until(lambda: status(server)["rows"] > 100)
    child = store_process(server)
    assert child is not None
    if number is signal.SIGINT:
        os.killpg(server.process.pid, number)
    else:
        child.send_signal(number)  # as a service manager does, to all of a unit
        server.process.send_signal(number)
    assert server.wait() == 0
    assert not child.is_running()
    assert "Traceback" not in server.errors
    assert "store process" not in server.errors


def test_the_log_keeps_what_the_store_has_not_taken(serve: Serve, tmp_path: Path) -> None:
    """The store hangs while the log grows far beyond its size; nothing is missing afterwards."""
    (tmp_path / "tradewatch.toml").write_text("[tape]\nsegment_bytes = 65536\nretain_bytes = 131072\n")
    server = serve("--config", str(tmp_path / "tradewatch.toml"), *LOAD)
    until(lambda: status(server)["rows"] > 100)
    child = store_process(server)
    assert child is not None
    tape = server.data_dir / "tape" / "0"

    def size() -> int:
        return sum(path.stat().st_size for path in tape.glob("*.log"))

    child.suspend()
    until(lambda: size() > 1 << 20)
    child.resume()
    until(lambda: size() < 1 << 19)
    found = status(server)["totals"]
    assert (found["holes"], found["missing"]) == (0, 0)
    assert server.stop() == 0


def test_those_who_leave_an_export_hold_up_nobody(replayed: tuple[Server, list[Row]]) -> None:
    server, rows = replayed
    child = store_process(server)
    assert child is not None
    both = (child, psutil.Process(server.process.pid))

    def sockets() -> list[int]:
        return [len(process.net_connections("unix")) for process in both]

    before = sockets()
    url = f"{server.http}/{ASSET_CLASS}/{SYMBOL}/ticks?format=csv&start=0&end=2000000000"
    headers = {"api-key": server.demo_key}
    for _ in range(12):
        with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
            assert next(answer.iter_raw(1_000))
    begun = time.monotonic()
    body = get(server, f"/{ASSET_CLASS}/{SYMBOL}/ticks", format="csv", start=0, end=2_000_000_000).text
    assert body.count("\n") == len(rows) + 1
    assert time.monotonic() - begun < 10
    until(lambda: not list((server.data_dir / "history" / "tmp").glob("*")))
    until(lambda: all(now <= then for now, then in zip(sockets(), before, strict=True)))
    assert "Traceback" not in server.errors
