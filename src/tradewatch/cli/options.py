"""The options that set a setting, as every command that reads the settings takes them.

All are texts: what a setting takes is decided, and refused, in one place, whatever it comes from.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewatch.settings.keys import KEYS


def _option(name: str, metavar: str, *, more: str = "") -> Any:
    """The option of a setting, described as the setting is."""
    key = KEYS[name]
    default = key.default.strip('["]')
    words = (
        key.meaning[0].upper() + key.meaning[1:] + "." + more + (f"  [default: {default}]" if default else "")
    )
    return typer.Option(key.option, metavar=metavar, help=words)


Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The TOML file of settings; else the one TRADEWATCH_CONFIG names."
    ),
]
Host = Annotated[str | None, _option("host", "ADDRESS")]
Port = Annotated[str | None, _option("port", "PORT")]
DataDir = Annotated[str | None, _option("data_dir", "DIR")]
Feeds = Annotated[list[str] | None, _option("feeds", "SPEC", more=" May be repeated.")]
Instruments = Annotated[list[str] | None, _option("instruments", "FILE", more=" May be repeated.")]
Role = Annotated[str | None, _option("role", "ROLE")]
Bus = Annotated[str | None, _option("bus", "URL")]
Workers = Annotated[str | None, _option("workers", "N")]
TlsCert = Annotated[str | None, _option("tls_cert", "FILE")]
TlsKey = Annotated[str | None, _option("tls_key", "FILE")]
LogLevel = Annotated[str | None, _option("log_level", "LEVEL")]
LogFormat = Annotated[str | None, _option("log_format", "FORMAT")]


#: How a command that is a client reaches its server.
ServerUrl = Annotated[
    str,
    typer.Option("--url", metavar="URL", envvar="TRADEWATCH_URL", help="The server, ws(s):// or http(s)://."),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        envvar="TRADEWATCH_API_KEY",
        help="The API key; in the environment other users of this machine cannot see it.",
    ),
]
CaCert = Annotated[
    Path | None, typer.Option("--cacert", metavar="FILE", help="Trust the certificates (PEM) in this file.")
]
DEFAULT_URL = "ws://127.0.0.1:8000"


def given_settings(parameters: Mapping[str, Any]) -> dict[str, object]:
    """Of a command's parameters (`context.params`) those that set a setting and were given."""
    return {name: value for name, value in parameters.items() if name in KEYS and value not in (None, ())}
