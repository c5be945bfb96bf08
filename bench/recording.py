"""What the recording of a stream costs, how far behind it is, and what the stream feels of it."""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.load import Access, Measured, measure
from bench.process import Cores, ServerProcess, cpu_s
from bench.report import say
from bench.scenario import SCENARIOS
from bench.served import served
from bench.store_status import Lateness, await_store, store_status

#: Quotes per second in; the last is more than the feed can make.
RATES = (20_000, 100_000, 1_000_000)
CONNECTIONS = 50
_WARM_UP_S = 2.0
_OFF = {"TRADEWATCH_HISTORY_ENABLED": "false"}


@dataclass(frozen=True)
class Recorded:
    """The recording in one window.

    Attributes:
        in_per_s: quotes per second that came in.
        rows_per_s: quotes per second that were recorded.
        store_us_per_quote: CPU of the store process by recorded quote.
        store_share: the same by time.
        behind_p50_ms: the age of the newest quote of which it is certain that it and all before are recorded.
        behind_p99_ms: what one look of a hundred exceeds.
    """

    in_per_s: float
    rows_per_s: float
    store_us_per_quote: float
    store_share: float
    behind_p50_ms: float
    behind_p99_ms: float


@dataclass(frozen=True)
class Pair:
    """One rate with the history, and without.

    Attributes:
        recorded: what the store did.
        on: the stream with it.
        off: the stream of a server that records nothing.
    """

    recorded: Recorded
    on: Measured
    off: Measured


def measure_recording(
    pairs: int, window_s: float, cores: Cores, *, rate: int | None = None
) -> dict[int, list[Pair]]:
    """Each rate, with and without in turn.

    Args:
        pairs: how often.
        window_s: of each run; how far behind it is, is asked in a second window.
        cores: of the server with its store process, and of the load client.
        rate: the only one; None for all.
    """
    measured: dict[int, list[Pair]] = {}
    for each in (rate,) if rate else RATES:
        for _ in range(pairs):
            recorded, on = _with_history(each, window_s, cores)
            pair = Pair(recorded, on, _without(each, window_s, cores))
            measured.setdefault(each, []).append(pair)
            say(
                f"{each:,}/s: {recorded.rows_per_s:,.0f} recorded at {recorded.store_us_per_quote:.2f} µs,"
                f" behind {recorded.behind_p50_ms:.0f} ms; stream p50 {pair.on.p50_ms:.2f} ms,"
                f" without {pair.off.p50_ms:.2f} ms"
            )
    return measured


def table(measured: dict[int, list[Pair]]) -> list[list[str]]:
    """Medians, a row for each rate."""
    rows = [
        [
            f"to {CONNECTIONS} clients",
            "in/s",
            "recorded/s",
            "store µs/quote",
            "store core",
            "behind p50 ms",
            "p99 ms",
            "stream p50 ms",
            "without",
            "stream p99 ms",
            "without",
        ]
    ]
    for rate, pairs in measured.items():

        def middle(figure: Callable[[Pair], float], of: list[Pair] = pairs) -> float:
            return statistics.median(map(figure, of))

        rows.append(
            [
                f"{rate:,} quotes/s",
                f"{middle(lambda pair: pair.recorded.in_per_s):,.0f}",
                f"{middle(lambda pair: pair.recorded.rows_per_s):,.0f}",
                f"{middle(lambda pair: pair.recorded.store_us_per_quote):.2f}",
                f"{middle(lambda pair: pair.recorded.store_share):.0%}",
                f"{middle(lambda pair: pair.recorded.behind_p50_ms):,.0f}",
                f"{middle(lambda pair: pair.recorded.behind_p99_ms):,.0f}",
                f"{middle(lambda pair: pair.on.p50_ms):.2f}",
                f"{middle(lambda pair: pair.off.p50_ms):.2f}",
                f"{middle(lambda pair: pair.on.p99_ms):.1f}",
                f"{middle(lambda pair: pair.off.p99_ms):.1f}",
            ]
        )
    return rows


def as_json(measured: dict[int, list[Pair]]) -> dict[str, Any]:
    """For a results file."""
    return {str(rate): [asdict(pair) for pair in pairs] for rate, pairs in measured.items()}


def access(key: str) -> Access:
    """The stream in v2, which says times to the microsecond."""
    return Access(path="/", api_key=key, subprotocol="tradewatch.v2", arrays=True)


def _with_history(rate: int, window_s: float, cores: Cores) -> tuple[Recorded, Measured]:
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name:
        folder = Path(name)
        history = folder / "data" / "history"
        with served(_feed(rate), core=cores.server, data_dir=folder / "data") as (server, key):
            await_store(history)
            store = _store_of(server)
            begin = _Sample.of(server, store, history)
            on = _stream(server, key, folder=folder, rate=rate, window_s=window_s, cores=cores)
            end = _Sample.of(server, store, history)
            with Lateness(history) as lateness:
                _stream(server, key, folder=folder, rate=rate, window_s=window_s, cores=cores)
    seconds, rows = end.at_s - begin.at_s, end.rows - begin.rows
    store_s = end.store_s - begin.store_s
    return (
        Recorded(
            in_per_s=(end.quotes_in - begin.quotes_in) / seconds,
            rows_per_s=rows / seconds,
            store_us_per_quote=store_s / max(rows, 1) * 1e6,
            store_share=store_s / seconds,
            behind_p50_ms=lateness.p50_ms,
            behind_p99_ms=lateness.p99_ms,
        ),
        on,
    )


def _without(rate: int, window_s: float, cores: Cores) -> Measured:
    with (
        tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name,
        served(_feed(rate), core=cores.server, environment=_OFF) as (server, key),
    ):
        return _stream(server, key, folder=Path(name), rate=rate, window_s=window_s, cores=cores)


def _feed(rate: int) -> str:
    return f"simulated?symbols=1000&rate={rate}&prefix=SYM"


def _stream(
    server: ServerProcess, key: str, *, folder: Path, rate: int, window_s: float, cores: Cores
) -> Measured:
    """What the clients see in a window: each hears fifty symbols of its own."""
    scenario = replace(SCENARIOS["own-50"], rate=rate, connections=CONNECTIONS)
    subscriptions = scenario.write_subscriptions(folder / "subscriptions.jsonl")
    return measure(
        server, access(key), subscriptions, warm_up_s=_WARM_UP_S, window_s=window_s, core=cores.load
    )


def _store_of(server: ServerProcess) -> int:
    """The process id of the store process: all that a server starts."""
    (store,) = server.children
    return store


@dataclass(frozen=True)
class _Sample:
    """Where server and store stand at one time."""

    at_s: float
    store_s: float
    quotes_in: float
    rows: int

    @classmethod
    def of(cls, server: ServerProcess, store: int, history: Path) -> "_Sample":
        rows = store_status(history)["rows"]
        return cls(time.monotonic(), cpu_s(store), server.counters()["quotes_in_total"], rows)
