"""Reading a made day again: candles and pages, of one symbol after the other."""

import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Protocol

from bench import day
from bench.history_peers import Peer
from bench.process import Cores
from bench.scenario import SYMBOLS
from bench.served import served
from bench.store_status import await_store
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.request import CandlesRequest, Format, Request, Sides, TicksRequest
from tradewatch.model.instrument import Instrument
from tradewatch.protocol.cursor import SECRET_BYTES, Cursors
from tradewatch.store.answers import Answers

#: The symbols that are read, one after the other.
RUNS = 21
PAGES = (100, 1_000)
_SEED = 7
#: A page begins before it: so many quotes follow at any rate.
_LATEST_S = day.START_S + 80_000
_PATIENCE_S = 60.0
#: What each candle and each tick in JSON has once.
_ITEM = b'"time"'


@dataclass(frozen=True)
class Reading:
    """How long each run took, in milliseconds.

    Attributes:
        candles_ms: a day of candles, a minute each.
        pages_ms: pages at random places, by their size.
    """

    candles_ms: list[float]
    pages_ms: dict[int, list[float]]

    @property
    def medians_ms(self) -> list[float]:
        """Of candles, then of pages from the smallest on."""
        return [statistics.median(times) for times in (self.candles_ms, *self.pages_ms.values())]


class Store(Protocol):
    """Whatever is read from. Both answer how many items they have read."""

    def candles(self, instrument: Instrument) -> int:
        """Read the candles of the day."""
        ...

    def page(self, instrument: Instrument, moment_s: int, size: int) -> Callable[[], int]:
        """What reads a page behind a moment; finding the way there is not part of it."""
        ...


def read(store: Store, *, every: int = 1) -> Reading:
    """Read from a store that has one symbol of `every`."""
    chance = random.Random(_SEED)
    symbols = chance.sample(day.instruments()[::every], min(RUNS, len(range(0, SYMBOLS, every))))
    moments = [chance.randrange(day.START_S, _LATEST_S) for _ in symbols]
    store.candles(symbols[-1])  # whoever asks first opens files and fills caches
    candles_ms = [_took_ms(lambda each=each: store.candles(each)) for each in symbols]  # type: ignore[misc]
    pages_ms = {
        size: [
            _took_ms(store.page(each, moment_s, size))
            for each, moment_s in zip(symbols, moments, strict=True)
        ]
        for size in PAGES
    }
    return Reading(candles_ms, pages_ms)


def low_bids(directory: Path) -> list[int]:
    """The low bids of the first symbol's candles in points, as a history has them."""
    with _in_process(directory) as ask:
        items = json.loads(ask(_candles_of(day.instruments()[0])), parse_float=str, parse_int=str)["items"]
    texts = (item["low_bid"].partition(".") for item in items)
    return [int(whole + decimals.ljust(day.DECIMALS, "0")) for whole, _, decimals in texts]


def read_in_process(directory: Path) -> Reading:
    """What the store process does for an answer, without its socket.

    Args:
        directory: `<data-dir>/history`.
    """
    with _in_process(directory) as ask:
        return read(_InProcess(ask))


def read_over_http(data_dir: Path, cores: Cores) -> Reading:
    """The same through a server and its store process."""
    with served("none", core=cores.server, data_dir=data_dir) as (server, key):
        await_store(data_dir / "history")
        store = _OverHttp(server.port, key)
        try:
            return read(store)
        finally:
            store.close()


def read_peer(peer: Peer, *, every: int) -> Reading:
    """Rows of a peer, which nobody writes as JSON."""
    return read(_Beside(peer), every=every)


def _took_ms(read_items: Callable[[], int]) -> float:
    begin_s = time.perf_counter()
    found = read_items()
    took_s = time.perf_counter() - begin_s
    assert found, "nothing was read"
    return took_s * 1_000


class _InProcess:
    def __init__(self, ask: Callable[[Request], bytes]) -> None:
        self._ask = ask

    def candles(self, instrument: Instrument) -> int:
        """Read the candles of the day."""
        return self._ask(_candles_of(instrument)).count(_ITEM)

    def page(self, instrument: Instrument, moment_s: int, size: int) -> Callable[[], int]:
        """What reads a page behind a moment."""
        cursor = json.loads(self._ask(_ticks_of(instrument, moment_s, None, 1)))["next_page"]
        request = _ticks_of(instrument, day.START_S, cursor, size)
        return lambda: self._ask(request).count(_ITEM)


class _OverHttp:
    def __init__(self, port: int, key: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
        self._key = key

    def candles(self, instrument: Instrument) -> int:
        """Read the candles of the day."""
        return self._get(instrument, f"ohlc?resolution=60&start={day.START_S}").count(_ITEM)

    def page(self, instrument: Instrument, moment_s: int, size: int) -> Callable[[], int]:
        """What reads a page behind a moment."""
        cursor = json.loads(self._get(instrument, f"ticks?start={moment_s}&limit=1"))["next_page"]
        query = f"ticks?start={day.START_S}&limit={size}&cursor={cursor}"
        return lambda: self._get(instrument, query).count(_ITEM)

    def close(self) -> None:
        """Ask no more."""
        self._connection.close()

    def _get(self, instrument: Instrument, query: str) -> bytes:
        path = f"/{instrument.asset_class.value}/{instrument.symbol}/{query}&end={day.END_S}"
        self._connection.request("GET", path, headers={"api-key": self._key})
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


class _Beside:
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def candles(self, instrument: Instrument) -> int:
        """Read the candles of the day."""
        return len(self._peer.candles(instrument))

    def page(self, instrument: Instrument, moment_s: int, size: int) -> Callable[[], int]:
        """What reads a page behind a moment."""
        return lambda: len(self._peer.page(instrument, moment_s * 1_000, size))


@contextmanager
def _in_process(directory: Path) -> Iterator[Callable[[Request], bytes]]:
    archive = DuckHistory(directory)
    answers = Answers(archive, Cursors(bytes(SECRET_BYTES)), directory / "tmp", dict)

    def ask(request: Request) -> bytes:
        head, *pieces = answers.answer(request)
        assert getattr(head, "status", 0) == 200, head
        return b"".join(piece for piece in pieces if isinstance(piece, bytes))

    try:
        yield ask
    finally:
        archive.close()


def _candles_of(instrument: Instrument) -> CandlesRequest:
    return CandlesRequest(
        asset_class=instrument.asset_class,
        symbol=instrument.symbol,
        resolution_s=60,
        start_s=day.START_S,
        end_s=day.END_S,
        prices=("ask", "bid"),
        format=Format.JSON,
    )


def _ticks_of(instrument: Instrument, start_s: int, cursor: str | None, limit: int) -> TicksRequest:
    return TicksRequest(
        asset_class=instrument.asset_class,
        symbol=instrument.symbol,
        start_s=start_s,
        end_s=day.END_S,
        first=None,
        last=None,
        after=None,
        cursor=cursor,
        limit=limit,
        sides=Sides.BOTH,
        format=Format.JSON,
    )
