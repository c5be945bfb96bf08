"""Clients that pull large exports beside listeners of a stream: what the listeners feel of it."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench import day
from bench.export_load import Pulled, pulling
from bench.history_filling import fill
from bench.load import Measured, measure
from bench.process import Cores, ServerProcess, cpu_s
from bench.recording import access
from bench.report import say
from bench.scenario import SCENARIOS, SYMBOLS
from bench.served import served
from bench.store_status import await_store

CLIENTS = 10
LISTENERS = 50
RATE = 20_000
FORMATS = ("csv", "arrow")
_WARM_UP_S = 2.0
_SETTLE_S = 2.0


@dataclass(frozen=True)
class Pair:
    """The stream without exports, and with them.

    Attributes:
        calm: without.
        beside: with.
        pulled: what the exports brought meanwhile.
        store_share: CPU of the store process by time meanwhile.
    """

    calm: Measured
    beside: Measured
    pulled: Pulled
    store_share: float

    @property
    def older(self) -> float:
        """The median age of a quote beside exports by that without."""
        return self.beside.p50_ms / self.calm.p50_ms


def measure_exports(rows: int, pairs: int, window_s: float, cores: Cores) -> list[Pair]:
    """Against one server, whose history has a symbol with a day of so many quotes."""
    measured: list[Pair] = []
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name:
        folder = Path(name)
        history = folder / "data" / "history"
        fill(history, rows, symbols=1)
        say(f"{rows:,} quotes of one symbol are there")
        feed = f"simulated?symbols={SYMBOLS}&rate={RATE}&prefix=SYM"
        with served(feed, core=cores.server, data_dir=folder / "data") as (server, key):
            await_store(history)
            paths = list(_paths())
            for _ in range(pairs):
                calm = _stream(server, key, folder, window_s, cores)
                with pulling(server.port, key, paths, core=cores.load) as running:
                    (store,) = server.children
                    begin_s, begin_cpu_s = time.monotonic(), cpu_s(store)
                    beside = _stream(server, key, folder, window_s, cores)
                    share = (cpu_s(store) - begin_cpu_s) / (time.monotonic() - begin_s)
                measured.append(Pair(calm, beside, running.pulled, share))
                say(
                    f"p50 {calm.p50_ms:.2f} ms in the calm, {beside.p50_ms:.2f} ms beside exports of"
                    f" {_mb_per_s(measured[-1]):.1f} MB/s"
                )
                time.sleep(_SETTLE_S)
    return measured


def table(measured: list[Pair]) -> list[list[str]]:
    """Medians over the pairs."""

    def middle(figure: Callable[[Pair], float]) -> float:
        return statistics.median(map(figure, measured))

    rows = [
        [
            f"{LISTENERS} listeners, {RATE:,} quotes/s each",
            "p50 ms",
            "p99 ms",
            "delivered/s",
            "server core",
            "store core",
            "exports MB/s",
        ]
    ]
    for name, show in (("calm", lambda pair: pair.calm), ("beside exports", lambda pair: pair.beside)):
        rows.append(
            [
                name if name == "calm" else f"beside {CLIENTS} exports",
                f"{middle(lambda pair, show=show: show(pair).p50_ms):.2f}",  # type: ignore[misc]
                f"{middle(lambda pair, show=show: show(pair).p99_ms):.2f}",  # type: ignore[misc]
                f"{middle(lambda pair, show=show: show(pair).delivered_per_s):,.0f}",  # type: ignore[misc]
                f"{middle(lambda pair, show=show: show(pair).cpu_share):.0%}",  # type: ignore[misc]
                "" if name == "calm" else f"{middle(lambda pair: pair.store_share):.0%}",
                "" if name == "calm" else f"{middle(_mb_per_s):.1f}",
            ]
        )
    rows.append(["the median age", f"grows {middle(lambda pair: pair.older):.2f}-fold, by pairs"])
    return rows


def as_json(measured: list[Pair]) -> list[dict[str, Any]]:
    """For a results file."""
    return [{**asdict(pair), "older": pair.older} for pair in measured]


def _mb_per_s(pair: Pair) -> float:
    return pair.pulled.bytes / pair.pulled.seconds / 1e6


def _paths() -> Iterator[str]:
    """What each client asks for: the whole day, the formats in turn."""
    (instrument,) = day.instruments(1)
    ticks = f"/{instrument.asset_class.value}/{instrument.symbol}/ticks?start={day.START_S}&end={day.END_S}"
    for number in range(CLIENTS):
        yield f"{ticks}&format={FORMATS[number % len(FORMATS)]}"


def _stream(server: ServerProcess, key: str, folder: Path, window_s: float, cores: Cores) -> Measured:
    """What the listeners see in a window: each hears all symbols."""
    scenario = replace(SCENARIOS["identical"], rate=RATE, owned=SYMBOLS, connections=LISTENERS)
    subscriptions = scenario.write_subscriptions(folder / "subscriptions.jsonl")
    return measure(
        server, access(key), subscriptions, warm_up_s=_WARM_UP_S, window_s=window_s, core=cores.load
    )
