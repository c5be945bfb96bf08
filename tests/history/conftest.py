"""Archives to test: every adapter, each begun anew for each test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tradewatch.history.archive import Archive
from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.memory import MemoryHistory


class Cabinet(Protocol):
    """Holds an archive, and can end it and open it again."""

    archive: Archive

    def reopen(self) -> Archive:
        """The archive as another process finds it."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class MemoryCabinet:
    """There is nothing to open again."""

    def __init__(self, directory: Path, **options: Any) -> None:
        del directory, options
        self.archive = MemoryHistory()

    def reopen(self) -> MemoryHistory:
        return self.archive

    def close(self) -> None:
        pass


class DuckCabinet:
    """A directory, whose database is closed and opened."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory = directory
        self.options = {"memory_bytes": 256 << 20, "threads": 1, "hot_rows": 40} | options
        self.archive = DuckHistory(directory, **self.options)

    def reopen(self) -> DuckHistory:
        self.archive.close()
        self.archive = DuckHistory(self.directory, **self.options)
        return self.archive

    def close(self) -> None:
        self.archive.close()


Make = Callable[..., Any]
_ADAPTERS = {"memory": MemoryCabinet, "duckdb": DuckCabinet}


@pytest.fixture(params=_ADAPTERS)
def cabinets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Makes cabinets of one adapter."""
    with contextlib.ExitStack() as made:

        def make(**options: Any) -> Cabinet:
            directory = tmp_path_factory.mktemp("history") / "history"
            return made.enter_context(contextlib.closing(_ADAPTERS[request.param](directory, **options)))

        yield make


@pytest.fixture
def cabinet(cabinets: Make) -> Any:
    """One."""
    return cabinets()


@pytest.fixture
def archive(cabinet: Cabinet) -> Archive:
    """The archive of it."""
    return cabinet.archive


@pytest.fixture(scope="module", params=_ADAPTERS)
def shelf_archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    """An archive that all tests of a module share."""
    directory = tmp_path_factory.mktemp("history") / "history"
    with contextlib.closing(_ADAPTERS[request.param](directory)) as cabinet:
        yield cabinet.archive
