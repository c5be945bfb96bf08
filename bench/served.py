"""`tradewatch serve` as benchmarks run it: on one core, with a key that no plan binds."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.process import ServerProcess

PROGRAM = (sys.executable, "-m", "tradewatch")


@contextlib.contextmanager
def served(
    feed: str,
    *,
    core: int,
    data_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[ServerProcess, str]]:
    """A server, as long as the context lasts, and the text of an API key.

    Args:
        feed: what `--feed` is told.
        core: the only one it may use, its children included.
        data_dir: where it keeps everything; None for a directory of its own, gone behind it.
        environment: settings.
    """
    with contextlib.ExitStack() as opened:
        if data_dir is None:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="tradewatch-bench-"))
            data_dir = Path(folder)
        directory = ["--data-dir", str(data_dir)]
        created = run_program("keys", "create", "--name", "bench", "--plan", "unlimited", *directory)
        command = [*PROGRAM, "serve", "--port", "0", "--feed", feed, *directory]
        server = opened.enter_context(ServerProcess(command, core=core, environment=environment))
        yield server, created.splitlines()[-1]


def run_program(*arguments: str) -> str:
    """The stdout of `tradewatch ...`."""
    return subprocess.run([*PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout
