"""Looking at what is installed."""

import platform
from importlib import metadata

import pytest

import tradewatch
from tradewatch.diagnosis.packages import judge
from tradewatch.diagnosis.probes.packages import look


def test_this_installation() -> None:
    found = look()
    assert (found.version, found.python) == (tradewatch.__version__, platform.python_version())
    assert found.python_bounds.startswith(">=3.11")
    packages = {package.name: package for package in found.packages}
    assert packages["uvicorn"].installed == metadata.version("uvicorn")
    assert "<0.55" in packages["uvicorn"].bounds
    assert [finding.verdict for finding in judge(found)] == ["ok", "ok"]


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def without_uvloop(name: str) -> str:
        if name == "uvloop":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_uvloop)
    _, packages = judge(look())
    assert (packages.verdict, packages.what) == ("fault", "uvloop is missing (needed: >=0.22)")


def test_a_checkout_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    assert (look().python_bounds, look().packages) == ("", ())
