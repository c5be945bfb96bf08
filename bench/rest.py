"""`GET /<class>/quotes` for ten symbols, beside a bare FastAPI application that answers the same bytes."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.http_load import Asked, HttpLoad
from bench.process import Cores, ServerProcess
from bench.report import say
from bench.scenario import symbol
from bench.served import served

OURS, BARE = "tradewatch", "bare FastAPI"
CONNECTIONS = 32
_SYMBOLS = 10
_PATH = f"/currencies/quotes?symbols={','.join(map(symbol, range(_SYMBOLS)))}"
_WARM_UP_S = 1.0
_PATIENCE_S = 30.0
#: Quotes per second of all ten symbols, by what tables call it; 0 for quotes that never change.
VARIANTS = {"quotes standing still": 0, "1,000 quotes/s": 1_000}


@dataclass(frozen=True)
class Run:
    """One window of one server."""

    asked: Asked
    cpu_us_per_request: float

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.asked.per_s


@dataclass(frozen=True)
class Pairs:
    """Ours and the bare one, in turn.

    Attributes:
        variant: what the quotes did.
        body_bytes: of each answer.
        runs: of each server; the n-th of both are a pair.
    """

    variant: str
    body_bytes: int
    runs: dict[str, list[Run]]

    def ratio(self, figure: Callable[[Run], float]) -> float:
        """Ours by the bare one: the median over the pairs."""
        pairs = zip(self.runs[OURS], self.runs[BARE], strict=True)
        return statistics.median(figure(ours) / figure(bare) for ours, bare in pairs)


def measure_rest(pairs: int, window_s: float, cores: Cores) -> list[Pairs]:
    """Both variants."""
    return [_measure(variant, rate, pairs, window_s, cores) for variant, rate in VARIANTS.items()]


def table(measured: list[Pairs]) -> list[list[str]]:
    """Medians, a row for each server and variant; then the ratios."""
    rows = [
        [
            f"{_SYMBOLS} symbols, {CONNECTIONS} connections",
            "requests/s",
            "CPU µs",
            "p50 ms",
            "p99 ms",
            "load core",
        ]
    ]
    for each in measured:
        for name, runs in each.runs.items():

            def middle(figure: Callable[[Run], float], of: list[Run] = runs) -> float:
                return statistics.median(map(figure, of))

            rows.append(
                [
                    f"{name}, {each.variant}",
                    f"{middle(lambda run: run.per_s):,.0f}",
                    f"{middle(lambda run: run.cpu_us_per_request):.1f}",
                    f"{middle(lambda run: run.asked.p50_ms):.2f}",
                    f"{middle(lambda run: run.asked.p99_ms):.2f}",
                    f"{middle(lambda run: run.asked.load_share):.0%}",
                ]
            )
        rate = each.ratio(lambda run: run.per_s)
        economy = 1 / each.ratio(lambda run: run.cpu_us_per_request)
        rows.append([each.variant, f"{rate:.2f} of the bare one's rate, {economy:.2f} by CPU"])
    return rows


def as_json(measured: list[Pairs]) -> list[dict[str, Any]]:
    """For a results file."""
    return [
        {
            **asdict(each),
            "rate_ratio": each.ratio(lambda run: run.per_s),
            "cpu_ratio": 1 / each.ratio(lambda run: run.cpu_us_per_request),
        }
        for each in measured
    ]


def _measure(variant: str, rate: int, pairs: int, window_s: float, cores: Cores) -> Pairs:
    runs: dict[str, list[Run]] = {OURS: [], BARE: []}
    body_path: Path
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name:
        folder = Path(name)
        body_path = folder / "body.json"
        for _ in range(pairs):
            with _ours(folder, rate, cores.server) as (server, key):
                body_path.write_bytes(_body(server.port, key))
                runs[OURS].append(_run(server, key, window_s, cores.load))
            command = [sys.executable, "-m", "bench.servers.bare", f"--body={body_path}"]
            with ServerProcess(command, core=cores.server) as bare:
                assert _body(bare.port, "") == body_path.read_bytes()
                runs[BARE].append(_run(bare, "", window_s, cores.load))
            ours, bares = runs[OURS][-1], runs[BARE][-1]
            say(f"{variant}: {ours.per_s:,.0f} requests/s, the bare one {bares.per_s:,.0f}")
        size = body_path.stat().st_size
    return Pairs(variant, size, runs)


@contextmanager
def _ours(folder: Path, rate: int, core: int) -> Iterator[tuple[ServerProcess, str]]:
    if rate:
        feed = f"simulated?symbols={_SYMBOLS}&rate={rate}&class=currencies&prefix=SYM"
    else:
        path = folder / "quotes.csv"
        lines = [f"{1_767_830_400_000 + n},{symbol(n)},1.1716{n},1.1717{n + 1}" for n in range(_SYMBOLS)]
        path.write_text("\n".join(["ts_ms,symbol,bid,ask", *lines]) + "\n")
        feed = f"replay:{path}?class=currencies&speed=max"
    with served(feed, core=core) as server:
        yield server


def _body(port: int, key: str) -> bytes:
    """The answer, once it has all symbols."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        connection.request("GET", _PATH, headers={"api-key": key})
        body = connection.getresponse().read()
        connection.close()
        if body.count(b'"symbol"') == _SYMBOLS:
            return body
        assert time.monotonic() < deadline_s, body
        time.sleep(0.05)


def _run(server: ServerProcess, key: str, window_s: float, core: int) -> Run:
    load = HttpLoad(
        server.port,
        _PATH,
        key,
        connections=CONNECTIONS,
        warm_up_s=_WARM_UP_S,
        window_s=window_s,
        core=core,
    )
    load.begin()
    begin_cpu_s = server.cpu_s()
    asked = load.end()
    cpu_s = server.cpu_s() - begin_cpu_s
    assert not asked.failed, f"{asked.failed} requests failed"
    return Run(asked, cpu_s / asked.requests * 1e6)
