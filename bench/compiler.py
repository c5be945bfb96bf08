"""The C programs of the benchmarks, compiled when they are needed."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

_SOURCES = Path(__file__).parent / "native"


@functools.cache
def compiler() -> str | None:
    """The C compiler of this machine, or None."""
    return next((name for name in ("gcc", "clang", "cc") if shutil.which(name)), None)


@functools.cache
def compiled(name: str) -> str:
    """The path of the program made from `native/<name>.c`; it is deleted at the end of this process.

    Raises:
        RuntimeError: there is no compiler.
        subprocess.CalledProcessError: the compiler refuses.
    """
    if (program := compiler()) is None:
        raise RuntimeError("no C compiler")
    target = Path(_folder().name) / name
    subprocess.run([program, "-O2", "-o", target, _SOURCES / f"{name}.c"], check=True)
    return str(target)


@functools.cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="tradewatch-bench-")
