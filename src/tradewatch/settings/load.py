"""From options, environment and file to one value, with the origin of each setting."""

import difflib
import functools
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tradewatch.errors import SettingError
from tradewatch.settings.keys import KEYS, TABLES, Key
from tradewatch.settings.values import Settings

_PREFIX = "TRADEWATCH_"
#: Names the file of settings.
CONFIG_VARIABLE = "TRADEWATCH_CONFIG"
#: Variables that are ours and set no setting: the file's name, and what the client's commands read.
OTHER_VARIABLES = frozenset({CONFIG_VARIABLE, "TRADEWATCH_API_KEY", "TRADEWATCH_URL"})
#: Kubernetes sets `<SERVICE>_PORT` so, in every container beside a service.
_SERVICE_LINKS = ("tcp://", "udp://", "sctp://")
_DEFAULT = "default"


class _Given(NamedTuple):
    """What was said about a setting: the value as it came, where it stood, whether all there is text."""

    value: object
    origin: str
    from_text: bool


class Loaded(msgspec.Struct, frozen=True):
    """Settings with their history.

    Attributes:
        settings: the settings.
        origins: for each dotted key where its value comes from: `default`, `file tradewatch.toml`,
            `environment TRADEWATCH_PORT`, `option --port`.
        ignored: names of environment variables that begin like ours and mean nothing.
    """

    settings: Settings
    origins: dict[str, str]
    ignored: tuple[str, ...]

    def __iter__(self) -> Iterator[tuple[Key, Any, str]]:
        """Key, value and origin of every setting, in the order of the reference page."""
        for name, key in KEYS.items():
            yield key, functools.reduce(getattr, name.split("."), self.settings), self.origins[name]


def load_settings(
    *,
    config: Path | None = None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings in force; arguments and errors are those of `settings_with_origins`."""
    return settings_with_origins(config=config, options=options, environ=environ).settings


def settings_with_origins(
    *,
    config: Path | None = None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """The settings in force, each from an option, else the environment, else the file, else its default.

    Args:
        config: the TOML file; else the one that `TRADEWATCH_CONFIG` names; else none.
        options: what the command line gave, by dotted key; None is not given.
        environ: the environment. An empty variable is not given; lists are separated by blanks or newlines.

    Raises:
        SettingError: the file cannot be read or has a key that does not exist; a value in force does not
            fit; two settings contradict each other.
    """
    named = environ.get(CONFIG_VARIABLE)
    path = config or (Path(named) if named else None)
    given = {
        **(_from_file(path) if path else {}),
        **_from_environment(environ),
        **_from_options(options or {}),
    }
    values = {name: _value(KEYS[name], said) for name, said in given.items()}
    known = {key.environment for key in KEYS.values()} | OTHER_VARIABLES
    return Loaded(
        settings=_built(values),
        origins={name: given[name].origin if name in given else _DEFAULT for name in KEYS},
        ignored=tuple(sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)),
    )


def _from_options(options: Mapping[str, object]) -> dict[str, _Given]:
    """What the command line says."""
    return {
        name: _Given(value, f"option {KEYS[name].option}", from_text=True)
        for name, value in options.items()
        if value is not None
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    """What the environment says."""
    return {
        name: _Given(environ[key.environment], f"environment {key.environment}", from_text=True)
        for name, key in KEYS.items()
        if environ.get(key.environment)
    }


def _from_file(path: Path) -> dict[str, _Given]:
    """What the file says."""
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise SettingError(f"file {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SettingError(f"file {path} is not TOML: {error}") from None
    return dict(_flat(content, "", f"file {path}"))


def _flat(table: Mapping[str, object], prefix: str, origin: str) -> Iterator[tuple[str, _Given]]:
    """The entries of a table and of the tables within, by dotted key."""
    for entry, value in table.items():
        name = prefix + entry
        if name in KEYS:
            yield name, _Given(value, origin, from_text=False)
        elif name not in TABLES:
            near = difflib.get_close_matches(name, [*KEYS, *TABLES], n=1)
            raise SettingError(
                f"{origin}: no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        elif isinstance(value, dict):
            yield from _flat(value, name + ".", origin)
        else:
            raise SettingError(f"{origin}: {name!r} is a table, not a value")


def _value(key: Key, given: _Given) -> Any:
    """The value of a setting for what was said."""
    try:
        return key.read(given.value, from_text=given.from_text)
    except ValueError:
        message = f"{key.name} = {key.shown_briefly(given.value)} ({given.origin}) is not {key.rule}"
        if isinstance(given.value, str) and given.value.startswith(_SERVICE_LINKS):
            message += (
                "; Kubernetes sets it so beside a service named tradewatch:"
                " put `enableServiceLinks: false` into the pod, or name the service otherwise"
            )
        raise SettingError(message) from None


def _built(values: Mapping[str, Any]) -> Settings:
    """The settings with these values, by dotted key, and defaults for the others."""
    fields: dict[str, Any] = {name: value for name, value in values.items() if "." not in name}
    for table, cls in TABLES.items():
        start = table + "."
        fields[table] = cls(**{n.removeprefix(start): v for n, v in values.items() if n.startswith(start)})
    return Settings(**fields)
