"""What `serve` tells a person once it listens: where, with what, and a command to paste."""

import shlex
import shutil
import sys
from pathlib import Path

import tradewatch
from tradewatch.app import Started

_INDENT = "  "


def banner(started: Started) -> str:
    """The text for stdout; it holds the demo key, which nothing else ever shows."""
    settings = started.settings
    secure = "s" if settings.tls_cert else ""
    lines = [
        f"tradewatch {tradewatch.__version__} listens on http{secure}://{started.address}",
        f"{_INDENT}stream    ws{secure}://{started.address}/<class>/quotes, or / for all classes",
        f"{_INDENT}health    http{secure}://{started.address}/health/ready",
        f"{_INDENT}data      {settings.data_dir.absolute()}",
        *(f"{_INDENT}feed      {feed}" for feed in settings.feeds),
    ]
    if started.simulated:
        lines.append(f"{_INDENT}          SIMULATED: these prices are invented by this program")
    if started.demo_key is None:
        return "\n".join(
            [*lines, "", "Create a key for each client:", "", f"{_INDENT}{_keys_command(started)}"]
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Demo key, until this process ends: {started.demo_key}",
            "",
            "Stream quotes, in another terminal:",
            "",
            f"{_INDENT}{_stream_command(started, started.demo_key)}",
            "",
        ]
    )


def _stream_command(started: Started, demo_key: str) -> str:
    """A command that shows quotes of everything the feeds have."""
    secure = bool(started.settings.tls_cert)
    names = [instrument.key for instrument in started.examples] or ["*"]
    command = ["stream", "--url", f"ws{'s' if secure else ''}://{started.address}", "--api-key", demo_key]
    if secure:
        command += ["--cacert", str(started.settings.tls_cert)]
    return shlex.join([_program(), *command, "--snapshot", "all", *names])


def _keys_command(started: Started) -> str:
    return shlex.join(
        [
            _program(),
            "keys",
            "create",
            "--name",
            "NAME",
            "--data-dir",
            str(started.settings.data_dir.absolute()),
        ]
    )


def _program() -> str:
    """How this very program is called from where the person stands."""
    program = Path(sys.executable).parent / "tradewatch"
    if shutil.which("tradewatch") == str(program):
        return "tradewatch"
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)
