"""The keys of the settings: by what names a setting is reached, what it takes, and how it is written."""

import json
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import inspect

from tradewatch.settings.values import Settings

#: What may stand in front of a rule, told by the end of a key's name.
_UNITS = {"_s": "seconds", "_ms": "milliseconds", "_bytes": "bytes"}
#: Longer values are cut where a message shows them.
_SHOWN_CHARS = 80


class Key(msgspec.Struct, frozen=True):
    """One setting, as it is reached from outside.

    Attributes:
        name: its dotted name in the file: `limits.idle_s`.
        annotation: its type with its bounds.
        meaning: the description at the field.
        default: its default, in the notation of TOML or in words.
        option: the option of the command line that sets it, where a command has one.
        secret: whether its value may be shown.
    """

    name: str
    annotation: Any
    meaning: str
    default: str
    option: str
    secret: bool

    @property
    def environment(self) -> str:
        """The environment variable that sets it: `TRADEWATCH_LIMITS_IDLE_S`."""
        return "TRADEWATCH_" + self.name.replace(".", "_").upper()

    @property
    def rule(self) -> str:
        """What it takes, in words: `a whole number from 0 to 65535`."""
        unit = next((unit for end, unit in _UNITS.items() if self.name.endswith(end)), "")
        if "_per_" in self.name:  # so many in a time, not a time
            unit = ""
        return _rule(self.annotation, unit)

    def read(self, given: object, *, from_text: bool) -> Any:
        """The value of the setting for what was given.

        Args:
            given: a value of TOML, or a text.
            from_text: whether it comes from where there are only texts: numbers may then be digits, and
                lists are separated by blanks or newlines.

        Raises:
            ValueError: it does not fit; says nothing, `rule` does.
        """
        kind = _plain(self.annotation)
        if isinstance(kind, inspect.UnionType) and given == "":
            return None
        if isinstance(kind, inspect.VarTupleType) and from_text and isinstance(given, str):
            given = given.split()
        try:
            if isinstance(kind, inspect.DictType) and from_text and isinstance(given, str):
                given = msgspec.json.decode(given)
            value = msgspec.convert(given, self.annotation, strict=not from_text, dec_hook=_path)
            toml_text(value).encode()  # bytes of the environment that are no UTF-8 could not be written down
        except (msgspec.DecodeError, RuntimeError) as error:
            raise ValueError(self.rule) from error
        return value

    def public(self, value: object) -> object:
        """The value as it may be shown: a secret one as `***`."""
        return "***" if self.secret and value else value

    def shown(self, value: object) -> str:
        """The value as it may be shown, in the notation of TOML."""
        return toml_text(self.public(value))

    def shown_briefly(self, value: object) -> str:
        """`shown`, cut to what fits in a message."""
        text = self.shown(value)
        return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def toml_text(value: object) -> str:
    """The value in the notation of TOML; what is not set is an empty text."""
    match value:
        case None:
            return '""'
        case str() | Path():
            # A JSON string is a basic string of TOML, save for the one control character JSON leaves alone.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "[" + ", ".join(map(toml_text, value)) + "]"
        case dict():
            pairs = (f"{toml_text(str(name))} = {toml_text(inner)}" for name, inner in value.items())
            return "{" + ", ".join(pairs) + "}"
        case _:
            return str(value)


def _path(wanted: type, given: object) -> Path:
    """A path as a person writes it; `~` is the home directory."""
    if wanted is Path and isinstance(given, str | Path) and str(given) and "\0" not in str(given):
        return Path(given).expanduser()
    raise ValueError("not a path")


def _plain(annotation: Any) -> inspect.Type:
    """The type without what is only said about it."""
    kind = inspect.type_info(annotation)
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _rule(annotation: Any, unit: str) -> str:
    """What a type takes, in words."""
    match _plain(annotation):
        case inspect.IntType(ge=least, le=most):
            return f"a whole number{unit and f' of {unit}'} from {least} to {most}"
        case inspect.FloatType(gt=None, ge=least, le=most):
            return f"a number{unit and f' of {unit}'} from {least} to {most}"
        case inspect.FloatType(gt=below, le=most):
            return f"a number{unit and f' of {unit}'} above {below}, at most {most}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return "one of " + ", ".join(get_args(get_args(annotation)[0]))  # as written, not sorted
        case inspect.StrType(max_length=None):
            return "a text"
        case inspect.StrType(min_length=least, max_length=most):
            return f"a text of {least} to {most} characters"
        case inspect.VarTupleType(item_type=inspect.StrType()):
            return "a list of texts"
        case inspect.VarTupleType():
            return "a list of paths"
        case inspect.DictType():
            return "a table of tables (in the environment: JSON)"
        case inspect.UnionType():
            return "a path, or empty"
        case _:
            return "a path"


def _key(name: str, annotation: Any, field: inspect.Field) -> Key:
    """The key of a field."""
    (meta,) = (word for word in get_args(annotation) if isinstance(word, msgspec.Meta))
    extra = meta.extra or {}
    return Key(
        name=name,
        annotation=annotation,
        meaning=meta.description or "",
        default=extra.get("default") or toml_text(field.default),
        option=extra.get("option") or "--" + name.replace("_", "-"),
        secret=extra.get("secret", False),
    )


def _collect(
    table: type[msgspec.Struct], prefix: str
) -> tuple[dict[str, Key], dict[str, type[msgspec.Struct]]]:
    """The keys of a table and the tables within it, by their dotted names, in the order of the fields."""
    keys: dict[str, Key] = {}
    tables: dict[str, type[msgspec.Struct]] = {}
    hints = get_type_hints(table, include_extras=True)
    for field in inspect.type_info(table).fields:  # type: ignore[attr-defined]
        name, annotation = prefix + field.name, hints[field.name]
        if get_origin(annotation) is Annotated:
            keys[name] = _key(name, annotation, field)
        else:
            tables[name] = annotation
            keys |= _collect(annotation, name + ".")[0]
    return keys, tables


#: Every setting by its dotted name; and the tables that hold some of them.
KEYS, TABLES = _collect(Settings, "")
