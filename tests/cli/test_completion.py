"""What a shell is answered: asked as shells ask, by the script that `--show-completion` prints."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from tradewatch.cli.completion import complete_class, complete_plan, complete_symbol

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def complete(run: Run, line: str, **environ: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    asked = {
        "_TRADEWATCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = run(environ={**asked, **environ})
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.split()


def context(**parameters: object) -> typer.Context:
    """Where the completion stands: parameters given before."""
    found = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    found.params.update(parameters)
    return found


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tradewatch sy", ["symbols"]),
        ("tradewatch keys re", ["revoke"]),
        ("tradewatch symbols --cl", ["--class"]),
        ("tradewatch symbols --class co", ["commodities"]),
        ("tradewatch keys create --scope p", ["publish"]),
        ("tradewatch keys create --plan ", ["demo", "standard", "unlimited"]),
        ("tradewatch keys change desk --plan u", ["unlimited"]),
    ],
)
def test_bash_is_offered_what_fits(run: Run, line: str, offered: list[str]) -> None:
    assert complete(run, line) == offered


def test_plans_of_the_settings_are_offered(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "tradewatch.toml"
    config.write_text("[plans.desk]\nconnections = 3\n")

    assert complete(run, "tradewatch keys create --plan d", TRADEWATCH_CONFIG=str(config)) == ["demo", "desk"]
    assert complete(run, f"tradewatch keys create --config {config} --plan de") == ["demo", "desk"]
    config.write_text("nonsense")
    assert complete(run, "tradewatch keys create --plan d", TRADEWATCH_CONFIG=str(config)) == ["demo"]


def test_classes_are_offered() -> None:
    assert complete_class("c") == ["currencies", "crypto", "commodities"]
    assert complete_class("a") == ["all"]


def test_symbols_are_those_of_the_class_on_the_line() -> None:
    assert complete_symbol(context(asset_class="stocks"), "AAPL") == ["AAPL"]
    assert complete_symbol(context(asset_class="indices"), "AAPL") == []
    assert complete_symbol(context(asset_class="crypto"), "BTCUS") == ["BTCUSD", "BTCUSDT"]
    assert len(complete_symbol(context(asset_class="commodities"), "")) > 50
    assert complete_symbol(context(asset_class="bonds"), "") == []


def test_who_types_small_letters_is_offered_small_letters() -> None:
    """typer drops what does not begin with the very letters typed."""
    assert complete_symbol(context(asset_class="crypto"), "btcus") == ["btcusd", "btcusdt"]
    assert complete_symbol(context(), "crypto:btcus") == ["crypto:btcusd", "crypto:btcusdt"]


def test_with_all_classes_names_may_have_theirs() -> None:
    assert complete_symbol(context(asset_class="all"), "crypto:BTCUS") == ["crypto:BTCUSD", "crypto:BTCUSDT"]
    assert complete_symbol(context(), "BTCUS") == ["BTCUSD", "BTCUSDT"]  # no class needed: one has it
    everything = complete_symbol(context(asset_class="all"), "")
    assert everything[0] == "currencies:EURUSD"
    assert "AAPL" not in everything


def test_own_instruments_are_offered_and_a_faulty_file_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("asset_class,symbol,decimals\nstocks,ACME,2\n")
    monkeypatch.setenv("TRADEWATCH_INSTRUMENTS", str(own))
    assert complete_symbol(context(asset_class="stocks"), "ACME") == ["ACME"]

    own.write_text("nonsense\n")
    assert complete_symbol(context(asset_class="stocks"), "AAPL") == ["AAPL"]


def test_plans_without_settings_are_the_built_in_ones() -> None:
    assert complete_plan(context(), "s") == ["standard"]


def test_completing_imports_nothing_heavy(clean_environment: dict[str, str]) -> None:
    program = (
        "import sys, typer\n"
        "from tradewatch.cli.main import app\n"
        "from tradewatch.cli.completion import complete_plan, complete_symbol\n"
        "context = typer.Context(typer.main.get_command(app))\n"
        "complete_symbol(context, 'a'), complete_plan(context, 'a')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment, capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "fastapi", "sqlalchemy", "uvicorn", "duckdb", "websockets", "pydantic", "rich"}
    assert "tradewatch.reference.known" in done.stdout.split()
    assert heavy & set(done.stdout.split()) == set()


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="there is no bash on this machine")
def test_the_script_for_bash_completes_in_bash(clean_environment: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "tradewatch"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tradewatch "$@"\n')
    program.chmod(0o755)
    environ = {
        **clean_environment,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    script = (
        'eval "$(tradewatch --show-completion)"\n'
        "COMP_WORDS=(tradewatch symbols --class in); COMP_CWORD=3\n"
        '_tradewatch_completion tradewatch; echo "${COMPREPLY[@]}"\n'
        "tradewatch --install-completion; ls -a"
    )
    done = subprocess.run(
        ["/bin/bash", "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[0] == "indices"
    assert ".bashrc" in done.stdout.split(), done.stderr
    assert "tradewatch" in (tmp_path / ".bashrc").read_text()
