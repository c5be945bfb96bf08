"""Writes the reference pages that follow from the code: the settings and the commands.

python tools/reference_pages.py            write them
python tools/reference_pages.py --check    exit 1 where a page is not what the code says
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

from tradewatch.cli.examples import EXAMPLES
from tradewatch.cli.main import app
from tradewatch.settings.keys import KEYS, TABLES, Key

_REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
_COMMAND = "python tools/reference_pages.py"
_MADE_BY = f"<!-- Generated from the code by `{_COMMAND}`; changes made here are lost. -->"

_SETTINGS = """\
# Settings

Each setting can be given in three ways; where several are, the first of these counts:

1. an option of the command line, where the command has one ([commands](commands.md));
2. an environment variable: `TRADEWATCH_` and the key in capitals, with `_` for the dot. An empty variable
   counts as not given; lists are separated by blanks or newlines;
3. the TOML file that `--config` or `TRADEWATCH_CONFIG` names. Keys with a dot stand in a table
   (`[limits]`, then `idle_s = 30`). A key that does not exist is an error.

`tradewatch config show` prints the values in force and where each comes from. Paths are relative to the
directory that the command runs in, and `~` is the home directory.
"""

_COMMANDS = """\
Exit codes: 0 fine, 1 failed, 2 used wrongly, 130 interrupted. Data goes to stdout, words to stderr; an error
is one line. With `PYTHONDEVMODE=1` an unexpected error shows where it came from.
"""


def settings_page() -> str:
    """docs/reference/settings.md."""
    parts = [_MADE_BY, _SETTINGS, _table([key for key in KEYS.values() if "." not in key.name])]
    for table, cls in TABLES.items():
        _, _, meaning = (cls.__doc__ or "").partition(": ")
        keys = [key for key in KEYS.values() if key.name.startswith(table + ".")]
        parts += [f"## `[{table}]`: {meaning.splitlines()[0].rstrip('.')}\n", _table(keys)]
    return "\n".join(parts)


def commands_page() -> str:
    """docs/reference/commands.md."""
    command = typer.main.get_command(app)
    _show_examples(command, "")
    context = typer.Context(command)
    tree = get_docs_for_click(obj=command, ctx=context, name="tradewatch", title="Commands")
    title, _, rest = tree.partition("\n\n")
    return "\n".join([_MADE_BY, title, "", _COMMANDS, rest.rstrip() + "\n"])


def _show_examples(command: typer.core.TyperCommand | typer.core.TyperGroup, words: str) -> None:
    """Have the examples of a command, and of those within it, in the form of the page."""
    lines = [f"# {example.purpose}\n$ {example.command}" for example in EXAMPLES.get(words, ())]
    if lines:
        command.epilog = "**Examples**:\n\n```console\n" + "\n".join(lines) + "\n```"
    for name, inner in getattr(command, "commands", {}).items():
        _show_examples(inner, f"{words} {name}".strip())


def _table(keys: list[Key]) -> str:
    """The settings as a table of Markdown."""
    rows = ["| key | default | takes | what it is | environment |", "|---|---|---|---|---|"]
    rows += [
        f"| `{key.name}` | {_default(key)} | {key.rule} | {key.meaning} | `{key.environment}` |"
        for key in keys
    ]
    return "\n".join(rows) + "\n"


def _default(key: Key) -> str:
    """The default of a setting, sizes also in the unit they are thought in."""
    if not key.name.endswith("_bytes"):
        return key.default if " " in key.default else f"`{key.default}`"
    size, unit = int(key.default), "bytes"
    for larger in ("KiB", "MiB", "GiB"):
        if size % 1024:
            break
        size, unit = size // 1024, larger
    return f"`{key.default}` ({size} {unit})"


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "commands.md": commands_page}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description="the reference pages that follow from the code")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--directory", type=Path, default=_REFERENCE, help="where the pages stand")
    arguments = parser.parse_args()
    stale = []
    for name, page in PAGES.items():
        path, text = arguments.directory / name, page()
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        print(f"docs/reference/{name} is not what the code says; run: {_COMMAND}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
