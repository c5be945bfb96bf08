"""The house rules that no linter knows: floors, rooms, sizes, words."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))
PYTHON = sorted(
    path for folder in ("src", "tests", "tools", "bench") for path in (ROOT / folder).rglob("*.py")
)
MOST_LINES = {True: 400, False: 500}  # of the package; of tests, tools and benchmarks

#: Names that say nothing about what a room holds.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff", "tools"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_module_stands_on_a_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = {name.strip() for layer in contracts[0]["layers"] for name in re.split(r"[|:]", layer)}
    rooms_without_a_floor = {
        name
        for name in map(module_name, MODULES)
        if not any(
            name == floor or name.startswith(f"{floor}.") or floor.startswith(f"{name}.") for floor in floors
        )
    }
    assert rooms_without_a_floor == set()


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_noun_of_bearable_size(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES[SOURCE in path.parents]
    if SOURCE in path.parents:
        assert path.stem not in EMPTY_NAMES
        assert ast.get_docstring(ast.parse(text)), "a module says what it is for"


def test_no_float_is_made_of_a_price() -> None:
    """Where prices are read, written and computed nobody calls `float` or writes a fraction."""
    rooms = [
        "model/price.py",
        "model/record.py",
        "protocol/v1.py",
        "protocol/price_text.py",
        "protocol/v2/json.py",
        "protocol/v2/msgpack.py",
        "publishing",
        "tape/layout.py",
        "feeds/row_parser.py",
    ]
    for room in rooms:
        place = SOURCE / "tradewatch" / room
        for path in [place] if place.is_file() else place.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                assert not (isinstance(node, ast.Name) and node.id == "float"), f"{path}:{node.lineno}"
                assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), (
                    f"{path}:{node.lineno}"
                )


def test_nothing_of_one_machine_is_in_the_tree() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    home = str(ROOT.parent)
    for name in tracked.splitlines():
        data = (ROOT / name).read_bytes()
        assert len(data) < 300_000, f"{name} is too large for a repository"
        assert home.encode() not in data, f"{name} names a directory of this machine"


def test_the_constraints_pin_every_dependency_and_name_no_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in pins}
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line) for line in pins)
    for requirement in wanted:
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        assert match
        assert match[0].lower().replace("_", "-") in pinned
