"""The examples at the end of every command's help: they stand here, and are attached to the commands."""

from collections.abc import Mapping
from typing import NamedTuple

import typer


class Example(NamedTuple):
    """A command line, and what it is good for."""

    command: str
    purpose: str


#: By the words of the command; the program itself is the empty text.
EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "": (
        Example("tradewatch serve", "Start a server with invented quotes; it prints a key and a command"),
        Example("tradewatch stream crypto BTCUSD", "Hear quotes, in another terminal"),
        Example("tradewatch symbols gold", "Find out what there is"),
    ),
    "serve": (
        Example("tradewatch serve --feed 'simulated?symbols=50&rate=1000'", "Fifty instruments, busier"),
        Example("tradewatch serve --feed 'replay:day.csv?class=currencies&time=now'", "Play a recording"),
        Example(
            "tradewatch serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem", "For others, encrypted"
        ),
    ),
    "stream": (
        Example("tradewatch stream crypto BTCUSD ETHUSD", "Two coins, until Ctrl-C"),
        Example(
            "tradewatch stream --snapshot all currencies:EURUSD stocks:AAPL",
            "Begin with the last known quotes",
        ),
        Example("tradewatch stream --count 100 currencies EURUSD", "End after a hundred quotes"),
    ),
    "import": (
        Example("tradewatch import currencies-2025.csv.gz", "A file that begins with the name of its class"),
        Example("tradewatch import --class crypto --skip-bad-rows day1.parquet day2.parquet", "Two others"),
    ),
    "quote": (
        Example("tradewatch quote crypto:BTCUSD EURUSD", "The newest quotes of two instruments"),
        Example("tradewatch quote --json crypto:BTCUSD", "One, for a script"),
    ),
    "symbols": (
        Example("tradewatch symbols gold", "By a part of the name"),
        Example("tradewatch symbols --class stocks --limit 5 bank", "Five stocks"),
        Example("tradewatch symbols --instruments own.csv", "Everything, with a file of one's own"),
    ),
    "usage": (
        Example("tradewatch usage", "The last 24 hours, by the hour"),
        Example("tradewatch usage desk --by day --from 2026-01-01", "One key, by the day"),
    ),
    "doctor": (
        Example("tradewatch doctor", "Will this machine do?"),
        Example("tradewatch doctor --config tradewatch.toml --json", "With these settings, for a script"),
    ),
    "keys create": (
        Example("tradewatch keys create --name desk", "A key that reads"),
        Example(
            "tradewatch keys create --name collector --scope publish --publish-class crypto",
            "One that may publish coins",
        ),
    ),
    "keys list": (Example("tradewatch keys list", "All keys, without their secrets"),),
    "keys revoke": (Example("tradewatch keys revoke desk", "Take a key out of use"),),
    "keys change": (Example("tradewatch keys change desk --plan unlimited", "Put a key on another plan"),),
    "keys plans": (Example("tradewatch keys plans", "The plans and their limits"),),
    "insights add": (
        Example("tradewatch insights add 'All quiet before the opening'", "For clients of all classes"),
        Example(
            "tradewatch insights add --class currencies --ticket EURUSD 'EURUSD holds above 1.17'",
            "Of one class, and about one symbol",
        ),
    ),
    "insights import": (Example("tradewatch insights import insights.jsonl", "Add those of a file"),),
    "insights list": (
        Example("tradewatch insights list --class crypto", "What clients read about coins"),
        Example("tradewatch insights list --json", "All of them, for a file"),
    ),
    "insights remove": (Example("tradewatch insights remove 0b1f9a6c3d5e7f901234", "Take one back"),),
    "config show": (
        Example("tradewatch config show", "The settings in force"),
        Example("tradewatch config show --port 9000", "What an option would change"),
    ),
    "feeds": (
        Example("tradewatch feeds", "The feeds there are"),
        Example("tradewatch feeds check 'simulated?symbols=1000&rate=50000'", "Try one"),
    ),
    "feeds check": (
        Example("tradewatch feeds check 'simulated?symbols=1000&rate=50000'", "What would be invented"),
        Example("tradewatch feeds check 'replay:day.csv?class=currencies&speed=10'", "What is in a file"),
    ),
}


def examples_of(command: str) -> str | None:
    """The end of a command's help; None where there are no examples of it."""
    if command not in EXAMPLES:
        return None
    lines = ["\b", "Examples:"]  # the sign keeps the lines from being joined to one paragraph
    for example in EXAMPLES[command]:
        lines += [f"  # {example.purpose}", f"  {example.command}"]
    return "\n".join(lines)


def attach_examples(app: typer.Typer, words: tuple[str, ...] = ()) -> None:
    """Put the examples below the help of an app, and of all commands within it."""
    app.info.epilog = examples_of(" ".join(words))
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        command.epilog = examples_of(" ".join([*words, name]))
    for group in app.registered_groups:
        if group.typer_instance is not None:
            attach_examples(group.typer_instance, (*words, group.name or ""))
