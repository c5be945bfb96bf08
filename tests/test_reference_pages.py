"""The generated reference pages: the same everywhere, and a stale one is named."""

import os
import subprocess
import sys
from pathlib import Path

_TOOL = Path(__file__).parents[1] / "tools" / "reference_pages.py"


def _run(*arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "HOME": str(home), "COLUMNS": "40", "TRADEWATCH_URL": "ws://elsewhere"}
    return subprocess.run(
        [sys.executable, str(_TOOL), *arguments], env=environ, capture_output=True, text=True, check=False
    )


def test_pages_are_written_the_same_everywhere_and_a_stale_one_is_named(tmp_path: Path) -> None:
    pages = {}
    for name in ("one", "other"):
        directory = tmp_path / name
        assert _run("--directory", str(directory), home=directory).returncode == 0
        pages[name] = {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()}
    assert pages["one"] == pages["other"]
    assert sorted(pages["one"]) == ["commands.md", "settings.md"]
    assert "| `limits.head_bytes` | `32768` (32 KiB) |" in pages["one"]["settings.md"]
    assert "## `tradewatch stream`" in pages["one"]["commands.md"]

    fresh = _run("--check", "--directory", str(tmp_path / "one"), home=tmp_path)
    assert (fresh.returncode, fresh.stdout, fresh.stderr) == (0, "", "")
    (tmp_path / "one" / "settings.md").write_text("old", encoding="utf-8")
    stale = _run("--check", "--directory", str(tmp_path / "one"), home=tmp_path)
    line = "docs/reference/settings.md is not what the code says; run: python tools/reference_pages.py\n"
    assert (stale.returncode, stale.stdout, stale.stderr) == (1, "", line)
