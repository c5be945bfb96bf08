"""Whether what is installed is what this version was made for."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tradewatch.diagnosis.finding import Finding, fault, ok, warning

PROGRAM, PACKAGES = "program", "packages"

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])? *(?P<bounds>[^;]*)(?:;(?P<marker>.*))?")
_BOUND = re.compile(r" *(>=|<=|==|>|<) *(\d+(?:\.\d+)*) *")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_REINSTALL = "install it anew: make install, or pip install --upgrade tradewatch"


class Package(NamedTuple):
    """A package that is needed.

    Attributes:
        name: as the index has it.
        bounds: the versions that fit: `>=0.54,<0.55`.
        installed: the version that is there; None where it is missing.
    """

    name: str
    bounds: str
    installed: str | None


class ProgramFacts(NamedTuple):
    """What runs.

    Attributes:
        version: of this program.
        python: of the interpreter.
        python_bounds: the versions of it that fit; empty where the program is not installed as a package.
        packages: what it needs besides.
    """

    version: str
    python: str
    python_bounds: str
    packages: Sequence[Package]


def requirement(text: str) -> tuple[str, str] | None:
    """Name and bounds of a requirement as package metadata has it; None for one of an extra."""
    found = _REQUIREMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no requirement")
    if "extra" in (found["marker"] or ""):
        return None
    return found["name"], found["bounds"].strip()


def within(version: str, bounds: str) -> bool:
    """Whether a version lies within bounds; a pre-release counts as its release.

    Raises:
        ValueError: a bound that this function does not understand.
    """
    release = _release(version)
    for bound in filter(None, bounds.split(",")):
        found = _BOUND.fullmatch(bound)
        if found is None:
            raise ValueError(f"{bound!r} is no bound")
        limit = _release(found[2])
        fits = {
            ">=": release >= limit,
            "<=": release <= limit,
            "==": release == limit,
            ">": release > limit,
            "<": release < limit,
        }
        if not fits[found[1]]:
            return False
    return True


def judge(program: ProgramFacts) -> list[Finding]:
    """The interpreter, the program and its packages."""
    running = f"tradewatch {program.version} on Python {program.python}"
    if not program.python_bounds:
        what = f"{running}, not installed as a package: what it needs is not known"
        return [warning(PROGRAM, what, _REINSTALL)]
    if not within(program.python, program.python_bounds):
        advice = f"run it with a Python {program.python_bounds}"
        return [fault(PROGRAM, running, advice)]
    return [ok(PROGRAM, running), _packages(program.packages)]


def _packages(packages: Sequence[Package]) -> Finding:
    wrong = [
        f"{name} {installed or 'is missing'} (needed: {bounds or 'any'})"
        for name, bounds, installed in packages
        if installed is None or not within(installed, bounds)
    ]
    if wrong:
        return fault(PACKAGES, ", ".join(wrong), _REINSTALL)
    return ok(PACKAGES, ", ".join(f"{name} {installed}" for name, _, installed in packages))


def _release(version: str) -> tuple[int, ...]:
    """`17.4.0` and `17.4` are the same: (17, 4)."""
    found = _RELEASE.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    numbers = [int(number) for number in found[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
