"""What a benchmark leaves: tables for people, and a file of results."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.machine import facts

RESULTS = Path(__file__).parent / "results"


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"  {text}", file=sys.stderr, flush=True)


def print_table(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns under a title, numbers to the right; a row of two cells is a name and a remark."""
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[column]) for row in full) for column in range(len(rows[0]))]
    widths[0] = max(len(row[0]) for row in rows)
    print(f"\n{title}\n")
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        if row in full:
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        else:
            cells += row[1:]
        print("  " + "  ".join(cells))
    sys.stdout.flush()


def write_results(name: str, results: Any) -> None:
    """Write `bench/results/<name>.json`, with what is known of the machine."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": facts(), "results": results}, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n")
