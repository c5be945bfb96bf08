"""`tradewatch import`: files of quotes into the history, beside a running server or without one."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tradewatch.cli import options
from tradewatch.data_directory import DataDirectory
from tradewatch.errors import ImportFileError
from tradewatch.history.request import ImportRequest, Phase, Progress
from tradewatch.model.asset_class import AssetClass
from tradewatch.one_line import one_line
from tradewatch.settings import load_settings
from tradewatch.store.importer import import_here, import_through


def import_files(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="CSV, plain or gzip, or Parquet: ts_ms,symbol,bid,ask."),
    ],
    *,
    asset_class: Annotated[
        AssetClass | None,
        typer.Option("--class", help="The class of all rows, where neither a column nor the name says it."),
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option(help="Leave out rows that are no quotes; else a file with any is refused.")
    ] = False,
    config: options.Config = None,
    data_dir: options.DataDir = None,
) -> None:
    """Take files of quotes into the history, each whole or not at all.

    A file that was taken in before, compressed or not, changes nothing. Exit code 1 where one was refused.
    """
    settings = load_settings(config=config, options=options.given_settings(context.params))
    directory = DataDirectory(settings.data_dir)
    refused = [
        file
        for file in files
        if not _imported(
            directory,
            ImportRequest(path=str(file.absolute()), asset_class=asset_class, skip_bad_rows=skip_bad_rows),
            shown_as=file.name,
        )
    ]
    if refused:
        raise typer.Exit(1)


def _imported(directory: DataDirectory, request: ImportRequest, *, shown_as: str) -> bool:
    """Take one file in and say what became of it; whether it was taken in, now or before."""
    bar = _Bar(shown_as) if sys.stderr.isatty() else None
    last = Progress(Phase.REFUSED, trouble="the import ended without a word")
    try:
        for last in _steps(directory, request):
            if bar is not None:
                bar.show(last)
    except ImportFileError as error:
        last = Progress(Phase.REFUSED, trouble=str(error))
    finally:
        if bar is not None:
            bar.end()
    if last.phase is Phase.REFUSED:
        typer.echo(f"tradewatch: {one_line(last.trouble)}", err=True)
        return False
    if last.repeated:
        typer.echo(f"{shown_as}: taken in before, nothing to do")
        return True
    skipped = f", {last.skipped:,} bad rows left out" if last.skipped else ""
    typer.echo(f"{shown_as}: {last.rows:,} quotes{skipped}")
    return True


def _steps(directory: DataDirectory, request: ImportRequest) -> Iterator[Progress]:
    """The steps of an import through the server that runs, or without one.

    Raises:
        DataDirectoryError: a server has the directory, and its store process does not answer.
        HistoryError: the history cannot be written.
        ImportFileError: the file cannot be taken in.
    """
    steps = import_through(directory.history, request)
    if steps is not None:
        yield from steps
        return
    directory.take()
    try:
        yield from import_here(directory.history, request)
    finally:
        directory.release()


class _Bar:
    """How far one file is, as a line in a terminal."""

    def __init__(self, title: str) -> None:
        # Imported here: a pipe needs no bar.
        from rich import progress  # noqa: PLC0415
        from rich.console import Console  # noqa: PLC0415

        self._progress = progress.Progress(
            progress.TextColumn("{task.fields[title]}"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.description}"),
            progress.TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", title=title, total=None)
        self._progress.start()

    def show(self, step: Progress) -> None:
        """Draw a step: a bar where it is known how far it is, a moving one elsewhere."""
        self._progress.update(
            self._task, description=step.phase.value, completed=step.done, total=step.total or None
        )

    def end(self) -> None:
        """Take the line away."""
        self._progress.stop()
