"""`tradewatch serve`: the server."""

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
    role: options.Role = None,
    bus: options.Bus = None,
    workers: options.Workers = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    log_level: options.LogLevel = None,
    log_format: options.LogFormat = None,
) -> None:
    """Run the server."""
    load_settings(config=config, options=options.given_settings(context.params))
