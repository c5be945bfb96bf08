"""The tables that the generator reads and writes, and the arithmetic of a rough price."""

import csv
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

#: What people wrote down; the other sources are packages.
HAND = Path(__file__).parent / "hand"
#: Where the package reads its catalogue from.
DATA = Path(__file__).parents[2] / "src" / "tradewatch" / "reference" / "data"

_MOST_DECIMALS = 10


class Row(NamedTuple):
    """One instrument as it is written.

    Attributes:
        symbol: upper case.
        name: what people call it.
        decimals: the digits its prices are usually quoted with.
        price: a rough starting price.
        country: ISO 3166-1 alpha-2 in lower case; empty outside the stocks.
        mic: the market of its home listing, ISO 10383; empty where the sources do not say it.
    """

    symbol: str
    name: str
    decimals: int
    price: Decimal
    country: str = ""
    mic: str = ""


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Iterable[Row], *, columns: tuple[str, ...]) -> None:
    """Write the rows' `columns` under a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            cells = row._asdict() | {"price": price_text(row)}
            writer.writerow(cells[column] for column in columns)


def decimals_for(price: Decimal, *, digits: int, fewest: int) -> int:
    """The decimals that show `digits` significant digits of a price; at least `fewest`, at most ten."""
    return min(max(digits - 1 - price.adjusted(), fewest), _MOST_DECIMALS)


def price_text(row: Row) -> str:
    """The row's price at its decimals in plain notation, without zeros at the end.

    Raises:
        ValueError: nothing is left of the price.
    """
    rounded = round(row.price, row.decimals)
    if not rounded:
        raise ValueError(f"{row.symbol}: {row.price} is nothing at {row.decimals} decimals")
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
