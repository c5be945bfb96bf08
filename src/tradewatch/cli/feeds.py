"""`tradewatch feeds`: the feeds there are, and what a specification would bring."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated

import typer

from tradewatch.cli import options
from tradewatch.cli.table import print_table
from tradewatch.clock import SystemClock
from tradewatch.feeds.spec import KINDS, NO_FEED, Kind, ReplaySpec, SimulatedSpec, parse_feed_spec
from tradewatch.model.instrument import Instrument
from tradewatch.model.price import Price
from tradewatch.one_line import one_line
from tradewatch.reference.catalogue import Catalogue
from tradewatch.reference.known import known_listings
from tradewatch.settings import load_settings

app = typer.Typer(rich_markup_mode=None)

_SHOWN_NAMES = 5
_SHOWN_ROWS = 5


@app.callback(invoke_without_command=True)
def feeds(context: typer.Context) -> None:
    """Say which feeds there are, with their options; `feeds check` tries one."""
    if context.invoked_subcommand is None:
        for number, (name, kind) in enumerate(KINDS.items()):
            if number:
                typer.echo()
            _print_kind(name, kind)


def _print_kind(name: str, kind: Kind) -> None:
    """One kind of feed, its options as a table."""
    typer.echo(f"{name}: {kind.meaning}\n\n  written  {kind.form}\n  example  --feed '{kind.example}'")
    if kind.options:
        typer.echo()
        print_table(
            ("OPTION", "DEFAULT", "TAKES", "MEANING"),
            [
                (name, option.default or "-", option.value.takes, option.meaning)
                for name, option in kind.options.items()
            ],
        )


@app.command()
def check(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="What --feed of `serve` takes; quote it.")],
    *,
    config: options.Config = None,
    instruments: options.Instruments = None,
) -> None:
    """Say what a feed would bring, or what is wrong with it; nothing is served."""
    if spec == NO_FEED:
        typer.echo(f"{NO_FEED}: {KINDS[NO_FEED].meaning}")
        return
    parsed = parse_feed_spec(spec)
    settings = load_settings(config=config, options=options.given_settings(context.params))
    limit = settings.limits.max_instruments
    catalogue = Catalogue(limit=limit, listings=known_listings(settings.instruments, limit=limit))
    catalogue.add_listed()
    if isinstance(parsed, SimulatedSpec):
        _check_simulated(parsed, catalogue)
    else:
        _check_replay(parsed, catalogue)


def _check_simulated(spec: SimulatedSpec, catalogue: Catalogue) -> None:
    """What an invented feed would bring."""
    from tradewatch.feeds.simulated import SimulatedSource  # noqa: PLC0415 - numpy

    known = len(catalogue)
    chosen = SimulatedSource(spec, catalogue, SystemClock()).instruments()
    each = float(spec.rate / spec.symbols)
    _print_lines(
        {
            "feed": KINDS[spec.kind].meaning,
            "rate": f"{float(spec.rate):,g} quotes per second, {each:,.3g} for each instrument",
            "instruments": _names(chosen, new=len(catalogue) - known),
        }
    )


def _check_replay(spec: ReplaySpec, catalogue: Catalogue) -> None:
    """What files would bring."""
    from tradewatch.feeds.preview import preview  # noqa: PLC0415 - numpy

    known = len(catalogue)
    found = preview(spec, catalogue, SystemClock(), rows=_SHOWN_ROWS)
    name = one_line(found.files[0])
    rate = "as fast as can be read" if spec.speed is None else "one moment"
    if found.rate is not None:
        rate = f"about {float(found.rate):,.3g} quotes per second"
    more = f" and {len(found.files) - 1:,} more" if len(found.files) > 1 else ""
    _print_lines(
        {
            "feed": KINDS[spec.kind].meaning,
            "files": name + more,
            "rate": f"{rate}, judged by the first {found.read:,} quotes of {name}",
            "bad rows": f"{found.bad_rows:,}, such as {found.last_bad}" if found.bad_rows else "none there",
            "instruments": _names(found.instruments, new=len(catalogue) - known),
        }
    )
    if found.first:
        typer.echo()
        rows = [
            (_time(row.event_ns), row.instrument.key, _side(row.bid), _side(row.ask)) for row in found.first
        ]
        print_table(("TIME", "SYMBOL", "BID", "ASK"), rows, numbers={"BID", "ASK"})


def _print_lines(lines: dict[str, str]) -> None:
    """What there is to say, each behind its heading."""
    width = max(map(len, lines)) + 2
    for heading, text in lines.items():
        typer.echo(f"{heading:{width}}{text}")


def _names(instruments: Collection[Instrument], *, new: int) -> str:
    """How many, and the first of them."""
    names = ", ".join(instrument.key for instrument in list(instruments)[:_SHOWN_NAMES])
    more = ", ..." if len(instruments) > _SHOWN_NAMES else ""
    unknown = f" ({new:,} of them new to the catalogue)" if new else ""
    return f"{len(instruments):,}{unknown}: {names}{more}" if instruments else "none"


def _side(price: Price | None) -> str:
    return "-" if price is None else price.text


def _time(event_ns: int) -> str:
    """To the millisecond, in UTC."""
    moment = datetime.fromtimestamp(event_ns // 10**9, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{event_ns // 10**6 % 1_000:03}"
