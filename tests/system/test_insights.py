"""Insights of a real server: added beside it, they are there at the next request."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.server import Server, run_command
from tradewatch.model.asset_class import AssetClass


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def insights(server: Server, *arguments: str) -> str:
    """Run `tradewatch insights ...` beside the server; its stdout."""
    done = run_command("insights", *arguments, "--data-dir", str(server.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(server: Server, asset_class: str) -> list[str]:
    answer = server.get(f"/{asset_class}/insights", headers={"api-key": server.demo_key})
    assert answer.status_code == 200, answer.text
    return [item["content"] for item in answer.json()["items"]]


def test_beside_a_running_server(server: Server, tmp_path: Path) -> None:
    assert [shown(server, asset_class) for asset_class in AssetClass] == [[]] * 5

    insights(server, "add", "--at", "2026-01-02T12:00:00Z", "quiet")
    assert [shown(server, asset_class) for asset_class in AssetClass] == [["quiet"]] * 5

    file = tmp_path / "more.jsonl"
    line = {"timestamp": "2026-01-02T13:00:00Z", "content": "louder", "asset_class": "stocks"}
    file.write_text(json.dumps(line))
    insights(server, "import", str(file))
    assert shown(server, "stocks") == ["louder", "quiet"]

    newest = json.loads(insights(server, "list", "--class", "stocks", "--limit", "1"))
    insights(server, "remove", newest["id"])
    assert shown(server, "stocks") == ["quiet"]
