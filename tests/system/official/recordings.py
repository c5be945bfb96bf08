"""The real quotes as the official client is to show them: read and folded without its code."""

import csv
import gzip
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

FILES = (
    "commodities-XAUUSD-20140509",
    "crypto-BTCUSDT-20240808",
    "currencies-EURUSD-20140508",
    "indices-DE30EUR-20190220",
    "indices-ESU4-20240701",
    "stocks-SPY-20131007",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """A row of a file."""

    ts_ms: int
    bid: Decimal
    ask: Decimal


#: Time in UTC, ask, bid and mid; prices are the floats nearest to the decimals.
Tick = tuple[datetime, float, float, float]
#: Time in Unix seconds; open, high, low and close of the ask, then of the bid.
Candle = tuple[float, ...]


@dataclass(frozen=True)
class Recording:
    """One file."""

    name: str
    asset_class: str
    symbol: str
    path: Path

    @property
    def feed(self) -> str:
        return f"replay:{self.path}?class={self.asset_class}&speed=max"

    @cached_property
    def rows(self) -> list[Row]:
        with gzip.open(self.path, "rt", newline="") as file:
            read = csv.DictReader(file)
            rows = [Row(int(row["ts_ms"]), Decimal(row["bid"]), Decimal(row["ask"])) for row in read]
        return sorted(rows, key=lambda row: row.ts_ms)  # stable: rows of one millisecond keep their order

    @cached_property
    def ticks(self) -> list[Tick]:
        return [
            (_EPOCH + timedelta(milliseconds=row.ts_ms), float(row.ask), float(row.bid), float(self.mid(row)))
            for row in self.rows
        ]

    @property
    def span(self) -> tuple[int, int]:
        """All of it, in Unix seconds; the end is not in it."""
        return self.rows[0].ts_ms // 1_000, self.rows[-1].ts_ms // 1_000 + 1

    def mid(self, row: Row) -> Decimal:
        digits = max(8 if self.asset_class == "crypto" else 5, decimals(row.bid), decimals(row.ask))
        return half_even((row.bid + row.ask) / 2, digits)

    def candles(self, resolution_s: int) -> list[Candle]:
        found: list[Candle] = []
        for number, group in groupby(self.rows, key=lambda row: row.ts_ms // 1_000 // resolution_s):
            rows = list(group)
            sides = [[row.ask for row in rows], [row.bid for row in rows]]
            prices = [price for side in sides for price in (side[0], max(side), min(side), side[-1])]
            found.append((number * resolution_s, *map(float, prices)))
        return found


def decimals(price: Decimal) -> int:
    """Digits behind the point, without the zeros at the end."""
    exponent = price.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def half_even(price: Decimal, digits: int) -> Decimal:
    return price.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def read_recordings(folder: Path) -> dict[str, Recording]:
    """All files by name."""
    return {
        name: Recording(name, asset_class, symbol, (folder / f"{name}.csv.gz").resolve())
        for name in FILES
        for asset_class, symbol in [name.split("-")[:2]]
    }
