"""What the tests of the commands share: the program itself, run as a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would set something in the program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWATCH_")}
    return {**kept, **(more or {})}


@pytest.fixture
def run() -> Run:
    """Runs `tradewatch` with arguments, and variables of the environment given by `environ`."""

    def run_program(
        *arguments: str, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tradewatch", *arguments],
            env=clean_environment(environ),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run_program
