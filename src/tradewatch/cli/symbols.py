"""`tradewatch symbols`: finds instruments, the built-in ones and the user's own."""

import sys
from typing import Annotated

import msgspec
import typer

from tradewatch.cli import options
from tradewatch.cli.table import print_table
from tradewatch.errors import TradewatchError
from tradewatch.model.asset_class import AssetClass
from tradewatch.settings import load_settings

_SHOWN_ROWS = 20


def symbols(
    context: typer.Context,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="A part of a symbol or a name; everything without.")
    ] = "",
    *,
    classes: Annotated[
        list[AssetClass] | None,
        typer.Option("--class", help="A class to look in, else all; may be repeated."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help=f"Show so many; else {_SHOWN_ROWS} in a terminal, all in a pipe."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line, as in a pipe, instead of a table.")
    ] = False,
    config: options.Config = None,
    instruments: options.Instruments = None,
) -> None:
    """Find instruments by a part of their symbol or name, best first.

    These are the built-in ones and those of --instruments; what feeds and publishers bring to a running
    server is not among them. The exit code is 1 where nothing is found.
    """
    from tradewatch.reference.known import known_listings  # noqa: PLC0415 - `--version` does without it
    from tradewatch.reference.search import Search  # noqa: PLC0415

    settings = load_settings(config=config, options=options.given_settings(context.params))
    search = Search(known_listings(settings.instruments, limit=settings.limits.max_instruments))
    chosen = tuple(classes or AssetClass)
    found = search.find(text, classes=chosen)
    if not found:
        alike = ", ".join(f"{one.key} ({one.name})" for one in search.alike(text, classes=chosen))
        raise TradewatchError(f"nothing matches {text!r}" + (f"; did you mean: {alike}?" if alike else ""))
    as_table = sys.stdout.isatty() and not json
    shown = found[: limit or (_SHOWN_ROWS if as_table else None)]
    if not as_table:
        for listing in shown:
            typer.echo(msgspec.json.encode(listing))
        return
    print_table(
        ("CLASS", "SYMBOL", "NAME", "DECIMALS", "TYPE", "COUNTRY", "MIC"),
        [
            (one.asset_class, one.symbol, one.name, str(one.decimals), one.type, one.country, one.mic)
            for one in shown
        ],
        numbers={"DECIMALS"},
    )
    if len(shown) < len(found):
        typer.echo(f"{len(shown):,} of {len(found):,}; --limit shows more", err=True)
