"""`config show`: valid TOML on stdout that sets the same again, words on stderr."""

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewatch.settings.keys import KEYS

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of settings."""
    path = tmp_path / "tradewatch.toml"
    path.write_text('host = "0.0.0.0"\nport = 1\n[limits]\nidle_s = 5\n')
    return path


def test_each_setting_with_its_origin(run: Run, file: Path) -> None:
    environ = {"TRADEWATCH_PORT": "2", "TRADEWATCH_LOG_LEVEL": "debug"}
    options = ["--log-level", "error", "--feed", "a b", "--feed", 'c"d']
    done = run("config", "show", "--config", str(file), *options, environ=environ)
    assert (done.stderr, done.returncode) == ("", 0)
    lines = done.stdout.splitlines()
    assert [line.split(" = ")[0] for line in lines] == list(KEYS)
    assert {
        f'host = "0.0.0.0"  # file {file}',
        "port = 2  # environment TRADEWATCH_PORT",
        'log_level = "error"  # option --log-level',
        'feeds = ["a b", "c\\"d"]  # option --feed',
        f"limits.idle_s = 5.0  # file {file}",
        'tls_key = ""  # default',
    } <= set(lines)


def test_what_is_printed_is_a_file_that_sets_the_same(run: Run, file: Path, tmp_path: Path) -> None:
    first = run("config", "show", "--config", str(file), "--data-dir", 'da"ta', "--host", "é").stdout
    again = tmp_path / "again.toml"
    again.write_text(first, encoding="utf-8")
    second = run("config", "show", "--config", str(again)).stdout
    assert tomllib.loads(second) == tomllib.loads(first)
    assert {line.rpartition("  # ")[2] for line in second.splitlines()} == {f"file {again}"}


def test_as_json(run: Run, file: Path) -> None:
    done = run("config", "show", "--config", str(file), "--data-dir", "data", "--json")
    shown = json.loads(done.stdout)
    assert list(shown) == list(KEYS)
    assert shown["port"] == {"value": 1, "origin": f"file {file}"}
    assert shown["data_dir"] == {"value": "data", "origin": "option --data-dir"}
    assert shown["feeds"] == {"value": ["simulated"], "origin": "default"}
    assert shown["tls_cert"] == {"value": None, "origin": "default"}


def test_variables_that_set_nothing_are_named_on_stderr(run: Run) -> None:
    done = run("config", "show", environ={"TRADEWATCH_PROT": "1", "TRADEWATCH_SERVICE_HOST": "10.0.0.1"})
    assert done.stderr == "ignored, as they set nothing: TRADEWATCH_PROT, TRADEWATCH_SERVICE_HOST\n"
    assert (tomllib.loads(done.stdout)["port"], done.returncode) == (8000, 0)


def test_an_unknown_key_is_named(run: Run, file: Path) -> None:
    file.write_text("prot = 1\n")
    done = run("config", "show", "--config", str(file))
    line = f"tradewatch: file {file}: no setting 'prot'; did you mean 'port'?\n"
    assert (done.stdout, done.stderr, done.returncode) == ("", line, 2)
