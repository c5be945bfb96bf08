"""Asks what is installed."""

import platform
from importlib import metadata

import tradewatch
from tradewatch.diagnosis.packages import Package, ProgramFacts, requirement

_NAME = "tradewatch"


def look() -> ProgramFacts:
    """The interpreter, the program, and what its metadata asks for."""
    running = ProgramFacts(tradewatch.__version__, platform.python_version(), "", ())
    try:
        program = metadata.distribution(_NAME)
    except metadata.PackageNotFoundError:
        return running
    needed = (found for text in program.requires or () if (found := requirement(text)))
    return running._replace(
        python_bounds=program.metadata["Requires-Python"] or "",
        packages=[Package(name, bounds, _installed(name)) for name, bounds in needed],
    )


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
