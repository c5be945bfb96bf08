"""One server that has recorded all the real quotes, and the official client to ask it."""

import csv
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import tradewatch_io

from tests.system.official.recordings import Recording, read_recordings
from tests.system.server import Server, run_command

_READY_S = 60.0
_INSIGHTS: list[dict[str, Any]] = [
    {
        "timestamp": 1_767_389_239_253 + 1_000 * number,
        "content": f"{asset_class} number {number}",
        "asset_class": asset_class,
        "meta_data": {"markets": ["forex"], "tickets": [f"T{number}"], "hashtags": ["payrolls", "cpi"]},
    }
    for asset_class in ("commodities", "crypto", "currencies", "indices", "stocks")
    for number in range(5)
]


@dataclass(frozen=True)
class Site:
    """The server, and what is known of it."""

    server: Server
    key: str
    recordings: dict[str, Recording]
    http: httpx.Client

    def recording(self, asset_class: str) -> Recording:
        """The first file of a class."""
        return next(each for each in self.recordings.values() if each.asset_class == asset_class)

    def catalogue(self, asset_class: str) -> dict[str, dict[str, str]]:
        """The rows of the built-in table by symbol, and of what the feeds brought."""
        rows = {row["symbol"]: row for row in table(asset_class)}
        brought = {
            each.symbol: {"name": ""} for each in self.recordings.values() if each.asset_class == asset_class
        }
        return dict(sorted({**brought, **rows}.items()))

    @property
    def insights(self) -> list[dict[str, Any]]:
        """What was imported, the newest first."""
        return sorted(_INSIGHTS, key=lambda each: -each["timestamp"])

    @property
    def api(self) -> tradewatch_io.TradewatchApi:
        return self.api_of(self.key)

    def api_of(self, key: str) -> tradewatch_io.TradewatchApi:
        """The official client with a key."""
        return tradewatch_io.TradewatchApi(api_key=key, base_url=self.server.http, httpx_client=self.http)


def table(name: str) -> list[dict[str, str]]:
    """A table of reference data that comes with the package."""
    text = (files("tradewatch.reference") / "data" / f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="package")
def site(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("official")
    recordings = read_recordings(shared_data)
    feeds = [part for each in recordings.values() for part in ("--feed", each.feed)]
    server = Server(folder / "data", *feeds)
    try:
        lines = folder / "insights.jsonl"
        lines.write_text("\n".join(map(json.dumps, _INSIGHTS)))
        done = run_command("insights", "import", str(lines), "--data-dir", str(server.data_dir))
        assert done.returncode == 0, done.stderr
        key = server.create_key("official", "--plan", "unlimited")
        rows = sum(len(each.rows) for each in recordings.values())
        _await(server, key, "/history/status", lambda status: _recorded(status) == rows)
        _await(server, key, "/usage", bool)
        with httpx.Client(timeout=60) as http:
            yield Site(server, key, recordings, http)
    finally:
        server.kill()


@pytest.fixture
async def async_api(site: Site) -> AsyncIterator[tradewatch_io.AsyncTradewatchApi]:
    async with httpx.AsyncClient(timeout=60) as http:
        yield tradewatch_io.AsyncTradewatchApi(api_key=site.key, base_url=site.server.http, httpx_client=http)


def _await(server: Server, key: str, path: str, good: Callable[[Any], bool]) -> None:
    """Come back when a path answers what is good."""
    deadline = time.monotonic() + _READY_S
    while not good(said := server.get(path, headers={"api-key": key}).json()):
        assert time.monotonic() < deadline, f"{path}: {said}\n{server.errors}"
        time.sleep(0.05)


def _recorded(status: dict[str, Any]) -> int:
    """The rows that the history has."""
    totals = status.get("totals", {})
    return int(totals.get("rows", 0)) + int(totals.get("hot_rows", 0))
