"""`tradewatch keys`: make, list and revoke API keys, beside a running server or before there ever was one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradewatch.access.grant import EVERYTHING, PublishGrant
from tradewatch.access.key import Scope
from tradewatch.access.plan import Plan, Plans
from tradewatch.access.shown_key import ShownKey
from tradewatch.cli.completion import complete_plan
from tradewatch.cli.options import Config, DataDir, given_settings
from tradewatch.cli.table import print_table
from tradewatch.clock import SystemClock
from tradewatch.errors import UsageError
from tradewatch.model.asset_class import AssetClass
from tradewatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from tradewatch.access.store import KeyStore

app = typer.Typer(name="keys", help="API keys: create, list, revoke.", no_args_is_help=True)


@app.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="What people call it; unique among the keys in use.")],
    plan: Annotated[
        str, typer.Option(help="Its plan; `keys plans` lists them.", autocompletion=complete_plan)
    ] = "standard",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do besides reading; may be repeated.")
    ] = None,
    publish_class: Annotated[
        list[AssetClass] | None, typer.Option(help="A class it may publish, else all; may be repeated.")
    ] = None,
    publish_symbol: Annotated[
        list[str] | None,
        typer.Option(help="Symbols it may publish, `*` for any characters, else all; may be repeated."),
    ] = None,
    known_symbols_only: Annotated[
        bool,
        typer.Option("--known-symbols-only", help="It may not bring symbols that the server does not know."),
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. Its secret is the last line of the output, and is shown this one time only."""
    scopes = frozenset(scope or ())
    grant = PublishGrant(
        classes=frozenset(publish_class or ()),
        symbols=tuple(pattern.upper() for pattern in publish_symbol or ()),
        may_create=not known_symbols_only,
    )
    if grant != EVERYTHING and Scope.PUBLISH not in scopes:
        raise UsageError("--publish-class, --publish-symbol and --known-symbols-only need --scope publish")
    settings = _settings(config, data_dir)
    known_plan = Plans(settings.plans).named(plan)
    with _store(settings) as store:
        key, text = store.create(name, plan=known_plan.name, scopes=scopes, grant=grant)
    typer.echo(
        f"created key {key.name!r} ({key.id}), plan {key.plan}; its secret is shown only now:", err=True
    )
    typer.echo(text)


@app.command("list")
def list_keys(
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line instead of a table.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List all keys, the oldest first. Secrets are not among what is known of them."""
    with _store(_settings(config, data_dir)) as store:
        shown = [ShownKey.of(key) for key in store.load()]
    if json:
        for key in shown:
            typer.echo(msgspec.json.encode(key, order="deterministic"))
    else:
        print_table(("ID", "NAME", "PLAN", "SCOPES", "CREATED", "STATE"), [_cells(key) for key in shown])


@app.command()
def revoke(
    name_or_id: Annotated[str, typer.Argument(help="The key's name or its id.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Take a key out of use, for good. A running server closes its connections within a second."""
    with _store(_settings(config, data_dir)) as store:
        key = store.revoke(name_or_id)
    typer.echo(f"revoked key {key.name!r} ({key.id})", err=True)


@app.command()
def change(
    name_or_id: Annotated[str, typer.Argument(help="The key's name or its id.")],
    *,
    plan: Annotated[
        str, typer.Option(help="Its plan from now on; `keys plans` lists them.", autocompletion=complete_plan)
    ],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Put a key on another plan. A running server applies it to open connections within a second."""
    settings = _settings(config, data_dir)
    known_plan = Plans(settings.plans).named(plan)
    with _store(settings) as store:
        key = store.change_plan(name_or_id, known_plan.name)
    typer.echo(f"key {key.name!r} ({key.id}) is on plan {key.plan}", err=True)


@app.command()
def plans(config: Config = None) -> None:
    """List the plans and their limits; `-` is where the server's own limit binds."""
    listed = list(Plans(load_settings(config=config).plans))
    limits = [field.name for field in msgspec.structs.fields(Plan) if field.name != "name"]
    print_table(
        ("LIMIT", *(plan.name for plan in listed)),
        [(limit, *(_cell(getattr(plan, limit)) for plan in listed)) for limit in limits],
    )


def _settings(config: Path | None, data_dir: str | None) -> Settings:
    """The settings that are meant."""
    return load_settings(config=config, options=given_settings({"data_dir": data_dir}))


def _store(settings: Settings) -> "KeyStore":
    """The key store of the data directory."""
    from tradewatch.access.store import KeyStore  # noqa: PLC0415 - other commands do not pay for a database

    return KeyStore.open(settings.data_dir, clock=SystemClock())


def _cells(key: ShownKey) -> tuple[str, ...]:
    """A key under the headings of the table."""
    state = "usable" if key.revoked is None else f"revoked {key.revoked}"
    return key.id, key.name, key.plan, ",".join(key.scopes) or "-", key.created, state


def _cell(value: object) -> str:
    """A limit as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return "all" if value == frozenset(AssetClass) else ",".join(sorted(value))
    return "-" if value is None else str(value)
