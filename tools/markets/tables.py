"""The tables that the generator reads and writes."""

import csv
from collections.abc import Iterable
from pathlib import Path

#: What people wrote down; the other sources are packages.
HAND = Path(__file__).parent / "hand"
#: Where the package reads its tables from.
DATA = Path(__file__).parents[2] / "src" / "tradewatch" / "reference" / "data"


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write rows under a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    print(f"{path.name}: {path.stat().st_size:,} bytes")
