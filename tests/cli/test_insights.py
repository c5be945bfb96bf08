"""`tradewatch insights`."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from tradewatch.cli import insights as command
from tradewatch.cli.insights import app
from tradewatch.errors import TradewatchError
from tradewatch.insights.insight import Entry, Insight, MetaData
from tradewatch.insights.store import InsightStore
from tradewatch.model.asset_class import AssetClass

AT_MS = 1_767_389_239_253


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(data_dir: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])
    assert result.exit_code == 0, result.output
    return result


def refused(data_dir: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])
    assert result.stdout == ""
    assert isinstance(result.exception, TradewatchError), result.output
    return str(result.exception)


def kept(data_dir: Path) -> list[Entry]:
    with InsightStore.open(data_dir) as store:
        return list(store.read(AssetClass))


def test_add_with_everything(data_dir: Path):
    result = run(
        data_dir,
        *("add", "--class", "currencies", "--market", "forex", "--ticket", "EURUSD", "--ticket", "DXY"),
        *("--hashtag", "payrolls", "--at", "2026-01-02T21:27:19.253Z", "EURUSD holds"),
    )
    tags = MetaData(markets=("forex",), tickets=("EURUSD", "DXY"), hashtags=("payrolls",))
    (entry,) = kept(data_dir)
    assert entry == Entry(
        AssetClass.CURRENCIES, Insight(timestamp=AT_MS, content="EURUSD holds", meta_data=tags)
    )
    assert result.stdout == f"{entry.id}\n"
    assert result.stderr == "added 1\n"


def test_add_without_a_class_is_for_all_and_without_a_time_is_now(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tradewatch.clock.time.time_ns", lambda: AT_MS * 10**6)
    result = run(data_dir, "add", "quiet")
    entries = kept(data_dir)
    assert {entry.asset_class for entry in entries} == set(AssetClass)
    assert {entry.insight for entry in entries} == {Insight(timestamp=AT_MS, content="quiet")}
    assert sorted(result.stdout.split()) == sorted(entry.id for entry in entries)
    assert run(data_dir, "add", "--class", "crypto", "quiet").stderr == "added 0, 1 known already\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", " "], "the content is empty"),
        (
            ["add", "--at", "noon", "a"],
            "'noon' is no time, such as 2026-01-31T12:00:00Z or Unix milliseconds",
        ),
        (["add", "--at", "1969-12-31", "a"], "Expected `int` >= 0 - at `$.timestamp`"),
        (
            ["add", "--ticket", "A" * 65, "a"],
            "Expected `str` of length <= 64 - at `$.meta_data.tickets[0]`",
        ),
    ],
)
def test_add_refuses_and_writes_nothing(data_dir: Path, arguments: list[str], message: str):
    assert refused(data_dir, *arguments) == message
    assert not data_dir.exists()


def test_the_whole_of_a_file_or_nothing(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "_ENTRIES_PER_WRITE", 2)
    file = tmp_path / "insights.jsonl"
    lines = [json.dumps({"timestamp": n, "content": f"n{n}", "asset_class": "crypto"}) for n in range(5)]
    file.write_text("\n".join([*lines, '{"timestamp": 5}']))
    assert refused(data_dir, "import", str(file)) == (
        f"{file}, line 6: Object missing required field `content`"
    )
    assert not data_dir.exists()
    file.write_text("\n".join([*lines, lines[0]]))
    assert run(data_dir, "import", str(file)).stderr == "added 5, 1 known already\n"
    assert run(data_dir, "import", str(file)).stderr == "added 0, 6 known already\n"
    assert [entry.insight.content for entry in kept(data_dir)] == ["n4", "n3", "n2", "n1", "n0"]


def test_what_gave_way_is_told(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(InsightStore.__init__, "__kwdefaults__", {"max_insights": 3})
    file = tmp_path / "insights.jsonl"
    file.write_text('{"timestamp": 7, "content": "a"}\n')
    assert run(data_dir, "import", str(file)).stderr == "added 5, 2 of the oldest gave way\n"


def test_what_is_listed_can_be_imported_elsewhere(data_dir: Path, tmp_path: Path):
    run(data_dir, "add", "--ticket", "SPY", "--at", "1", "a\nb")
    run(data_dir, "add", "--class", "stocks", "--at", "2", "c")
    listed = run(data_dir, "list", "--json")
    assert json.loads(listed.stdout.splitlines()[0])["content"] == "c"
    file = tmp_path / "listed.jsonl"
    file.write_text(listed.stdout)
    run(tmp_path / "other", "import", str(file))
    assert kept(tmp_path / "other") == kept(data_dir)
    assert len(kept(data_dir)) == 6


def test_list_of_a_class_and_of_the_newest(data_dir: Path):
    for at in ("1", "2", "3"):
        run(data_dir, "add", "--class", "crypto", "--at", at, f"at {at}")
    run(data_dir, "add", "--class", "stocks", "--at", "9", "other")
    lines = run(data_dir, "list", "--class", "crypto", "--limit", "2").stdout.splitlines()
    assert [json.loads(line)["content"] for line in lines] == ["at 3", "at 2"]


def test_a_table_for_people(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    run(
        data_dir,
        "add",
        "--class",
        "crypto",
        "--at",
        str(AT_MS),
        "--market",
        "m",
        "--hashtag",
        "h",
        "x\n" * 40,
    )
    heading, row = run(data_dir, "list").stdout.splitlines()
    assert re.split(r"  +", heading) == ["ID", "CLASS", "SAID", "ABOUT", "CONTENT"]
    entry_id = kept(data_dir)[0].id
    said = "x\\n" * 19 + "..."
    assert re.split(r"  +", row) == [entry_id, "crypto", "2026-01-02T21:27:19.253Z", "m,#h", said]


def test_remove(data_dir: Path):
    insight_id = run(data_dir, "add", "--class", "crypto", "gone\nsoon").stdout.strip()
    assert run(data_dir, "remove", insight_id).stderr == "removed from crypto: gone\\nsoon\n"
    assert kept(data_dir) == []
    assert refused(data_dir, "remove", insight_id) == f"no insight has the id {insight_id!r}"


def test_a_file_that_is_none(data_dir: Path, tmp_path: Path):
    assert refused(data_dir, "import", str(tmp_path)) == f"{tmp_path} is no file, and is read twice"
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert run(data_dir, "import", str(empty)).stderr == "added 0\n"


def test_importing_the_commands_reads_nothing_heavy():
    heavy = {"alembic", "duckdb", "fastapi", "numpy", "rich", "sqlalchemy", "uvicorn", "websockets"}
    program = f"import sys, tradewatch.cli.insights; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
