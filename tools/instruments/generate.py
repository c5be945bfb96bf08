"""Writes the catalogue's generated tables: `python tools/instruments/generate.py [--output DIRECTORY]`.

Currencies, crypto and stocks come from the files in `hand/` and from the packages of `sources.txt`, which
must be installed at just these versions; indices and commodities are written by hand in the package itself.
"""

import argparse
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_SOURCES = Path(__file__).with_name("sources.txt")
_COLUMNS = ("symbol", "name", "decimals", "price")


def main() -> int:
    """Write the three tables; 1 where a source is missing or has another version."""
    parser = argparse.ArgumentParser(description="Write the built-in catalogue of instruments.")
    parser.add_argument("--output", type=Path, help="folder to write to; the package's own by default")
    output = parser.parse_args().output
    if wrong := [source for source in _SOURCES.read_text().split() if not _is_installed(source)]:
        print(f"missing: {' '.join(wrong)} (pip install -r {_SOURCES})", file=sys.stderr)
        return 1
    _write(output)
    return 0


def _is_installed(source: str) -> bool:
    """Whether the package of a line `name==version` is here, at this version."""
    name, _, pinned = source.partition("==")
    try:
        return version(name) == pinned
    except PackageNotFoundError:
        return False


def _write(output: Path | None) -> None:
    # Imported late: they need the sources, whose absence has its own message.
    from coin_pairs import coin_pairs  # noqa: PLC0415
    from currency_pairs import currency_pairs  # noqa: PLC0415
    from stock_list import stocks  # noqa: PLC0415
    from table import DATA, read, write  # noqa: PLC0415

    output = output or DATA
    currencies, coins = list(currency_pairs()), list(coin_pairs())
    taken = {row.symbol for row in (*currencies, *coins)}
    for by_hand in ("indices.csv", "commodities.csv"):
        taken.update(row["symbol"] for row in read(DATA / by_hand))
    for file_name, rows, columns in (
        ("currencies.csv", currencies, _COLUMNS),
        ("crypto.csv", coins, _COLUMNS),
        ("stocks.csv", list(stocks(taken)), (*_COLUMNS, "country", "mic")),
    ):
        write(output / file_name, rows, columns=columns)
        print(f"{file_name}: {len(rows):,} instruments")


if __name__ == "__main__":
    sys.exit(main())
