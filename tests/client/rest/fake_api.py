"""A small real server of the REST API: a minute of ticks a second, and doors that tests shut as they like."""

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"
SIDES = ("open_bid", "high_bid", "low_bid", "close_bid", "open_ask", "high_ask", "low_ask", "close_ask")
CANDLE_SCHEMA = pa.schema(
    [("time", pa.timestamp("s", "UTC")), *((side, pa.decimal128(18, 5)) for side in SIDES)]
)
TICK_SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ns", "UTC")),
        ("received", pa.timestamp("ns", "UTC")),
        *((side, pa.decimal128(38, 8)) for side in ("bid", "ask", "mid", "bid_size", "ask_size")),
        ("epoch", pa.string()),
        ("seq", pa.uint64()),
        ("flags", pa.int32()),
        ("source", pa.string()),
    ]
)


class Asked(NamedTuple):
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Answer(NamedTuple):
    """What is said to it.

    Attributes:
        body: the body, in chunks.
        whole: whether the last chunk is followed by the end of the body, or by nothing.
    """

    status: int = 200
    kind: str = "application/json"
    body: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    whole: bool = True


def said(value: object, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Answer(status, body=(json.dumps(value).encode(),), headers=named)


def refusal(status: int, reason: str, message: str = "no", **headers: str) -> Answer:
    """A refusal as servers write it."""
    return said({"error": {"code": status, "reason": reason, "message": message}}, status, **headers)


def price(second: int, *, above: int = 0) -> Decimal:
    """The price at a second."""
    return Decimal(117_000 + second % 1_000 + above).scaleb(-5)


def raw(items: list[dict[str, Any]]) -> str:
    """Items in JSON, their decimals as number texts."""
    texts = [
        ",".join(f'"{key}":{json.dumps(v) if isinstance(v, str | None) else v}' for key, v in item.items())
        for item in items
    ]
    return "[" + ",".join(f"{{{text}}}" for text in texts) + "]"


def candle(time: int) -> dict[str, Any]:
    """The candle that begins at a second."""
    prices = [price(time, above=above + side) for side in (0, 1) for above in (0, 3, -3, 1)]
    return {"time": time, **dict(zip(SIDES, prices, strict=True))}


def tick(second: int) -> dict[str, Any]:
    """The tick of a second; every tenth has no ask, and so no mid."""
    ask = None if second % 10 == 0 else price(second, above=1)
    return {
        "time": second * 10**9 + 123_456_789,
        "received": second * 10**9 + 123_500_000,
        "bid": price(second),
        "ask": ask,
        "mid": None if ask is None else (price(second) + ask) / 2,
        "bid_size": Decimal(second % 7),
        "ask_size": None,
        "epoch": "k0",
        "seq": second % 86_400 + 1,
        "flags": 0,
        "source": "fake",
    }


def arrow(rows: list[dict[str, Any]], schema: pa.Schema, *, rows_per_batch: int = 1_000) -> tuple[bytes, ...]:
    """Rows as an Arrow stream, one chunk for its head and one for each batch."""
    sink, chunks = io.BytesIO(), []
    with pa.ipc.new_stream(sink, schema) as writer:
        for first in range(0, len(rows), rows_per_batch):
            writer.write_batch(pa.RecordBatch.from_pylist(rows[first : first + rows_per_batch], schema))
            chunks.append(sink.getvalue())
            sink.seek(0)
            sink.truncate()
    return (*chunks, sink.getvalue())


class FakeApi:
    """Has EURUSD, and 2,500 symbols of crypto.

    Attributes:
        asked: all requests.
        next_answers: what the next requests are answered with, whatever they ask.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.next_answers: list[Answer] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            if self.next_answers:
                return self.next_answers.pop(0)
        *_, what = asked.path.split("/")
        routes: dict[str, Callable[[Asked], Answer]] = {
            "quotes": self._quotes,
            "symbols": self._symbols,
            "ohlc": self._candles,
            "ticks": self._ticks,
        }
        return routes[what](asked) if what in routes else refusal(404, "not_found")

    def _quotes(self, asked: Asked) -> Answer:
        items = [
            {"symbol": symbol, "ask": "1.17174", "bid": "61837.630000000001", "mid": "1e-8", "timestamp": "7"}
            for symbol in asked.query["symbols"].split(",")
            if symbol != "NEVER"
        ]
        numbers = json.dumps({"items": items})
        for text in ("1.17174", "61837.630000000001", "1e-8", "7"):
            numbers = numbers.replace(f'"{text}"', text)
        return Answer(body=(numbers.encode(),))

    def _symbols(self, asked: Asked) -> Answer:
        first, size = int(asked.query.get("cursor", "0")), int(asked.query["size"])
        names = [f"C{number:04}" for number in range(2_500)]
        chosen = [name for name in names if asked.query.get("search", "") in name]
        page = [{"symbol": name, "name": name.lower()} for name in chosen[first : first + size]]
        more = str(first + size) if first + size < len(chosen) else None
        return said({"items": page, "next_page": more, "total": len(chosen)})

    def _candles(self, asked: Asked) -> Answer:
        step, start, end = (int(asked.query[name]) for name in ("resolution", "start", "end"))
        times = range(-(-start // step) * step, end, step)
        if len(times) > 100_000:
            return said({"detail": [{"loc": ["query", "end"], "msg": "too many", "type": "x"}]}, 422)
        rows = [candle(time) for time in times]
        if asked.headers["accept"] == ARROW:
            return Answer(kind=ARROW, body=arrow(rows, CANDLE_SCHEMA, rows_per_batch=20_000))
        return Answer(body=(f'{{"symbol":"EURUSD","resolution":"{step}","items":{raw(rows)}}}'.encode(),))

    def _ticks(self, asked: Asked) -> Answer:
        first = int(asked.query.get("cursor", asked.query["start"]))
        limit = int(asked.query["limit"]) if "limit" in asked.query else None
        end = int(asked.query["end"]) if limit is None else min(first + limit, int(asked.query["end"]))
        rows = [tick(second) for second in range(first, end)]
        more = str(end) if end < int(asked.query["end"]) else None
        if asked.headers["accept"] == ARROW:
            return Answer(kind=ARROW, body=arrow(rows, TICK_SCHEMA))
        shown = [
            {
                "time": f"1970-01-01T{row['time'] // 10**9 // 3600:02}:{row['time'] // 10**9 // 60 % 60:02}"
                f":{row['time'] // 10**9 % 60:02}.{row['time'] % 10**9:09}Z",
                **{name: row[name] for name in ("ask", "bid", "mid")},
                "position": f"k0:{row['seq']}",
            }
            for row in rows
        ]
        return Answer(body=(f'{{"items":{raw(shown)},"next_page":{json.dumps(more)}}}'.encode(),))


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    api: FakeApi

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {
            name: values[0]
            for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()
        }
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.api.answer(Asked(parts.path, query, headers))
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        self.send_header("transfer-encoding", "chunked")
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        for chunk in answer.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if answer.whole:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # clients may go whenever they like
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def running() -> Iterator[FakeApi]:
    """The server, listening."""
    api = FakeApi()
    yield api
    api.close()
