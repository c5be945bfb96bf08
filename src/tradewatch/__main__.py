"""The command `tradewatch`, also as `python -m tradewatch`."""

import contextlib
import os
import sys

import tradewatch


def run() -> None:
    """Run the command line; `--version` alone is answered before any command is imported."""
    if sys.argv[1:] == ["--version"]:
        with contextlib.suppress(BrokenPipeError):  # nobody reads it
            os.write(1, f"tradewatch {tradewatch.__version__}\n".encode())
        return
    from tradewatch.cli.main import run as run_command  # noqa: PLC0415 - takes most of the time, see above

    run_command()


if __name__ == "__main__":
    run()
