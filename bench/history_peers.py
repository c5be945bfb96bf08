"""Two plain ways to keep a day of quotes: a table of SQLite, and a Parquet file."""

import sqlite3
from pathlib import Path
from typing import Any, ClassVar, Protocol

import duckdb
import numpy as np

from bench import day
from tradewatch.model.instrument import Instrument

#: Of a candle: its minute, then open, high, low and close of bid and of ask.
Candle = tuple[Any, ...]
_COLUMNS = ("symbol", "event_ms", "received_us", "seq", "bid", "ask")


class Peer(Protocol):
    """Keeps quotes as six integers each, and finds them again.

    Attributes:
        name: what tables call it.
        most_quotes: of a day it gets so many, whole days of fewer symbols; 0 for all.
    """

    name: ClassVar[str]
    most_quotes: ClassVar[int]

    def __init__(self, folder: Path) -> None: ...

    @property
    def bytes(self) -> int:
        """What it takes on disk, once it is finished."""
        ...

    def add(self, slots: np.ndarray) -> None:
        """Take quotes in, in the order of arrival."""
        ...

    def finish(self) -> None:
        """All are there."""
        ...

    def candles(self, instrument: Instrument) -> list[Candle]:
        """Those of the day, of a minute each."""
        ...

    def page(self, instrument: Instrument, from_ms: int, limit: int) -> list[tuple[Any, ...]]:
        """So many quotes from a moment on."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def _columns(slots: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "symbol": slots["instrument"].astype(np.int32),
        "event_ms": slots["event_ns"] // 1_000_000,
        "received_us": slots["received_ns"] // 1_000,
        "seq": slots["seq"].astype(np.int64),
        "bid": day.points(slots, "bid"),
        "ask": day.points(slots, "ask"),
    }


class Sqlite:
    """One table and one index; candles open and close with the rows that arrived first and last."""

    name: ClassVar[str] = "SQLite, indexed by (symbol, ts)"
    most_quotes: ClassVar[int] = 10_000_000

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._path = folder / "quotes.sqlite"
        self._database = sqlite3.connect(self._path)
        self._database.execute("pragma journal_mode = off")
        self._database.execute("pragma synchronous = off")
        declared = ", ".join(f"{name} integer" for name in _COLUMNS)
        self._database.execute(f"create table quotes ({declared})")

    @property
    def bytes(self) -> int:
        """What it takes on disk."""
        return self._path.stat().st_size

    def add(self, slots: np.ndarray) -> None:
        """Take quotes in."""
        rows = zip(*(column.tolist() for column in _columns(slots).values()), strict=True)
        self._database.executemany("insert into quotes values (?, ?, ?, ?, ?, ?)", rows)

    def finish(self) -> None:
        """All are there."""
        self._database.execute("create index by_symbol on quotes (symbol, event_ms)")
        self._database.commit()

    def candles(self, instrument: Instrument) -> list[Candle]:
        """Those of the day."""
        return self._database.execute(
            "select minute, a.bid, max_bid, min_bid, b.bid, a.ask, max_ask, min_ask, b.ask from ("
            " select event_ms / 60000 as minute, min(rowid) as first, max(rowid) as last,"
            " max(bid) as max_bid, min(bid) as min_bid, max(ask) as max_ask, min(ask) as min_ask"
            " from quotes where symbol = ? group by 1)"
            " join quotes as a on a.rowid = first join quotes as b on b.rowid = last"
            " order by minute",
            (instrument.id,),
        ).fetchall()

    def page(self, instrument: Instrument, from_ms: int, limit: int) -> list[tuple[Any, ...]]:
        """So many quotes."""
        return self._database.execute(
            "select * from quotes where symbol = ? and event_ms >= ? order by event_ms limit ?",
            (instrument.id, from_ms, limit),
        ).fetchall()

    def close(self) -> None:
        """Let go of it."""
        self._database.close()


class PlainParquet:
    """One file as DuckDB writes it, in the order of arrival; no index, so every query looks it through."""

    name: ClassVar[str] = "Parquet, in order of arrival"
    most_quotes: ClassVar[int] = 0

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = str(folder / "quotes.parquet")
        self._scratch = folder / "scratch.duckdb"
        self._database = duckdb.connect(str(self._scratch), config={"threads": 2})
        declared = ", ".join(f"{name} {'integer' if name == 'symbol' else 'bigint'}" for name in _COLUMNS)
        self._database.execute(f"create table quotes ({declared})")

    @property
    def bytes(self) -> int:
        """What it takes on disk."""
        return Path(self._file).stat().st_size

    def add(self, slots: np.ndarray) -> None:
        """Take quotes in."""
        columns = _columns(slots)
        self._database.execute("insert into quotes by name select * from columns")
        del columns  # DuckDB read it by its name

    def finish(self) -> None:
        """All are there."""
        self._database.execute(f"copy quotes to '{self._file}' (format parquet)")
        self._database.close()
        self._scratch.unlink()
        self._database = duckdb.connect(config={"threads": 2})

    def candles(self, instrument: Instrument) -> list[Candle]:
        """Those of the day."""
        return self._database.execute(
            "select event_ms // 60000 as minute, arg_min(bid, seq), max(bid), min(bid), arg_max(bid, seq),"
            " arg_min(ask, seq), max(ask), min(ask), arg_max(ask, seq)"
            " from read_parquet(?) where symbol = ? group by 1 order by 1",
            [self._file, instrument.id],
        ).fetchall()

    def page(self, instrument: Instrument, from_ms: int, limit: int) -> list[tuple[Any, ...]]:
        """So many quotes."""
        return self._database.execute(
            "select * from read_parquet(?) where symbol = ? and event_ms >= ? order by event_ms, seq limit ?",
            [self._file, instrument.id, from_ms, limit],
        ).fetchall()

    def close(self) -> None:
        """Let go of it."""
        self._database.close()


PEERS: tuple[type[Peer], ...] = (Sqlite, PlainParquet)
