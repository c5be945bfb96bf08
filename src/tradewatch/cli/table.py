"""Tables for a terminal."""

from collections.abc import Collection, Sequence

import typer


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[str] = ()
) -> None:
    """Columns as wide as their widest cell, two spaces apart; those of `numbers` end in one line."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = zip(headings, row, widths, strict=True)
        line = (
            cell.rjust(width) if heading in numbers else cell.ljust(width) for heading, cell, width in cells
        )
        typer.echo("  ".join(line).rstrip())
