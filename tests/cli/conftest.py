"""What the tests of the commands share: the program itself, run as a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest


@pytest.fixture
def clean_environment() -> dict[str, str]:
    """This process's environment without what would set something in the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRADEWATCH_")}


@pytest.fixture
def run(clean_environment: dict[str, str]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs `tradewatch` with arguments, and variables of the environment given by `environ`."""

    def run_program(
        *arguments: str, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tradewatch", *arguments],
            env={**clean_environment, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run_program
