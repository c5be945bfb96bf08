"""A day in the history: what it costs to record, what it takes on disk, how soon it is read again."""

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import day
from bench.history_filling import Kept, fill, fill_peer
from bench.history_peers import PEERS, Peer
from bench.history_reading import PAGES, Reading, low_bids, read_in_process, read_over_http, read_peer
from bench.process import Cores
from bench.report import say


@dataclass(frozen=True)
class Store:
    """One row.

    Attributes:
        name: what tables call it.
        kept: what it wrote; None where another row has the same files.
        reading: how soon that is read.
    """

    name: str
    kept: Kept | None
    reading: Reading


def measure_history(quotes: int, cores: Cores) -> list[Store]:
    """Ours, in the process and over HTTP, and the plain ways to keep the same day."""
    with tempfile.TemporaryDirectory(prefix="tradewatch-bench-") as name:
        folder = Path(name)
        history = folder / "data" / "history"
        kept = fill(history, quotes)
        say(f"{kept.quotes_per_cpu_s:,.0f} quotes per second of CPU, {kept.bytes_per_quote:.1f} bytes each")
        stores = [
            Store("tradewatch, in the store process", kept, read_in_process(history)),
            Store("tradewatch, over HTTP", None, read_over_http(folder / "data", cores)),
        ]
        lows = low_bids(history)
        shutil.rmtree(folder / "data")
        stores += [_measure_peer(kind, folder / kind.__name__, quotes, lows) for kind in PEERS]
    return stores


def table(stores: list[Store]) -> list[list[str]]:
    """A row for each."""
    quotes = stores[0].kept.quotes if stores[0].kept else 0
    rows = [
        [
            f"a day of {quotes:,} quotes",
            "bytes/quote",
            "CPU µs/quote",
            "of it recording",
            "quotes/s of CPU",
            "1,440 candles ms",
            *(f"{size:,} ticks ms" for size in PAGES),
        ]
    ]
    for store in stores:
        medians = [f"{median:.1f}" for median in store.reading.medians_ms]
        rows.append([store.name, *_written(store.kept), *medians])
    return rows


def as_json(stores: list[Store]) -> list[dict[str, Any]]:
    """For a results file."""
    return [asdict(store) for store in stores]


def _measure_peer(kind: type[Peer], folder: Path, quotes: int, lows: list[int]) -> Store:
    """Write and read the same day; its candles have to have the same low bids as ours."""
    every = -(-quotes // kind.most_quotes) if kind.most_quotes else 1
    peer = kind(folder)
    kept = fill_peer(peer, quotes, every=every)
    say(f"{peer.name}: {kept.bytes_per_quote:.1f} bytes per quote")
    assert [row[3] for row in peer.candles(day.instruments()[0])] == lows, f"{peer.name}: other candles"
    reading = read_peer(peer, every=every)
    peer.close()
    shutil.rmtree(folder)
    return Store(f"{peer.name}, 1 symbol of {every}" if every > 1 else peer.name, kept, reading)


def _written(kept: Kept | None) -> list[str]:
    if kept is None:
        return [""] * 4
    return [
        f"{kept.bytes_per_quote:.1f}",
        f"{kept.cpu_s / kept.quotes * 1e6:.2f}",
        f"{kept.recording_cpu_s / kept.quotes * 1e6:.2f}" if kept.recording_cpu_s else "",
        f"{kept.quotes_per_cpu_s:,.0f}",
    ]
