"""Histories in a directory, small enough that little makes files of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewatch.history.duckdb.store import DuckHistory

Open = Callable[..., DuckHistory]
_HOT_ROWS = 50


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the history stands."""
    return tmp_path / "history"


@pytest.fixture
def opened(directory: Path) -> Iterator[Open]:
    """Opens it; the one that was open before is closed, and at the end the last."""
    held: list[DuckHistory] = []

    def open_(**options: Any) -> DuckHistory:
        while held:
            held.pop().close()
        options = {"memory_bytes": 256 << 20, "threads": 1, "hot_rows": _HOT_ROWS} | options
        held.append(DuckHistory(directory, **options))
        return held[0]

    yield open_
    while held:
        held.pop().close()


@pytest.fixture
def history(opened: Open) -> DuckHistory:
    """It, open."""
    return opened()
