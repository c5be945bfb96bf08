"""Starts real servers, and ends what a test left of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.server import Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Starts servers, and ends what is left of them."""
    started: list[Server] = []

    def start(*arguments: str, data_dir: Path | None = None, **process: Any) -> Server:
        process.setdefault("env", {**os.environ, "PYTHONUNBUFFERED": "1"})
        server = Server(data_dir or tmp_path / "data", *arguments, **process)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()
