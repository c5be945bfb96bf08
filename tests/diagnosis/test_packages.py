"""What fits what: versions, bounds, and the verdict on both."""

import tomllib
from pathlib import Path

import pytest

from tradewatch.diagnosis.packages import Package, ProgramFacts, judge, requirement, within

RUNNING = "tradewatch 0.1.0 on Python 3.11.7"
GOOD = ProgramFacts("0.1.0", "3.11.7", ">=3.11", [Package("uvicorn", ">=0.54,<0.55", "0.54.2")])


@pytest.mark.parametrize(
    ("version", "bounds", "fits"),
    [
        ("0.54.0", ">=0.54,<0.55", True),
        ("0.54", ">=0.54.0", True),
        ("0.55", ">=0.54,<0.55", False),
        ("0.55.0rc1", ">=0.54,<0.55", False),
        ("0.9", ">=0.10", False),
        ("10.0", ">= 9, < 11", True),
        ("2.0", "==2", True),
        ("2.1", "==2", False),
        ("2.0", ">2", False),
        ("2.0.1", "<=2", False),
        ("1!weird", "", True),
    ],
)
def test_bounds(version: str, bounds: str, fits: bool) -> None:
    assert within(version, bounds) is fits


@pytest.mark.parametrize(("version", "bounds"), [("1", "~=1.0"), ("1", "!=2"), ("one", ">=1")])
def test_what_is_not_understood_is_an_error(version: str, bounds: str) -> None:
    with pytest.raises(ValueError, match="is no "):
        within(version, bounds)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("uvicorn<0.55,>=0.54", ("uvicorn", "<0.55,>=0.54")),
        ("uvloop>=0.22; sys_platform != 'win32'", ("uvloop", ">=0.22")),
        ("sqlalchemy[asyncio] >=2.1", ("sqlalchemy", ">=2.1")),
        ("msgspec", ("msgspec", "")),
        ("ccxt>=4; extra == 'ccxt'", None),
    ],
)
def test_requirements(text: str, found: tuple[str, str] | None) -> None:
    assert requirement(text) == found


def test_every_requirement_of_ours_is_understood() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        found = requirement(text)
        assert found is not None
        assert within("99999", found[1]) is ("<" not in found[1])


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (
            GOOD,
            [("program", "ok", RUNNING), ("packages", "ok", "uvicorn 0.54.2")],
        ),
        (GOOD._replace(python="3.10.2"), [("program", "fault", "tradewatch 0.1.0 on Python 3.10.2")]),
        (
            GOOD._replace(
                packages=[
                    Package("uvicorn", ">=0.54,<0.55", "0.55.0"),
                    Package("uvloop", "", None),
                    Package("msgspec", ">=0.22", "0.22.0"),
                ]
            ),
            [
                ("program", "ok", RUNNING),
                (
                    "packages",
                    "fault",
                    "uvicorn 0.55.0 (needed: >=0.54,<0.55), uvloop is missing (needed: any)",
                ),
            ],
        ),
        (
            GOOD._replace(python_bounds=""),
            [
                (
                    "program",
                    "warning",
                    f"{RUNNING}, not installed as a package: what it needs is not known",
                )
            ],
        ),
    ],
)
def test_verdicts(facts: ProgramFacts, found: list[tuple[str, str, str]]) -> None:
    findings = judge(facts)
    assert [(finding.check, finding.verdict.value, finding.what) for finding in findings] == found
    assert all(bool(finding.advice) is (finding.verdict != "ok") for finding in findings)
