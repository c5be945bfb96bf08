"""`tradewatch insights`: what clients read at `/<class>/insights`; beside a running server or without one."""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradewatch.cli.options import Config, DataDir, given_settings
from tradewatch.cli.table import print_table
from tradewatch.clock import SystemClock
from tradewatch.errors import UsageError
from tradewatch.insights.insight import Entry, Insight, entries, timestamp_ms
from tradewatch.insights.lines import MAX_LINE_BYTES, line_of, read_lines
from tradewatch.model.asset_class import AssetClass
from tradewatch.one_line import one_line
from tradewatch.settings import load_settings

if TYPE_CHECKING:
    from tradewatch.insights.store import InsightStore

app = typer.Typer(
    name="insights", help="Insights: what clients read about the markets.", no_args_is_help=True
)

_ENTRIES_PER_WRITE = 500
_SHOWN_ROWS = 20
_SHOWN_CHARS = 60

Classes = Annotated[
    list[AssetClass] | None, typer.Option("--class", help="In whose list, else in all; may be repeated.")
]


@app.command()
def add(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What clients read.")],
    *,
    classes: Classes = None,
    market: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A market it is about; may be repeated.")
    ] = None,
    ticket: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL", help="A symbol it is about; may be repeated.")
    ] = None,
    hashtag: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="A word to find it by; may be repeated.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it was said: 2026-01-31T12:00:00Z, or Unix ms; else now."),
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Add an insight. Its ids, one for each class, are the output; clients read it at once."""
    given = {
        "timestamp": SystemClock().now_ns() // 10**6 if at is None else timestamp_ms(at),
        "content": text,
        "meta_data": {"markets": market or (), "tickets": ticket or (), "hashtags": hashtag or ()},
    }
    try:
        insight = msgspec.convert(given, Insight)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from None
    meant = entries(insight, classes or ())
    with _store(config, data_dir) as store:
        done = store.add(meant)
    typer.echo(_report(*done), err=True)
    for entry in meant:
        typer.echo(entry.id)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON lines.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Add the insights of a file, one JSON object per line, as `insights list --json` prints them.

    `timestamp` and `content` are needed; `asset_class` (else all) and `meta_data` are not. Nothing is added
    where a line is wrong, and nothing twice: the file may be imported again.
    """
    if not file.is_file():
        raise UsageError(f"{file} is no file, and is read twice")
    for _ in _entries_in(file):
        pass  # every line is looked at before the first one is added
    added = known = removed = 0
    with _store(config, data_dir) as store:
        found = _entries_in(file)
        while some := list(islice(found, _ENTRIES_PER_WRITE)):
            done = store.add(some)
            added, known, removed = added + done.added, known + done.known, removed + done.removed
    typer.echo(_report(added, known, removed), err=True)


@app.command("list")
def list_insights(
    *,
    classes: Classes = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help=f"Show so many; else {_SHOWN_ROWS} in a terminal, all in a pipe."
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line, as in a pipe, instead of a table.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List insights, the newest first."""
    as_table = sys.stdout.isatty() and not json
    with _store(config, data_dir) as store:
        found = store.read(classes or AssetClass, limit=limit or (_SHOWN_ROWS if as_table else None))
        if as_table:
            print_table(("ID", "CLASS", "SAID", "ABOUT", "CONTENT"), [_cells(entry) for entry in found])
            return
        for entry in found:
            typer.echo(line_of(entry))


@app.command()
def remove(
    insight_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as `insights list` shows it.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Remove an insight from the list of its class. Clients no longer read it at once."""
    with _store(config, data_dir) as store:
        entry = store.remove(insight_id)
    said = one_line(entry.insight.content, most_chars=_SHOWN_CHARS)
    typer.echo(f"removed from {entry.asset_class}: {said}", err=True)


def _store(config: Path | None, data_dir: str | None) -> "InsightStore":
    """The store of the data directory that is meant."""
    from tradewatch.insights.store import InsightStore  # noqa: PLC0415 - other commands do not pay for a database

    settings = load_settings(config=config, options=given_settings({"data_dir": data_dir}))
    return InsightStore.open(settings.data_dir)


def _entries_in(file: Path) -> Iterator[Entry]:
    """The insights of a file.

    Raises:
        UsageError: a line is none, or the file cannot be read.
    """
    try:
        with file.open("rb") as opened:
            lines = iter(lambda: opened.readline(MAX_LINE_BYTES + 1), b"")
            yield from read_lines(lines, name=str(file))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def _report(added: int, known: int, removed: int) -> str:
    """What became of insights."""
    parts = [f"added {added:,}", f"{known:,} known already" if known else ""]
    return ", ".join(filter(None, [*parts, f"{removed:,} of the oldest gave way" if removed else ""]))


def _cells(entry: Entry) -> tuple[str, ...]:
    """The row of an insight."""
    insight = entry.insight
    about: Iterable[str] = (*insight.meta_data.markets, *insight.meta_data.tickets)
    hashtags = (f"#{word}" for word in insight.meta_data.hashtags)
    content = one_line(insight.content, most_chars=_SHOWN_CHARS)
    return entry.id, entry.asset_class, insight.utc, ",".join((*about, *hashtags)) or "-", content
