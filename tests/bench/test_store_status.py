"""The store is asked over its socket, and how far it is behind is summed up."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from bench.store_status import Lateness, await_store, store_status

from tradewatch.history.request import Head, Request, StatusRequest
from tradewatch.store.address import socket_path
from tradewatch.store.answers import Answer
from tradewatch.store.service import Service


@pytest.fixture
def behind_ms(tmp_path: Path) -> Iterator[list[int]]:
    """What a store of `tmp_path` says, question by question; the last one for good."""
    left: list[int] = []

    def answer(request: Request) -> Answer:
        assert request == StatusRequest()
        body = msgspec.json.encode({"rows": 7, "behind_ms": left.pop(0) if len(left) > 1 else left[0]})
        yield Head(length=len(body))
        yield body[:5]
        yield body[5:]

    service = Service(socket_path(tmp_path), answer)
    thread = threading.Thread(target=service.run)
    thread.start()
    yield left
    service.stop()
    thread.join()


def test_a_status_comes_in_pieces(behind_ms: list[int], tmp_path: Path) -> None:
    behind_ms += [12]
    await_store(tmp_path)
    assert store_status(tmp_path) == {"rows": 7, "behind_ms": 12}


def test_lateness_is_asked_for_again_and_again(behind_ms: list[int], tmp_path: Path) -> None:
    behind_ms += [*[10] * 50, 500, 11]
    with Lateness(tmp_path, every_s=0.001) as lateness:
        while len(behind_ms) > 1:
            pass
    assert lateness.p50_ms == 10
    assert lateness.p99_ms in (11, 500)


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store_status(tmp_path)
