"""Histories on a disk, and the service that answers from them."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.store.quoting import Quoting

from tradewatch.history.duckdb.store import DuckHistory
from tradewatch.history.request import Request
from tradewatch.protocol.cursor import Cursors
from tradewatch.store.address import socket_path
from tradewatch.store.answers import Answer, Answers
from tradewatch.store.service import Service


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """`<data-dir>/history`."""
    directory = tmp_path / "history"
    directory.mkdir()
    return directory


@pytest.fixture
def archive(history: Path) -> Iterator[DuckHistory]:
    archive = DuckHistory(history, memory_bytes=64 << 20, threads=1)
    yield archive
    archive.close()


@pytest.fixture
def quoting(archive: DuckHistory) -> Quoting:
    return Quoting(archive)


@pytest.fixture
def answers(archive: DuckHistory, history: Path) -> Answers:
    return Answers(archive, Cursors(b"s" * 32), history / "tmp", lambda: {"recorded_offset": 7})


@pytest.fixture
def serve(history: Path) -> Iterator[Callable[[Callable[[Request], Answer]], Service]]:
    """Starts services on the socket of `history`."""
    started: list[tuple[Service, threading.Thread]] = []

    def start(answer: Callable[[Request], Answer]) -> Service:
        service = Service(socket_path(history), answer)
        thread = threading.Thread(target=service.run)
        thread.start()
        started.append((service, thread))
        return service

    yield start
    for service, thread in started:
        service.stop()
        thread.join(5)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], object], *, within_s: float = 20.0) -> None:
    """Wait until this is true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
