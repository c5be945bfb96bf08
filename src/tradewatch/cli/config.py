"""`tradewatch config show`: the settings in force, and where each comes from."""

import json
from typing import Annotated

import typer

from tradewatch.cli import options
from tradewatch.settings import Loaded, settings_with_origins

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _config() -> None:
    """Look at the settings."""


@app.command()
def show(
    context: typer.Context,
    *,
    config: options.Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
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
) -> None:
    """Print each setting and its origin.

    They are those that `serve` would run with, given the same options; the output is a file that --config
    takes.
    """
    loaded = settings_with_origins(config=config, options=options.given_settings(context.params))
    if loaded.ignored:
        typer.echo(f"ignored, as they set nothing: {', '.join(loaded.ignored)}", err=True)
    typer.echo(_as_json(loaded) if as_json else _as_toml(loaded))


def _as_toml(loaded: Loaded) -> str:
    """`key = value  # origin`, a line for each setting."""
    return "\n".join(f"{key.name} = {key.shown(value)}  # {origin}" for key, value, origin in loaded)


def _as_json(loaded: Loaded) -> str:
    """`{"port": {"value": 8000, "origin": "default"}, ...}`."""
    shown = {key.name: {"value": key.public(value), "origin": origin} for key, value, origin in loaded}
    return json.dumps(shown, indent=2, default=str)
