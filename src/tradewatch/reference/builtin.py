"""The instruments that every server knows from the start: small tables that come with the package.

`tools/instruments/generate.py` writes the large ones; `data/README.md` names their sources.
"""

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tradewatch.model.asset_class import AssetClass
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.reference.catalogue import Catalogue


class _Row(NamedTuple):
    """One line of a table, its price still as text."""

    decimals: int
    name: str
    price: str


def load_builtin(catalogue: Catalogue) -> None:
    """Add every built-in instrument, class by class, the most important of a class first.

    Instruments that the catalogue has already stay as they are.

    Raises:
        InvalidInstrumentError: the catalogue's limit is below their number (`too_many_instruments`).
    """
    for asset_class in AssetClass:
        for symbol, row in _rows(asset_class).items():
            catalogue.add(asset_class, symbol, decimals=row.decimals, name=row.name)


def reference_price(instrument: Instrument) -> Price | None:
    """A rough price for the simulator to start from, never to be taken for the market's.

    None where the instrument is not one of the built-in ones.
    """
    row = _rows(instrument.asset_class).get(instrument.symbol)
    return None if row is None else Price.parse(row.price)


@cache
def _rows(asset_class: AssetClass) -> dict[str, _Row]:
    """The table of a class by symbol, in the file's order."""
    table = files("tradewatch.reference") / "data" / f"{asset_class.value}.csv"
    lines = csv.reader(table.read_text(encoding="utf-8").splitlines())
    next(lines)  # the header; later columns than these four differ from class to class
    return {symbol: _Row(int(decimals), name, price) for symbol, name, decimals, price, *_ in lines}
