"""Help teaches by example: every command has some, they stand where they should, and they are right."""

import subprocess
from collections.abc import Callable, Iterator

import pytest
import typer.main
from tests.test_docs import assert_parses

from tradewatch.cli.examples import EXAMPLES
from tradewatch.cli.main import app

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def leaves(command: typer.core.TyperCommand | typer.core.TyperGroup, words: str = "") -> Iterator[str]:
    """The words of every command that does something."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield words
    for name, one in inner.items():
        yield from leaves(one, f"{words} {name}".strip())


COMMANDS = [*leaves(typer.main.get_command(app)), "feeds", ""]


def test_there_are_examples_of_every_command_and_of_nothing_else() -> None:
    assert sorted(EXAMPLES) == sorted(COMMANDS)
    assert {len(examples) for examples in EXAMPLES.values()} <= {1, 2, 3}


@pytest.mark.parametrize(
    "command", [example.command for examples in EXAMPLES.values() for example in examples]
)
def test_an_example_is_a_command_line_that_parses(command: str) -> None:
    assert command.startswith("tradewatch ")
    assert_parses(command)


@pytest.mark.parametrize("words", [words for words in COMMANDS if words])
def test_an_example_is_one_of_its_own_command(words: str) -> None:
    for example in EXAMPLES[words]:
        assert f"{example.command} ".startswith(f"tradewatch {words} ")


@pytest.mark.parametrize("words", ["", "symbols", "keys create"])
def test_help_ends_with_them_unbroken(run: Run, words: str) -> None:
    shown = run(*words.split(), "--help").stdout

    lines = ["  Examples:"]
    for example in EXAMPLES[words]:
        lines += [f"    # {example.purpose}", f"    {example.command}"]
    assert shown.endswith("\n\n" + "\n".join(lines) + "\n")
