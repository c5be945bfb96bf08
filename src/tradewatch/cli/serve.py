"""`tradewatch serve`: the server."""

import contextlib
import logging
import sys
from typing import Annotated

import typer

from tradewatch.cli import options
from tradewatch.settings import load_settings


def serve(
    context: typer.Context,
    *,
    config: options.Config = None,
    host: options.Host = None,
    port: options.Port = None,
    data_dir: options.DataDir = None,
    feeds: options.Feeds = None,
    instruments: options.Instruments = None,
    role: options.Role = None,
    bus: options.Bus = None,
    workers: options.Workers = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    log_level: options.LogLevel = None,
    log_format: options.LogFormat = None,
    new_epoch: Annotated[
        bool, typer.Option("--new-epoch", help="Begin a new epoch: the data directory is a restored backup.")
    ] = False,
) -> None:
    """Run the server until it is told to stop (SIGTERM or Ctrl-C). SIGHUP has it read its plans anew."""
    given = options.given_settings(context.params)
    settings = load_settings(config=config, options=given)
    from tradewatch.app import run  # noqa: PLC0415 - only a process that serves pays for its imports
    from tradewatch.cli.banner import banner  # noqa: PLC0415 - likewise
    from tradewatch.cli.logs import log_handler  # noqa: PLC0415 - likewise
    from tradewatch.server.listener import runner  # noqa: PLC0415 - likewise

    logging.basicConfig(level=settings.log_level.upper(), handlers=[log_handler(settings.log_format)])
    for chatty in ("alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with runner() as running:
        running.run(
            run(
                settings,
                announce=lambda started: _tell(banner(started)),
                reload=lambda: load_settings(config=config, options=given),
                new_epoch=new_epoch,
            )
        )


def _tell(text: str) -> None:
    """Print what a person is told; the server goes on where nobody reads it, or not in these letters."""
    encoding = sys.stdout.encoding
    with contextlib.suppress(BrokenPipeError):
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)  # noqa: T201 - goes to stdout
