"""The instruments that every server knows from the start: small tables that come with the package.

`tools/instruments/generate.py` writes the large ones; `data/README.md` names their sources.
"""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.reference.listing import Listing

_Row = dict[str, str]


def builtin_listings() -> Iterator[Listing]:
    """The listing of every built-in instrument, class by class, the most important of a class first."""
    for asset_class in AssetClass:
        for symbol, row in _rows(asset_class).items():
            yield Listing(
                asset_class=asset_class,
                symbol=symbol,
                decimals=int(row["decimals"]),
                name=row["name"],
                type=row.get("type", ""),
                country=row.get("country", ""),
                mic=row.get("mic", ""),
            )


def reference_price(instrument: Instrument) -> Price | None:
    """A rough price for the simulator to start from, never to be taken for the market's.

    None where the instrument is not one of the built-in ones.
    """
    row = _rows(instrument.asset_class).get(instrument.symbol)
    return None if row is None else Price.parse(row["price"])


@cache
def _rows(asset_class: AssetClass) -> dict[str, _Row]:
    """The table of a class by symbol, in the file's order."""
    table = files("tradewatch.reference") / "data" / f"{asset_class.value}.csv"
    lines = csv.reader(table.read_text(encoding="utf-8").splitlines())
    columns = next(lines)
    return {cells[0]: dict(zip(columns, cells, strict=True)) for cells in lines}
