"""The frame of the command line: its commands, and how they end.

Exit codes: 0 fine, 1 failed, 2 used wrongly, 130 interrupted. Data goes to stdout, words to stderr; an error
is one line there.
"""

import contextlib
import os
import sys
from typing import Annotated

import typer

import tradewatch
from tradewatch.cli import config, feeds, insights, keys, stream
from tradewatch.cli.doctor import doctor
from tradewatch.cli.examples import attach_examples
from tradewatch.cli.importing import import_files
from tradewatch.cli.quote import quote
from tradewatch.cli.serve import serve
from tradewatch.cli.symbols import symbols
from tradewatch.cli.usage import usage
from tradewatch.errors import TradewatchError
from tradewatch.one_line import one_line

_PROGRAM = "tradewatch"
#: Where a shell that completes has its question, by typer's rule for the program's name.
_COMPLETION_VARIABLE = "_TRADEWATCH_COMPLETE"
_FAILED = 1
_INTERRUPTED = 130

app = typer.Typer(
    name=_PROGRAM,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve)
app.command("stream")(stream.stream)
app.command("quote")(quote)
app.command("symbols")(symbols)
app.command("import")(import_files)
app.command("usage")(usage)
app.command("doctor")(doctor)
app.add_typer(keys.app, name="keys", help="Make, list and revoke API keys.")
app.add_typer(insights.app, name="insights", help="Tell clients about the markets.")
app.add_typer(config.app, name="config", help="Look at the settings.")
app.add_typer(feeds.app, name="feeds")
attach_examples(app)


def _print_version(wanted: bool) -> None:
    """Answer `--version`."""
    if wanted:
        typer.echo(f"{_PROGRAM} {tradewatch.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Self-hosted market-data streaming: any sources of quotes become one exact stream."""


def run() -> None:
    """The command `tradewatch`: runs what the command line asks for and ends the process."""
    try:
        code = _executed(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read our output has enough (`| head`). Python flushes stdout once more when it ends, and must
        # not meet the broken pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = _INTERRUPTED
    sys.exit(code)


def _executed(arguments: list[str]) -> int:
    """Run a command; its exit code."""
    try:
        # Not `app()`: that would end the process by itself at a broken pipe.
        command = typer.main.get_command(app)
        if _COMPLETION_VARIABLE in os.environ:
            command.main(prog_name=_PROGRAM)  # answers the shell, and ends the process
        with command.make_context(_PROGRAM, arguments) as context:
            command.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    except TradewatchError as error:
        return _failed(str(error), error.exit_code)
    except typer.TyperException as error:
        return _used_wrongly(error)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        return _failed(f"unexpected {type(error).__name__}: {error} (PYTHONDEVMODE=1 shows where)", _FAILED)
    return 0


def _used_wrongly(error: typer.TyperException) -> int:
    """Say what is wrong with the command line; a group without a command answers with its help."""
    context: typer.Context | None = getattr(error, "ctx", None)
    message = error.format_message()
    if context is None:
        return _failed(message, error.exit_code)
    if message == context.get_help():
        typer.echo(message, err=True)
        return error.exit_code
    return _failed(f"{message.rstrip('.')} (see '{context.command_path} --help')", error.exit_code)


def _failed(message: str, code: int) -> int:
    """Say why, in one line, whatever a server or a file put into the message."""
    with contextlib.suppress(BrokenPipeError):  # nobody reads it; the code still says that it failed
        typer.echo(f"{_PROGRAM}: {one_line(message)}", err=True)
    return code
