"""A made day on its way into the history, as the store process takes a tape."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import day
from bench.history_peers import Peer
from bench.scenario import SYMBOLS
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.tape import layout
from tradewatch.tape.follower import Stretch

_IDLE_S = 1.0
#: So long after the last quote a day gets no more, and becomes one file.
_SETTLED_MS = 2 * 3_600_000


@dataclass(frozen=True)
class Kept:
    """A day that was written.

    Attributes:
        quotes: how many.
        symbols: of how many symbols.
        bytes: what they take on disk, all columns and all else beside them.
        cpu_s: user and system time of the process that wrote them, all of its threads.
        recording_cpu_s: of that, the thread that records, while others tidy; 0 where there are no others.
        seconds: wall time.
    """

    quotes: int
    symbols: int
    bytes: int
    cpu_s: float
    recording_cpu_s: float
    seconds: float

    @property
    def bytes_per_quote(self) -> float:
        """On disk."""
        return self.bytes / self.quotes

    @property
    def quotes_per_cpu_s(self) -> float:
        """How many a second of CPU writes."""
        return self.quotes / self.cpu_s


def fill(directory: Path, quotes: int, *, symbols: int = SYMBOLS) -> Kept:
    """Record a made day in a history, tidied meanwhile, until all of it stands in settled files.

    Args:
        directory: `<data-dir>/history`; it does not exist.
        quotes: how many, all symbols together.
        symbols: how many.
    """
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    archive = DuckHistory(directory)
    with day.batches(quotes, symbols=symbols) as batches:
        recording_cpu_s, last_ms = _recorded(archive, _stretches(batches, symbols))
    archive.freeze_all(now_ms=last_ms + _SETTLED_MS)
    totals = archive.totals()
    archive.close()
    cpu_s, seconds = time.process_time() - begin_cpu_s, time.perf_counter() - begin_s
    assert (totals.rows, totals.hot_rows, totals.holes) == (quotes, 0, 0), totals
    return Kept(quotes, symbols, _disk_bytes(directory), cpu_s, recording_cpu_s, seconds)


def fill_peer(peer: Peer, quotes: int, *, every: int) -> Kept:
    """Give the same day to another store.

    Args:
        peer: the store.
        quotes: how many the day has.
        every: of so many symbols it gets one.
    """
    kept, cpu_s, seconds = 0, 0.0, 0.0
    with day.batches(quotes) as batches:
        for batch in batches:
            slots = layout.slots(batch)
            rows = slots[(slots["instrument"] - 1) % every == 0]
            begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
            peer.add(rows)
            cpu_s += time.process_time() - begin_cpu_s
            seconds += time.perf_counter() - begin_s
            kept += len(rows)
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    peer.finish()
    cpu_s += time.process_time() - begin_cpu_s
    seconds += time.perf_counter() - begin_s
    return Kept(kept, len(range(0, SYMBOLS, every)), peer.bytes, cpu_s, 0.0, seconds)


def _recorded(archive: DuckHistory, stretches: Iterator[Stretch]) -> tuple[float, int]:
    """Record at the times at which quotes were received; CPU seconds of that, and the last of these times."""
    ended = threading.Event()
    at_ms = 0

    def tidy() -> None:
        while not ended.is_set():
            if not at_ms or not archive.tidy(now_ms=at_ms):
                ended.wait(_IDLE_S)

    tidying = threading.Thread(target=tidy)
    tidying.start()
    begin_s = time.thread_time()
    try:
        for stretch in stretches:
            last = layout.slots(stretch.slots[-layout.SLOT_BYTES :])
            at_ms = int(last["received_ns"][0]) // 1_000_000
            archive.record(stretch, now_ms=at_ms)
    finally:
        ended.set()
        tidying.join()
    return time.thread_time() - begin_s, at_ms


def _stretches(batches: Iterator[bytes], symbols: int) -> Iterator[Stretch]:
    """Batches of a made day as a follower of the tape gives them."""
    offset = 0
    definitions = day.definitions(symbols)
    for slots in batches:
        yield Stretch(day.START_S * 1_000, offset, slots, 0, definitions, lossy=False)
        offset += len(slots) // layout.SLOT_BYTES
        definitions = b""


def _disk_bytes(directory: Path) -> int:
    """What `du` says of it."""
    return sum(path.stat().st_blocks * 512 for path in [directory, *directory.rglob("*")])
